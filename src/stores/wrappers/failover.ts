/**
 * The failure policy around a store: a deadline, a circuit breaker, then each rule's failure policy.
 *
 * @module
 */

import { type ChargedDecision, refuses, type StoreDecision } from "../../decision.ts";
import { all, each, type MaybePromise, rescue, then } from "../../maybe.ts";
import type { CompiledRule, FailurePolicy } from "../../rules/rule.ts";
import { answerOf } from "./answer.ts";
import { wrapStore } from "./wrap_store.ts";
import type { Breaker } from "./circuit_breaker.ts";
import { decideInGroups, groupsOf, type Item, returnsOf } from "./decide_in_groups.ts";
import { type Health, healthOf, type PartHealth } from "./health.ts";
import { inTime, lateAnswer } from "./late_answer.ts";
import { ruleOf } from "../rule_error.ts";
import { type Fallback, fallbackFor, isElsewhere } from "./fallback.ts";
import type { Check, Store, WrappedStore } from "../store.ts";

/** How long a throttle waits for a store without a time-out of its own, in ms. */
const DEADLINE_MS = 250;

/** Forgets a key in the store and beside it: that is an operator's wish, and rejects when it cannot be done. */
function forgetBeside(store: Store, fallback: Fallback): (key: string) => MaybePromise<void> {
  return (key) =>
    rescue(
      () => {
        fallback.forget(key);
        return inTime(store.forget?.(key), store.deadlineMs ?? DEADLINE_MS);
      },
      (cause) => {
        throw new Error("Cannot reset this key as the store failed: it may be forgotten or not", { cause });
      },
    );
}

/** The options of {@link failover}. */
export interface FailoverOptions {
  /** The throttle's rules. */
  readonly rules: readonly CompiledRule[];
  /** The policy of rules that have none of their own, while the store fails. */
  readonly onStoreFailure: FailurePolicy;
  /**
   * The number of failures, among twice as many calls, after which the store is not asked. Default 5. Of several
   * throttles on one store the first decides.
   */
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
  /** The probes of rules that have failed by themselves. */
  readonly probes: readonly RuleProbe[];
}

/** A rule that has failed by itself is asked about again. */
interface RuleProbe {
  readonly breaker: Breaker;
  readonly ticket: number;
}

const itemOf = (check: Check): Item => ({ check });
const checkOf = ({ check }: Item): Check => check;
/** A question is of requests alone, or of corrections alone. Are these several corrections? */
const areSeveralCorrections = ({ length, 0: first }: readonly Check[]): boolean =>
  length > 1 && first.since !== null;
const withdraw = ({ breaker, ticket }: RuleProbe): void => breaker.withdraw(ticket);

/** A store with the failure policies around it. */
interface Guarded {
  readonly store: Store;
  readonly deadlineMs: number;
  readonly fallback: Fallback;
  readonly health: Health;
}

function decide(
  guarded: Guarded,
  checks: readonly Check[],
  spend = true,
): MaybePromise<readonly ChargedDecision[]> {
  // Each by itself: where nothing is done of one, others may be made in other slots of a cluster.
  if (areSeveralCorrections(checks)) {
    return then(all(checks.map((check) => decide(guarded, [check]))), (answers) => answers.flat());
  }
  if (checks.length === 0 || isElsewhere(checks[0])) return guarded.fallback.decide(checks, spend, 0);
  return then(each(checks, (check) => guarded.health.partOf(check), undefined), (parts) => {
    const [first] = parts;
    const isWhole = parts.every((part) => part === first);
    if (isWhole && guarded.health.ruleBreakers.size === 0) return decideIn(guarded, first, checks, spend, []);
    return decideInParts(guarded, checks, parts, spend);
  });
}

/** By part; null: without the store. */
function decideInParts(
  guarded: Guarded,
  checks: readonly Check[],
  parts: readonly (PartHealth | null)[],
  spend: boolean,
): MaybePromise<readonly ChargedDecision[]> {
  const probes = new Map<string, RuleProbe | null>();
  for (const { policy: { name } } of checks) {
    const breaker = guarded.health.ruleBreakers.get(name);
    if (breaker === undefined) continue;
    const ticket = breaker.enter() ?? breaker.enterProbe();
    probes.set(name, ticket === null ? null : { breaker, ticket });
  }
  const groups = groupsOf(
    checks.map(itemOf),
    ({ check }, i) => probes.get(check.policy.name) === null ? null : parts[i],
  );
  const decideGroup = (part: PartHealth | null, items: readonly Item[], spend: boolean) =>
    decideItems(
      guarded,
      part,
      items,
      spend,
      items.flatMap(({ check }) => probes.get(check.policy.name) ?? []),
    );
  const [first] = groups;
  return groups.length === 1
    ? decideGroup(first.shard, first.items, spend)
    : decideInGroups(groups, spend, decideGroup);
}

/** In one part; null: without the store. */
function decideItems(
  guarded: Guarded,
  part: PartHealth | null,
  items: readonly Item[],
  spend: boolean,
  probes: readonly RuleProbe[],
): MaybePromise<readonly ChargedDecision[]> {
  const checks = items.map(checkOf);
  if (part === null) return guarded.fallback.decide(checks, spend, 0);
  return areSeveralCorrections(checks)
    ? decide(guarded, checks)
    : decideIn(guarded, part, checks, spend, probes);
}

