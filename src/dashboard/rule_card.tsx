/**
 * One rule: its quota and its counts.
 *
 * @module
 */

import type { JSX } from "hono/jsx/jsx-runtime";
import type { Period } from "../rules/calendar.ts";
import type { CompiledRule } from "../rules/rule.ts";
import type { StatsRule } from "../stats/report.ts";
import { Bar, type Look } from "./bar.tsx";
import { count, percent, span } from "./number_text.ts";
import type { Page } from "./page.tsx";
import { RouteText } from "./route_text.tsx";

/** The use of a quota that all clients share. */
export interface SharedUse {
  readonly limit: number;
  readonly used: number;
}

/** A rule and its statistics. */
export interface ShownRule {
  readonly name: string;
  readonly seen: StatsRule;
  /** Do the statistics name it? Rules beyond the most that they name are counted together. */
  readonly isNamed: boolean;
  /** Null for a rule of another throttle in these statistics. */
  readonly rule: CompiledRule | null;
  /** The use of a quota that all clients share; else null. */
  readonly shared: SharedUse | null;
  /** Its trial and the counts of that; null without a trial. */
  readonly trial: TrialFacts | null;
}

/** A trial and the limit that it tries. */
export type TrialFacts = Pick<ShownRule, "rule" | "seen">;

/** Is the rule in shadow mode? */
export function isShadow({ rule, seen }: ShownRule): boolean {
  return (rule?.mode ?? seen.mode) === "shadow";
}

/** The number of requests that the rule refused or, in shadow mode, would have refused. */
export function refusals({ seen: { refused, shadow_refused } }: ShownRule): number {
  return refused + shadow_refused;
}

/** "live" or "shadow". */
export function ModeBadge({ shown }: { shown: ShownRule }): JSX.Element {
  return isShadow(shown) ? <span class="badge shadow">shadow</span> : <span class="badge">live</span>;
}

/** A calendar period: "per month from day 15, Europe/Berlin". */
function periodText({ every, timeZone, startsOn }: Period): string {
  return `per ${every}${startsOn === 1 ? "" : ` from day ${startsOn}`}, ${timeZone}`;
}

function limitText({ rule, seen }: TrialFacts): string {
  const limit = rule?.limit ?? seen.limit;
  const windowMs = rule?.windowMs ?? seen.window_ms;
  if (limit === null || windowMs === null) return "decided per request";
  if (rule?.implementation.heldWhileRunning === true) return `${count(limit)} at once`;
  if (rule?.period) return `${count(limit)} ${periodText(rule.period)}`;
  return `${rule?.limit === null ? "decided per request, last " : ""}${count(limit)} in ${span(windowMs)}`;
}

/** Names of keys for people; other keys show their key names. */
const KEY_WORDS: Readonly<Record<string, string>> = { global: "all clients together", ip: "address" };

function keyText({ key: { keyName = "key of its own" } }: CompiledRule): string {
  return Object.hasOwn(KEY_WORDS, keyName) ? KEY_WORDS[keyName] : keyName;
}

function RuleFacts({ rule }: { rule: CompiledRule }) {
  return (
    <>
      <div>
        <dt>For each</dt>
        <dd>{keyText(rule)}</dd>
      </div>
      <div>
        <dt>On</dt>
        <dd>
          {rule.on.length === 0 ? "every request" : rule.on.map((text) => (
            <div>
              <RouteText>{text}</RouteText>
            </div>
          ))}
        </dd>
      </div>
      <div>
        <dt>Algorithm</dt>
        <dd>{rule.algorithm}</dd>
      </div>
    </>
  );
}

/** The members of a trial that are not those of its rule, as text. */
function trialText({ rule }: ShownRule, trial: TrialFacts): string {
  const texts = [limitText(trial)];
  if (rule !== null && trial.rule !== null) {
    if (keyText(rule) !== keyText(trial.rule)) texts.push(`for each ${keyText(trial.rule)}`);
    if (rule.algorithm !== trial.rule.algorithm) texts.push(trial.rule.algorithm);
  }
  return texts.join(", ");
}

/** A rule beside its trial: which of the two refuse. */
function TrialPart({ shown, trial }: { shown: ShownRule; trial: TrialFacts }) {
  const { both, liveOnly, trialOnly, neither } = shown.seen.trial ??
    { both: 0, liveOnly: 0, trialOnly: 0, neither: 0 };
  const whole = both + liveOnly + trialOnly + neither;
  const parts: readonly (readonly [look: Look, name: string, n: number])[] = [
    ["shadow", "Only the trial refuses", trialOnly],
    ["refused", "Both refuse", both],
    ["near", "Only the rule refuses", liveOnly],
    ["total", "Neither refuses", neither],
  ];
  return (
    <section class="trial" aria-label={`Trial of ${shown.name}`}>
      <h4>
        Trial: {trialText(shown, trial)} <span class="badge shadow">trial</span>
      </h4>
      <p class="note">{count(whole)} requests that no other rule refused</p>
      <Bar whole={whole} parts={parts.map(([look, , n]) => [look, n] as const)} />
      <dl class="parts two">
        {parts.map(([look, name, n]) => (
          <div>
            <dt class={look}>{name}</dt>
            <dd>
              {count(n)} <small>{percent(n, whole)}</small>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function UsedNow({ shared: { limit, used } }: { shared: SharedUse }) {
  return (
    <div>
      <dt>Used now</dt>
      <dd>
        {`${count(used)} of ${count(limit)}`}
        <Bar whole={limit} parts={[[used < limit ? "total" : "refused", used]]} />
      </dd>
    </div>
  );
}

/** How the requests of a rule went. */
function Requests({ shown }: { shown: ShownRule }) {
  const { seen: { requests, near_limit } } = shown;
  const refused = refusals(shown);
  const parts: readonly (readonly [look: Look, name: string, n: number])[] = [
    ["total", "Passed", requests - refused - near_limit],
    ["near", "Near the limit", near_limit],
    isShadow(shown) ? ["shadow", "Would refuse", refused] : ["refused", "Refused", refused],
  ];
  return (
    <>
      <p class="sum">
        <strong>{count(requests)}</strong> requests in 24 hours
      </p>
      <Bar whole={requests} parts={parts.map(([look, , n]) => [look, n] as const)} />
      <dl class="parts">
        {parts.map(([look, name, n]) => (
          <div>
            <dt class={look}>{name}</dt>
            <dd>
              {count(n)} <small>{percent(n, requests)}</small>
            </dd>
          </div>
        ))}
      </dl>
    </>
  );
}

/** A rule as a card. */
export function RuleCard({ page, shown }: { page: Page; shown: ShownRule }): JSX.Element {
  const { name, rule, seen, isNamed, shared, trial } = shown;
  return (
    <article class="panel rule">
      <h3>
        {name} <ModeBadge shown={shown} />
      </h3>
      <dl class="facts">
        <div>
          <dt>Limit</dt>
          <dd>{limitText(shown)}</dd>
        </div>
        {rule === null ? null : <RuleFacts rule={rule} />}
        {shared === null ? null : <UsedNow shared={shared} />}
      </dl>
      {isNamed ? <Requests shown={shown} /> : <p class="note">It has no numbers of its own.</p>}
      {trial === null || !isNamed && seen.trial === undefined
        ? null
        : <TrialPart shown={shown} trial={trial} />}
      {rule === null ? null : (
        <p>
          <a href={`${page.links}lookup?${new URLSearchParams({ rule: name })}`}>
            Look up a key<span class="unseen">{` of rule ${name}`}</span>
          </a>
        </p>
      )}
    </article>
  );
}
