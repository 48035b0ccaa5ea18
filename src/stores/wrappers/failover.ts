/**
 * The failure ladder around a store: a deadline, a circuit breaker, then each rule's failure policy.
 *
 * @module
 */

import { type DatedDecision, type Decision, refuses } from "../../decision.ts";
import { each, type MaybePromise, rescue, then } from "../../maybe.ts";
import type { CompiledRule, FailurePolicy } from "../../rules/rule.ts";
import { answerOf } from "./answer.ts";
import { wrapStore } from "./wrap_store.ts";
import type { Breaker } from "./circuit_breaker.ts";
import { decideInGroups, groupsOf, type Item, returnsOf } from "./decide_in_groups.ts";
import { healthOf, type PartHealth } from "./health.ts";
import { DEADLINE_MS, forgetBeside } from "./failure_policy.ts";
import { inTime, lateAnswer } from "./late_answer.ts";
import { ruleOf } from "../rule_error.ts";
import { isElsewhere, standInFor } from "./fallback.ts";
import type { Check, DatedStore, Store, StoreChange } from "../store.ts";

/** What {@link failover} takes beside a store. */
export interface FailoverOptions {
  /** The throttle's rules. */
  readonly rules: readonly CompiledRule[];
  /** What rules that say nothing themselves do while the store fails. */
  readonly onStoreFailure: FailurePolicy;
  /** How many failures among twice as many calls make it ask no more. Default 5. Of throttles on one store the first says. */
  readonly failures?: number;
  /** After how many ms without asking it is tried again. Default 1000. The same. */
  readonly probeAfterMs?: number;
}

/** One question to a part of the store. */
interface Call {
  readonly part: PartHealth;
  readonly checks: readonly Check[];
  readonly spend: boolean;
  readonly ticket: number;
  /** Of rules that have failed by themselves. */
  readonly trials: readonly Trial[];
}

/** A rule that has failed by itself is tried again. */
interface Trial {
  readonly breaker: Breaker;
  readonly ticket: number;
}

const itemOf = (check: Check): Item => ({ check });
const checkOf = ({ check }: Item): Check => check;

/**
 * Puts the failure ladder around a store. An answer that is late, an error, and what is no answer at all are
 * one and the same: the store failed. Nothing is tried twice, as that might charge twice. A refusal is an answer.
 *
 * While the store fails each rule goes by its policy, see {@link standInFor}. What was charged here is corrected here; what the
 * store charged is corrected there, if need be when it is back. A charge of which the store tells too late is given back.
 *
 * What can fail alone has a breaker of its own: each part of the store, and each rule whose step fails where the states are.
 * The rest of the request is decided by the store as ever, all or none together.
 *
 * @param store Any store.
 * @param options See {@link FailoverOptions}.
 * @returns A store that never fails, but for `forget`: that is an operator's wish, and rejects when it cannot be done.
 */