/** In one part. */
function decideIn(
  guarded: Guarded,
  part: PartHealth,
  checks: readonly Check[],
  spend: boolean,
  probes: readonly RuleProbe[],
): MaybePromise<readonly ChargedDecision[]> {
  const { breaker, returns } = part;
  const isCutOff = checks[0].since !== null && part.part.isConnected?.() === false;
  let ticket = isCutOff ? null : breaker.enter();
  if (ticket === null) {
    if (part.part.probe !== undefined) guarded.health.probeAside(part);
    else if (!isCutOff) ticket = breaker.enterProbe();
  }
  const withoutStore = (): readonly ChargedDecision[] => {
    returns.keep(checks);
    return guarded.fallback.decide(checks, spend, breaker.waitMs());
  };
  if (ticket === null) {
    probes.forEach(withdraw);
    return withoutStore();
  }
  // Corrections that were kept go before the question, so that a slot that ought to be free is free, and one that is held is
  // taken. They go once the store answers: those that do not arrive may be lost.
  if (returns.size > 0 && !breaker.isWell) {
    const look: Call = { part, checks, spend: false, ticket, probes };
    return rescue(
      () => then(ask(guarded, look), () => decideIn(guarded, part, checks, spend, [])),
      (error) => then(recover(guarded, error, look), withoutStore),
    );
  }
  guarded.health.sendReturns(part);
  const call: Call = { part, checks, spend, ticket, probes };
  return rescue(() => ask(guarded, call), (error) => recover(guarded, error, call));
}

function ask(guarded: Guarded, call: Call): MaybePromise<readonly ChargedDecision[]> {
  return then(
    inTime(guarded.store.decide(call.checks, call.spend), guarded.deadlineMs),
    (answer) => accept(guarded, answer, call),
  );
}

function accept(guarded: Guarded, answer: readonly StoreDecision[], call: Call): readonly ChargedDecision[] {
  const { part, checks, spend, ticket, probes } = call;
  const decisions = answerOf(checks, answer, guarded.fallback.clock);
  for (const { breaker, ticket } of probes) breaker.succeed(ticket, true);
  guarded.health.succeeded(part, ticket, spend && hasCharged(checks, decisions));
  if (spend) guarded.fallback.mirror(checks, decisions);
  return decisions;
}

function recover(guarded: Guarded, error: unknown, call: Call): MaybePromise<readonly ChargedDecision[]> {
  const { part, checks, spend, ticket, probes } = call;
  const rule = ruleOf(error);
  if (rule !== null && checks.some(({ policy }) => policy.name === rule)) {
    guarded.health.succeeded(part, ticket, false);
    return withoutRule(guarded, rule, error, call);
  }
  probes.forEach(withdraw);
  part.sample = checks[0];
  part.breaker.fail(ticket, error);
  if (spend) makeUp(guarded, error, call);
  return guarded.fallback.decide(checks, spend, part.breaker.waitMs());
}

/** Nothing was charged: the rules beside it are asked about once more, without it. */
function withoutRule(
  guarded: Guarded,
  rule: string,
  error: unknown,
  { checks, part, spend, probes }: Call,
): MaybePromise<readonly ChargedDecision[]> {
  const breaker = guarded.health.ruleBreaker(rule);
  const probe = probes.find((probe) => probe.breaker === breaker);
  breaker.fail(probe?.ticket ?? breaker.enter() ?? 0, error);
  return decideInGroups(
    groupsOf(checks.map(itemOf), ({ check }) => check.policy.name === rule ? null : part),
    spend,
    (part, items, spend) =>
      decideItems(guarded, part, items, spend, probes.filter((other) => other !== probe)),
  );
}

/**
 * Gives back a charge that the store reports after its deadline, as the verdict was made without the store; keeps corrections
 * of which it reports, then or at once, that nothing was done.
 */
function makeUp(guarded: Guarded, error: unknown, { part, checks }: Call): void {
  guarded.health.aside(
    lateAnswer<readonly StoreDecision[]>(error).then((answer) => {
      const decisions = answerOf(checks, answer, guarded.fallback.clock);
      guarded.health.correct(part, returnsOf(checks.map(itemOf), decisions).map(checkOf));
    }, (error) => {
      if (part.part.ranNothing?.(error)) part.returns.keep(checks);
    }),
  );
}

/**
 * Puts a deadline, a circuit breaker and the failure policies around a store. A late answer, an error, and a value that is no
 * answer are one and the same: the store failed. Nothing is tried twice, as that might charge twice. A refusal is an answer.
 *
 * While the store fails each rule goes by its policy, see {@link fallbackFor}. A charge
 * that was made here is corrected here; a charge of the store is corrected there, if need be when the store is back. A charge
 * whose answer comes too late is given back.
 *
 * Each part of the store that can fail alone, and each rule whose step fails where the states are, has a breaker of its own.
 * The rest of the request is decided by the store as ever, all or none together.
 *
 * @param store Any store.
 * @param options See {@link FailoverOptions}.
 * @returns A store that never fails, but for `forget`: that is an operator's wish, and rejects when it cannot be done.
 */
export function failover(store: Store, options: FailoverOptions): WrappedStore {
  const { rules, onStoreFailure, failures = 5, probeAfterMs = 1000 } = options;
  const { deadlineMs = DEADLINE_MS } = store;
  const fallback = fallbackFor(store, rules, onStoreFailure);
  const health = healthOf(store, { failures, probeAfterMs, deadlineMs, clock: fallback.clock });
  health.join(rules.map((rule) => rule.onStoreFailure ?? onStoreFailure));
  const guarded: Guarded = { store, deadlineMs, fallback, health };
  return wrapStore(store, {
    decide: (checks, spend) => decide(guarded, checks, spend),
    forget: forgetBeside(store, fallback),
    observe(listener) {
      health.observe(listener);
      store.observe?.(listener);
    },
    background: health.background,
  });
}

/** Did the store write anything for this? */
function hasCharged(checks: readonly Check[], decisions: readonly ChargedDecision[]): boolean {
  return checks.some(({ cost }) => cost !== 0) && !decisions.some(refuses) &&
    decisions.some(({ allowed }) => allowed);
}
