/**
 * The page of rules: the quota of each, its use, and its refusals.
 *
 * @module
 */

import type { JSX } from "hono/jsx/jsx-runtime";
import { type Decision, hasNumbers } from "../decision.ts";
import { EVERYBODY } from "../keys/global.ts";
import type { CompiledRule } from "../rules/rule.ts";
import type { StatsReport, StatsRule } from "../stats/report.ts";
import { Bar } from "./bar.tsx";
import { count, percent } from "./number_text.ts";
import { Layout, type Page } from "./page.tsx";
import { isShadow, ModeBadge, refusals, RuleCard, type ShownRule } from "./rule_card.tsx";
import { Table } from "./table.tsx";

const NOTHING: StatsRule = {
  requests: 0,
  refused: 0,
  shadow_refused: 0,
  near_limit: 0,
  limit: null,
  window_ms: null,
  mode: null,
};

/** The use of a quota that all clients share, if the store can be read. */
async function sharedUse({ throttle }: Page, { name, limit, key }: CompiledRule): Promise<Decision | null> {
  if (limit === null || key.keyName !== "global") return null;
  const decision = await throttle.usage(name, EVERYBODY);
  return hasNumbers(decision) ? decision : null;
}

/** The throttle's rules, and the other rules in the statistics. */
async function shownRules(
  page: Page,
  by: StatsReport["by_rule"],
): Promise<[own: ShownRule[], others: ShownRule[]]> {
  const { rules } = page.throttle;
  const seenOf = (name: string): StatsRule => Object.hasOwn(by, name) ? by[name] : NOTHING;
  const own = rules.map(async (rule) => (
    { name: rule.name, rule, seen: seenOf(rule.name), shared: await sharedUse(page, rule) }
  ));
  const others = Object.keys(by).filter((name) => !rules.some((rule) => rule.name === name));
  return [
    await Promise.all(own),
    others.map((name) => ({ name, rule: null, seen: seenOf(name), shared: null })),
  ];
}

/** Compares rules in shadow mode with live ones, to help decide when to enforce them. */
function ShadowAgainstLive({ rules }: { rules: readonly ShownRule[] }) {
  const share = (shown: ShownRule): number => shown.seen.requests && refusals(shown) / shown.seen.requests;
  return (
    <Table
      caption="Shadow against live, last 24 hours"
      head={["Rule", "Decided", "Refused, or would be"]}
      rows={[...rules].sort((a, b) => share(b) - share(a)).map((shown) => [
        <>
          {shown.name} <ModeBadge shown={shown} />
          <Bar whole={1} parts={[[isShadow(shown) ? "shadow" : "refused", share(shown)]]} />
        </>,
        count(shown.seen.requests),
        <>
          {count(refusals(shown))} <small>{percent(refusals(shown), shown.seen.requests)}</small>
        </>,
      ])}
    />
  );
}

/** Every rule: its limit, its near misses, and its refusals, real or in shadow mode. */
export async function rulesPage(page: Page, report: StatsReport): Promise<JSX.Element> {
  const [own, others] = await shownRules(page, report.by_rule);
  const sections: readonly (readonly [title: string, rules: readonly ShownRule[], note: string])[] = [
    ["Live", own.filter((shown) => !isShadow(shown)), "These refuse what is over their limit."],
    ["Shadow", own.filter(isShadow), "On trial: these count refusals, and refuse no request."],
    ["Elsewhere", others, "Rules of other throttles that these statistics count too."],
  ];
  return (
    <Layout page={page} title="Rules" report={report}>
      {sections.filter(([, rules]) => rules.length > 0).map(([title, rules, note]) => (
        <section aria-label={`${title} rules`}>
          <h2>{title}</h2>
          <p class="note">{note}</p>
          <div class="cards">{rules.map((shown) => <RuleCard page={page} shown={shown} />)}</div>
        </section>
      ))}
      {own.some(isShadow) ? <ShadowAgainstLive rules={[...own, ...others]} /> : null}
      <p class="note">Near the limit: let pass with a tenth of the limit left, or less.</p>
    </Layout>
  );
}
