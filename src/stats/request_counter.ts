/**
 * Counts the requests that a throttle decided, in a timeline.
 *
 * @module
 */

import { addressKey } from "../client/address.ts";
import { type Decision, hasNumbers, refuses } from "../decision.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { RuleCheck } from "../exchange/rule_check.ts";
import { keyedHash, randomSeed, type Seed } from "../hash/half_sip_hash.ts";
import { ExchangeEvent, type ThrottleEvent } from "../observers/events.ts";
import { trialOutcomes } from "../observers/trial_outcome.ts";
import { type Kind, NEAR_LIMIT, REFUSED, REQUESTS, SHADOW_REFUSED, TRIAL_MEASURES } from "./counts.ts";
import { ruleKey, shortKey } from "./rule_key.ts";
import type { RuleFacts } from "./shared_span.ts";
import type { Sharing } from "./sharing.ts";
import { MAX_NAMES, OTHER } from "./subjects.ts";
import type { Timeline } from "./timeline.ts";

/** The methods of HTTP, and that of `spend`. */
const METHODS = new Set(
  ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "SPEND"],
);
/** The route of requests that no rule has a pattern for. */
const ANY_ROUTE = "*";
/** The mark of a client that is no address. */
const NO_ADDRESS = "\0";

/** Is a client called by its address? */
export function isAddress(client: string): boolean {
  return !client.startsWith(NO_ADDRESS);
}

/** The client of a request: the address, an IPv6 network as one; where there is none, the partition of the first rule. */
function clientOf(exchange: Exchange): string | null {
  let address: string | null = null;
  try {
    ({ address } = exchange);
  } catch {
    // The user's own function failed, as it did where the address decides something: there it is reported.
  }
  if (address !== null) return address.includes(":") ? addressKey(address) : address;
  const [check] = exchange.checks;
  return check === undefined ? null : NO_ADDRESS + shortKey(check.partition);
}

/** The rules that refused a request, each with its key. */
function keysOf({ rule, key }: ThrottleEvent, exchange: Exchange | undefined): readonly string[] {
  if (exchange !== undefined) {
    return exchange.checks.filter(refuses).map((check) =>
      ruleKey(check.rule.name, shortKey(check.partition))
    );
  }
  return rule === undefined || key === undefined ? [] : [ruleKey(rule, shortKey(key))];
}

/** Did an allowed request leave a tenth or less? A burst below the limit is never more than full. */
function isNearLimit({ limit, remaining }: Decision, check: RuleCheck | undefined): boolean {
  if (remaining * 10 > limit) return false;
  return remaining * 10 <= (check?.rule.implementation.capacity?.(limit) ?? limit);
}

/** Counts the decision of each rule. Would a rule in shadow mode have refused? */
function countRules(
  time: Timeline,
  rules: Map<string, RuleFacts>,
  { decisions }: ThrottleEvent,
  exchange: Exchange | undefined,
): boolean {
  let shadowed = false;
  for (let i = 0; i < decisions.length; i++) {
    const decision = decisions[i];
    const { rule, limit, windowMs, mode, allowed } = decision;
    const known = rules.get(rule);
    if (known?.limit !== limit || known.window_ms !== windowMs || known.mode !== mode) {
      if (known !== undefined || rules.size < MAX_NAMES.rule) {
        rules.set(rule, { limit, window_ms: windowMs, mode });
      }
    }
    const id = time.idOf("rule", rule);
    time.add(id, REQUESTS);
    if (refuses(decision)) time.add(id, REFUSED);
    else if (!allowed) time.add(id, SHADOW_REFUSED);
    else if (isNearLimit(decision, exchange?.checks[i]) && hasNumbers(decision)) time.add(id, NEAR_LIMIT);
    shadowed ||= !allowed && mode === "shadow";
  }
  return shadowed;
}

/** No rules: for most requests nothing is made. */
const NONE: readonly string[] = [];

/** Counts the outcome of each trial. The rules whose trials alone would refuse the request. */
function countTrials(time: Timeline, { decisions }: ThrottleEvent): readonly string[] {
  if (!decisions.some(({ trialOf }) => trialOf !== undefined)) return NONE;
  const outcomes = trialOutcomes(decisions);
  for (const { rule, outcome } of outcomes) {
    time.add(time.idOf("trial", rule), TRIAL_MEASURES.indexOf(outcome));
  }
  return outcomes.filter(({ outcome }) => outcome === "trialOnly").map(({ rule }) => rule);
}

/** Counts requests. */
export interface RequestCounter {
  /** Counts the request of a verdict. */
  count(event: ThrottleEvent, refused: boolean): void;
  /** When the first request was counted, epoch ms; null before. */
  readonly since: number | null;
  /** Keys the hashes of clients; drawn when it is first needed. */
  readonly seed: Seed;
}

/** The parts of the statistics that a counter of requests needs. */
export interface RequestCounterOptions {
  readonly time: Timeline;
  /** Epoch ms. */
  readonly clock: () => number;
  /** Filled with the facts of the rules. */
  readonly rules: Map<string, RuleFacts>;
  /** Where instances share their counts; null for none. */
  readonly shared: Sharing | null;
}

/** @returns A counter of requests. */
export function requestCounter({ time, clock, rules, shared }: RequestCounterOptions): RequestCounter {
  const halves = new Int32Array(2);
  let seed: Seed | null = null;
  let since: number | null = null;

  function countAs(kind: Kind, name: string, refused: boolean, shadowed: boolean): void {
    const id = time.idOf(kind, name);
    time.add(id, REQUESTS);
    if (refused) time.add(id, REFUSED);
    if (shadowed) time.add(id, SHADOW_REFUSED);
  }

  return {
    get since() {
      return since;
    },
    get seed() {
      return seed ??= randomSeed();
    },
    count(event, refused) {
      const now = clock();
      const minute = time.enter(now);
      since ??= now;
      const route = event.route ?? ANY_ROUTE;
      const exchange = ExchangeEvent.exchange(event);
      const shadowed = countRules(time, rules, event, exchange);
      countAs("total", "", refused, shadowed);
      countAs("route", route, refused, shadowed);
      countAs("method", METHODS.has(event.method) ? event.method : OTHER, refused, shadowed);

      const trials = countTrials(time, event);
      const client = exchange === undefined ? event.key ?? null : clientOf(exchange);
      if (client !== null) {
        keyedHash(client, seed ??= randomSeed(), halves);
        time.seen(halves[0], halves[1]);
      }
      const keys = refused ? keysOf(event, exchange) : [];
      const refusal = refused || trials.length > 0 ? { client, route, keys, trials } : null;
      if (refusal !== null) time.refused(refusal);
      if (shared === null) return;
      shared.note(minute, client, refusal);
      shared.touch(minute, now, exchange?.platform ?? []);
    },
  };
}
