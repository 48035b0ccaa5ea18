/**
 * The page of rules: the quota of each, its use, and its refusals.
 *
 * @module
 */

import type { Child } from "hono/jsx";
import type { JSX } from "hono/jsx/jsx-runtime";
import { hasNumbers } from "../decision.ts";
import { EVERYBODY } from "../keys/global.ts";
import type { CompiledRule } from "../rules/rule.ts";
import type { StatsReport, StatsRule, StatsRuleCounts } from "../stats/report.ts";
import { MAX_NAMES, OTHER } from "../stats/subjects.ts";
import { Bar } from "./bar.tsx";
import { count, percent } from "./number_text.ts";
import { Layout, type Page } from "./page.tsx";
import { RouteText } from "./route_text.tsx";
import {
  isShadow,
  ModeBadge,
  refusals,
  RuleCard,
  type SharedUse,
  type ShownRule,
  type TrialFacts,
} from "./rule_card.tsx";
import { Table } from "./table.tsx";
import { usedOf } from "./used.ts";

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
async function sharedUse({ throttle }: Page, { name, limit, key }: CompiledRule): Promise<SharedUse | null> {
  if (limit === null || key.keyName !== "global") return null;
  const decision = await throttle.usage(name, EVERYBODY);
  return hasNumbers(decision) ? { limit, used: usedOf(throttle, decision) } : null;
}

/** The throttle's rules, and the other rules in the statistics. */
async function shownRules(
  page: Page,
  by: StatsReport["by_rule"],
): Promise<[own: ShownRule[], others: ShownRule[]]> {
  const { rules } = page.throttle;
  const seenOf = (name: string): StatsRule => Object.hasOwn(by, name) ? by[name] : NOTHING;
  // Without numbers of its own a rule may be one of those that are counted together.
  const isNamed = (name: string): boolean => !Object.hasOwn(by, OTHER) || seenOf(name).requests > 0;
  const trialOf = (name: string): TrialFacts | null => {
    const trial = rules.find((rule) => rule.trialOf === name);
    return trial === undefined ? null : { rule: trial, seen: seenOf(trial.name) };
  };
  const own = rules.filter(({ trialOf }) => trialOf === undefined).map(async (rule) => {
    const { name } = rule;
    const numbers = { seen: seenOf(name), isNamed: isNamed(name), trial: trialOf(name) };
    return { name, rule, ...numbers, shared: await sharedUse(page, rule) };
  });
  const elsewhere = Object.keys(by).filter((name) => !rules.some((rule) => rule.name === name));
  const others = elsewhere.filter((name) => name !== OTHER && !isTrial(name)).map((name) => {
    const seen = seenOf(name);
    const trial = seen.trial === undefined ? null : { rule: null, seen: seenOf(`${name}${TRIAL}`) };
    return { name, rule: null, seen, isNamed: true, shared: null, trial };
  });
  return [await Promise.all(own), others];
}

/** The end of a trial's name; no rule can be given such a name. */
const TRIAL = "+trial";
const isTrial = (name: string): boolean => name.endsWith(TRIAL);

/** The clients and the routes with the most requests that only a trial would refuse. */
function OnlyTrials({ report }: { report: StatsReport }) {
  const { top_trial_only_ips: ips, top_trial_only_endpoints: endpoints } = report;
  const rowsOf = (listed: readonly { rule: string; requests: number }[], nameOf: (i: number) => Child) =>
    listed.map(({ rule, requests }, i) => [
      <>
        {nameOf(i)} <span class="note">under {rule}</span>
        <Bar whole={listed[0].requests} parts={[["shadow", requests]]} />
      </>,
      count(requests),
    ]);
  return (
    <>
      <Table
        caption="Clients that only a trial would refuse, last 24 hours"
        head={["Client and rule", "Requests"]}
        rows={rowsOf(ips, (i) => <code>{ips[i].ip}</code>)}
        empty="No trial would have refused a request that its rule let pass."
      />
      {endpoints.length === 0 ? null : (
        <Table
          caption="Routes that only a trial would refuse, last 24 hours"
          head={["Route and rule", "Requests"]}
          rows={rowsOf(endpoints, (i) => <RouteText>{endpoints[i].endpoint}</RouteText>)}
        />
      )}
    </>
  );
}

/** The sums of the rules that the statistics do not name. */
function CountedTogether({ counts: { requests, refused, shadow_refused } }: { counts: StatsRuleCounts }) {
  return (
    <section aria-label="Rules counted together">
      <h2>Counted together</h2>
      <p class="note">
        The statistics name {MAX_NAMES.rule} rules, trials included. All others together decided{" "}
        {count(requests)} times in 24 hours: {count(refused)} refusals, and {count(shadow_refused)}{" "}
        in shadow mode.
      </p>
    </section>
  );
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
      {Object.hasOwn(report.by_rule, OTHER) ? <CountedTogether counts={report.by_rule[OTHER]} /> : null}
      {[...own, ...others].some(({ trial }) => trial !== null) ? <OnlyTrials report={report} /> : null}
      {own.some(isShadow)
        ? <ShadowAgainstLive rules={[...own, ...others].filter(({ isNamed }) => isNamed)} />
        : null}
      <p class="note">
        Near the limit: let pass with a tenth of the limit, or of a burst below it, left, or less.
      </p>
    </Layout>
  );
}