export function failover(store: Store, options: FailoverOptions): DatedStore {
  const { rules, onStoreFailure, failures = 5, probeAfterMs = 1000 } = options;
  const { deadlineMs = DEADLINE_MS } = store;
  const standIn = standInFor(store, rules, onStoreFailure);
  const { clock } = standIn;
  const health = healthOf(store, { failures, probeAfterMs, deadlineMs, clock });
  const listeners: ((change: StoreChange) => void)[] = [];
  const policies = rules.map((rule) => rule.onStoreFailure ?? onStoreFailure);
  health.join(policies, (change) => listeners.forEach((listener) => listener(change)));

  function decide(checks: readonly Check[], spend = true): MaybePromise<readonly DatedDecision[]> {
    if (checks.length === 0 || checks.some(isElsewhere)) return standIn.decide(checks, spend, 0);
    return then(each(checks, partOf, undefined), (parts) => {
      const [first] = parts;
      const isWhole = parts.every((part) => part === first);
      if (isWhole && !health.hasRuleBreakers) return decideIn(first, checks, spend, []);
      return decideInParts(checks, parts, spend);
    });
  }

  const partOf = (check: Check): MaybePromise<PartHealth> => health.partOf(check);

  /** By part; null: without the store. */
  function decideInParts(
    checks: readonly Check[],
    parts: readonly (PartHealth | null)[],
    spend: boolean,
  ): MaybePromise<readonly DatedDecision[]> {
    const trials = new Map<string, Trial | null>();
    for (const { policy: { name } } of checks) {
      const breaker = health.ruleBreaker(name);
      if (breaker === undefined) continue;
      const ticket = breaker.enter() ?? breaker.enterProbe();
      trials.set(name, ticket === null ? null : { breaker, ticket });
    }
    const groups = groupsOf(
      checks.map(itemOf),
      ({ check }, i) => trials.get(check.policy.name) === null ? null : parts[i],
    );
    const decideGroup = (place: PartHealth | null, items: readonly Item[], spend: boolean) => {
      const own = items.map(checkOf);
      if (place === null) return standIn.decide(own, spend, 0);
      return decideIn(place, own, spend, own.flatMap(({ policy }) => trials.get(policy.name) ?? []));
    };
    const [first] = groups;
    return groups.length === 1
      ? decideGroup(first.place, first.items, spend)
      : decideInGroups(groups, spend, decideGroup);
  }

  /** In one part. */
  function decideIn(
    part: PartHealth,
    checks: readonly Check[],
    spend: boolean,
    trials: readonly Trial[],
  ): MaybePromise<readonly DatedDecision[]> {
    const { breaker, returns } = part;
    let ticket = breaker.enter();
    if (ticket === null) {
      if (part.part.probe === undefined) ticket = breaker.enterProbe();
      else health.probeAside(part);
    }
    const isCorrection = checks.some(({ since }) => since !== null);
    if (ticket === null || (isCorrection && part.part.isConnected?.() === false)) {
      returns.keep(checks);
      if (ticket !== null) breaker.withdraw(ticket);
      for (const trial of trials) trial.breaker.withdraw(trial.ticket);
      return standIn.decide(checks, spend, breaker.waitMs());
    }
    // Before the question, so that a slot that ought to be free is free.
    if (returns.size > 0) health.sendReturns(part);
    return rescue(ask, recover, { part, checks, spend, ticket, trials });
  }

  function ask(call: Call): MaybePromise<readonly DatedDecision[]> {
    return then(inTime(store.decide(call.checks, call.spend), deadlineMs), accept, call);
  }

  function accept(answer: readonly Decision[], call: Call): readonly DatedDecision[] {
    const { part, checks, spend, ticket, trials } = call;
    const decisions = answerOf(checks, answer, clock);
    for (const { breaker, ticket } of trials) breaker.succeed(ticket, true);
    health.succeeded(part, ticket, spend && hasCharged(checks, decisions));
    if (spend) standIn.mirror(checks, decisions);
    return decisions;
  }

  function recover(error: unknown, call: Call): MaybePromise<readonly DatedDecision[]> {
    const { part, checks, spend, ticket, trials } = call;
    const rule = ruleOf(error);
    if (rule !== null && checks.some(({ policy }) => policy.name === rule)) {
      health.succeeded(part, ticket, false);
      return withoutRule(rule, error, call);
    }
    for (const trial of trials) trial.breaker.withdraw(trial.ticket);
    part.sample = checks[0];
    part.breaker.fail(ticket, error);
    if (part.part.ranNothing?.(error)) part.returns.keep(checks);
    else if (spend) takeBack(error, call);
    return standIn.decide(checks, spend, part.breaker.waitMs());
  }

  /** Nothing was charged: the rules beside it are asked about once more, without it. */
  function withoutRule(
    rule: string,
    error: unknown,
    { checks, part, spend, trials }: Call,
  ): MaybePromise<readonly DatedDecision[]> {
    const breaker = health.ruleBreaker(rule, true)!;
    const trial = trials.find((trial) => trial.breaker === breaker);
    breaker.fail(trial?.ticket ?? breaker.enter() ?? 0, error);
    return decideInGroups(
      groupsOf(checks.map(itemOf), ({ check }) => check.policy.name === rule ? null : part),
      spend,
      (place, items, spend) => {
        const own = items.map(checkOf);
        return place === null
          ? standIn.decide(own, spend, 0)
          : decideIn(place, own, spend, trials.filter((other) => other !== trial));
      },
    );
  }

  /** The verdict was made elsewhere, so a charge that the store tells of later is nobody's. */
  function takeBack(error: unknown, { part, checks }: Call): void {
    const late = lateAnswer<readonly Decision[]>(error);
    if (late === undefined) return;
    health.aside(late.then((answer) => {
      const decisions = answerOf(checks, answer, clock);
      health.correct(part, returnsOf(checks.map(itemOf), decisions).map(checkOf));
    }));
  }

  function observe(listener: (change: StoreChange) => void): void {
    listeners.push(listener);
    store.observe?.(listener);
  }

  return wrapStore(store, {
    decide,
    forget: forgetBeside(store, standIn),
    observe,
    background: health.background,
  });
}

/** Did the store write anything for this? */
function hasCharged(checks: readonly Check[], decisions: readonly DatedDecision[]): boolean {
  return checks.some(({ cost }) => cost !== 0) && !decisions.some(refuses) &&
    decisions.some(({ allowed }) => allowed);
}
