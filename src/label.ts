/**
 * Rate headers on responses.
 *
 * @module
 */

import { type Decision, hasNumbers, refuses } from "./decision.ts";
import type { HeaderFormat, Quota, Report } from "./headers/format.ts";
import type { PreparedRule } from "./rule.ts";

/** A rule and what it decided. */
export interface Verdict {
  readonly rule: PreparedRule;
  readonly decision: Decision;
}

/** Writes what the verdicts say into headers. */
export type Labeller = (headers: Headers, verdicts: readonly Verdict[]) => void;

/**
 * Applies a change to a response's headers: in place where they can be changed, else on a copy with the
 * same body. Headers of a fetched response and of `Response.redirect()` cannot on most runtimes.
 * A 101 and `Response.error()` cannot be copied, and what a handler returns to say that it upgraded the
 * connection is no response: they stay as they are.
 */
export function withHeaders(response: Response, change: (headers: Headers) => void): Response {
  if (typeof response?.headers?.set !== "function" || response.status === 101 || response.type === "error") {
    return response;
  }
  try {
    change(response.headers);
    return response;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const copy = new Response(response.body, response);
    change(copy.headers);
    return copy;
  }
}

/** Lets scripts of other origins read the rate headers, where the response is theirs to read at all (Fetch, CORS-safelisted response names). */
function expose(headers: Headers, names: readonly string[]): void {
  if (!headers.has("access-control-allow-origin")) return;
  const shown = headers.get("access-control-expose-headers")?.split(",").map((name) => name.trim()) ?? [];
  const known = new Set(shown.map((name) => name.toLowerCase()));
  const missing = names.filter((name) => !known.has(name.toLowerCase()) && headers.has(name));
  if (missing.length > 0) headers.set("access-control-expose-headers", [...shown, ...missing].join(", "));
}

/** The wait that the refusing decisions amount to; null when waiting cannot help, or nothing refuses. */
function waitOf(verdicts: readonly Verdict[]): number | null {
  let waitMs: number | null = null;
  for (const { decision } of verdicts) {
    if (refuses(decision)) waitMs = Math.max(waitMs ?? 0, decision.retryAfterMs);
  }
  return waitMs === Infinity ? null : waitMs;
}

/**
 * Compiles the formats of a throttle and of its rules into one function.
 *
 * @param rules The rules; those with formats of their own use these instead.
 * @param formats The throttle's formats.
 */
export function compileLabel(rules: readonly PreparedRule[], formats: readonly HeaderFormat[]): Labeller {
  const used = new Map<HeaderFormat, Set<PreparedRule>>();
  for (const rule of rules) {
    for (const format of rule.headers ?? formats) {
      used.set(format, (used.get(format) ?? new Set()).add(rule));
    }
  }
  const plans = [...used].map(([format, users]) => ({
    format,
    users: users.size === rules.length ? null : users,
  }));
  const names = [...new Set(plans.flatMap(({ format }) => Object.keys(format.describe ?? {})))];

  const reportOf = (verdicts: readonly Verdict[]): Report => {
    const quotas: Quota[] = [];
    let denied = false;
    for (const { rule, decision } of verdicts) {
      if (decision.mode === "shadow") continue;
      if (!decision.allowed) denied = true;
      if (hasNumbers(decision)) quotas.push({ decision, algorithm: rule.implementation });
    }
    return { denied, quotas, retryAfterMs: waitOf(verdicts), at: verdicts[0]?.decision.at ?? 0 };
  };

  return (headers, verdicts) => {
    if (verdicts.length === 0) return;
    const whole = reportOf(verdicts);
    for (const { format, users } of plans) {
      format.write(
        headers,
        users === null ? whole : reportOf(verdicts.filter(({ rule }) => users.has(rule))),
      );
    }
    expose(headers, names);
  };
}
