/**
 * The limits of a caller as a page: no script, nothing from elsewhere.
 *
 * @module
 */

import type { RuleCheck } from "../exchange/rule_check.ts";
import { quotaText, waitText } from "../rejections/quota_text.ts";
import type { PreparedRule } from "../rules/rule.ts";
import { callerLimit } from "./caller_limit.ts";

const STYLE = `
:root { color-scheme: light dark; }
body { margin: 0 auto; max-width: 48rem; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .5rem .75rem .5rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid GrayText; overflow-wrap: anywhere; }
tbody th { font-weight: 600; }
tbody th span { display: block; font-weight: 400; }
meter { display: block; width: 100%; min-width: 4rem; }
`;

/** A time in words, with its exact form for machines. */
function timeText(at: string | null, ms: number, before: string): string {
  if (at === null) return "";
  return `<time datetime="${at}" title="${at}">${before} ${waitText(ms)}</time>`;
}

/** The row of a rule. No character of a rule's name means anything in HTML. */
function rowOf(check: RuleCheck, { cost }: PreparedRule): string {
  const { rule, limit, used, remaining, resetsAt, blockedUntil } = callerLimit(check);
  const quota = quotaText({
    ...{ limit, windowMs: check.windowMs, unit: check.unit, every: check.every },
    cost: typeof cost === "number" ? cost : 0,
  });
  const when = blockedUntil === null
    ? timeText(resetsAt, check.resetAfterMs, "in") || "unused"
    : timeText(blockedUntil, check.blockedMs, "blocked for");
  const meter = limit === 0
    ? ""
    : `<meter min="0" max="${limit}" value="${used}" aria-label="Used of ${rule}">${used} of ${limit}</meter>`;
  return `<tr><th scope="row">${rule}<span>${quota}</span></th><td>${used}${meter}</td><td>${remaining}</td><td>${when}</td></tr>`;
}

/**
 * @param checks The checks of the caller's rules that have numbers, decided.
 * @param lacksSome Has the caller limits without numbers too, as the store fails?
 * @param rules All rules, as they were written.
 */
export function limitsPage(
  checks: readonly RuleCheck[],
  lacksSome: boolean,
  rules: readonly PreparedRule[],
): string {
  const rows = checks.map((check) => rowOf(check, rules[check.rule.index]));
  const table = `<table>
<thead><tr><th scope="col">Limit</th><th scope="col">Used</th><th scope="col">Left</th><th scope="col">All free again</th></tr></thead>
<tbody>${rows.join("\n")}</tbody>
</table>`;
  const nothing = lacksSome ? "" : "<p>Nothing limits you here.</p>";
  const missing = lacksSome ? "\n<p>Some limits cannot be shown for now.</p>" : "";
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Your limits</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Your limits</h1>
${rows.length === 0 ? nothing : table}${missing}
</main>
</body>
</html>
`;
}
