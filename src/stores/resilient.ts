/**
 * The failure ladder around a store: a deadline, a circuit breaker, then each rule's failure policy.
 *
 * @module
 */

import { type DatedDecision, type Decision, refuses } from "../decision.ts";
import { type MaybePromise, rescue, then, within } from "../maybe.ts";
import { refusal } from "../refusal.ts";
import type { CompiledRule, FailurePolicy } from "../rule.ts";
import { around } from "./around.ts";
import { circuitBreaker } from "./breaker.ts";
import { memoryStore } from "./memory.ts";
import { type Check, type DatedStore, decisionOf, type Store, type StoreChange } from "./store.ts";

/** What {@link resilient} takes beside a store. */
export interface ResilientOptions {
  /** The throttle's rules. */
  readonly rules: readonly CompiledRule[];
  /** What rules that say nothing themselves do while the store fails. */
  readonly onStoreFailure: FailurePolicy;
  /** How many failures in a row make it ask no more. Default 5. */
  readonly failures?: number;
  /** After how many ms without asking one call tries again. Default 1000. */
  readonly probeAfterMs?: number;
}

const DEADLINE_MS = 250;

/** The least wait that a client is told when it is refused for an outage. */
const RETRY_MS = 1000;

/** One question to the store. */
interface Call {
  readonly checks: readonly Check[];
  readonly spend: boolean;
  readonly ticket: number;
}

function isDecision(value: Decision | null | undefined, { policy }: Check): value is Decision {
  return typeof value?.allowed === "boolean" && value.policy === policy.name &&
    value.remaining >= 0 && value.resetAfterMs >= 0 && value.retryAfterMs >= 0 &&
    isTime(value.at) && isTime(value.chargedAt);
}

function isTime(value: number | undefined): boolean {
  return value === undefined || Number.isFinite(value);
}

function isDated(decision: Decision): decision is DatedDecision {
  return decision.at !== undefined && decision.chargedAt !== undefined;
}

/** A decision of a store that leaves the times to us. */
function dated(decision: Decision, now: number): DatedDecision {
  const { at = now } = decision;
  return { ...decision, at, chargedAt: decision.chargedAt ?? at };
}

/** @throws {TypeError} When what a store answered is not one decision a check, in their order. */
function expectAnswer(checks: readonly Check[], decisions: readonly Decision[]): void {
  let isAnswer = Array.isArray(decisions) && decisions.length === checks.length;
  for (let i = 0; isAnswer && i < checks.length; i++) isAnswer = isDecision(decisions[i], checks[i]);
  if (isAnswer) return;
  throw new TypeError(
    refusal("use a store's answer", `it must be one decision for each of ${checks.length} checks`, decisions)
      .slice(0, 300),
  );
}

/** The verdict of a failure policy. Its numbers mean nothing. */
function verdict(check: Check, allowed: boolean, retryAfterMs: number, at: number): DatedDecision {
  return decisionOf(check, {
    allowed,
    remaining: 0,
    resetAfterMs: 0,
    retryAfterMs: allowed ? 0 : retryAfterMs,
    source: allowed ? "allowed-by-policy" : "denied-by-policy",
  }, at);
}

/**
 * Puts the failure ladder around a store. An answer that is late, an error, and what is no answer at all are
 * one and the same: the store failed. Nothing is tried twice, as that might charge twice. A refusal is an answer.
 *
 * While the store fails each rule goes by its policy: "local" asks the same question of counts kept in this
 * process, "allow" lets pass, "deny" refuses. The counts are kept warm: what a shared store admits is charged
 * here too, by the store's clock, so an outage hands nobody a new quota. What was charged here is corrected here.
 *
 * @param store Any store.
 * @param options See {@link ResilientOptions}.
 * @returns A store that never fails, but for `forget`: that is an operator's wish, and rejects when it cannot be done.
 */
export function resilient(store: Store, options: ResilientOptions): DatedStore {
  const { rules, failures = 5, probeAfterMs = 1000 } = options;
  const { deadlineMs = DEADLINE_MS } = store;
  const listeners: ((change: StoreChange) => void)[] = [];
  const tell = (change: StoreChange): void => listeners.forEach((listener) => listener(change));
  const breaker = circuitBreaker({ clock: store.clock ?? Date.now, tell, failures, probeAfterMs });

  const policies = new Map(rules.map((rule) => [rule.name, rule.onStoreFailure ?? options.onStoreFailure]));
  const policyOf = (check: Check): FailurePolicy => policies.get(check.policy.name) ?? options.onStoreFailure;
  const isWarm = store.shared && [...policies.values()].includes("local");

  /** How far the store's clock is ahead of this process's. */
  let aheadMs = 0;
  const clock = store.clock ?? (() => Date.now() + aheadMs);
  const local = memoryStore({ clock });

  const late = (): Error => new Error(`The store did not answer within ${deadlineMs} ms`);

  /** Charges here what the store charged: as corrections, for they are never refused. */
  function mirror(checks: readonly Check[], decisions: readonly DatedDecision[]): void {
    const [first] = decisions;
    if (first !== undefined && store.clock === undefined) aheadMs = first.at - Date.now();
    if (decisions.some(refuses)) return;
    const charged: Check[] = [];
    checks.forEach((check, i) => {
      const { key, policy, algorithm, cost, since } = check;
      if (cost === 0 || !decisions[i].allowed || policyOf(check) !== "local") return;
      charged.push({ key, policy, algorithm, cost, since: since ?? decisions[i].chargedAt });
    });
    // An algorithm that fails on this fails on a correction in its own store too, where it is noticed.
    if (charged.length > 0) rescue<unknown>(() => local.decide(charged), () => {});
  }

  /** Where a check goes that the store is not asked about. A correction follows its charge; where none was made, there is none to correct. */
  function standIn(check: Check): FailurePolicy {
    if (check.source === "local") return "local";
    if (check.source === "allowed-by-policy") return "allow";
    const policy = policyOf(check);
    return policy === "deny" && check.since !== null ? "allow" : policy;
  }

  function withoutStore(checks: readonly Check[], spend: boolean): readonly DatedDecision[] {
    const places = checks.map(standIn);
    const isDenied = checks.some(({ policy }, i) => places[i] === "deny" && policy.mode === "enforce");
    const counted = checks.filter((_, i) => places[i] === "local");
    const counts = counted.length === 0 ? [] : local.decide(counted, spend && !isDenied) as DatedDecision[];
    const answers = counts.values();
    const waitMs = Math.max(RETRY_MS, breaker.waitMs());
    return checks.map((check, i) => {
      if (places[i] !== "local") return verdict(check, places[i] === "allow", waitMs, clock());
      const answer = answers.next().value as DatedDecision;
      answer.source = "local";
      return answer;
    });
  }

  const isElsewhere = ({ source }: Check): boolean => source === "local" || source === "allowed-by-policy";

  function decide(checks: readonly Check[], spend = true): MaybePromise<readonly DatedDecision[]> {
    const ticket = checks.some(isElsewhere) ? null : breaker.enter();
    if (ticket === null) return withoutStore(checks, spend);
    return rescue(ask, recover, { checks, spend, ticket });
  }

  function ask(call: Call): MaybePromise<readonly DatedDecision[]> {
    return then(within(store.decide(call.checks, call.spend), deadlineMs, late), accept, call);
  }

  function accept(answer: readonly Decision[], { checks, spend, ticket }: Call): readonly DatedDecision[] {
    expectAnswer(checks, answer);
    breaker.succeed(ticket);
    const decisions = answer.every(isDated) ? answer : answer.map((decision) => dated(decision, clock()));
    if (isWarm && spend) mirror(checks, decisions);
    return decisions;
  }

  function recover(error: unknown, { checks, spend, ticket }: Call): readonly DatedDecision[] {
    breaker.fail(ticket, error);
    return withoutStore(checks, spend);
  }

  function forget(key: string): MaybePromise<void> {
    return rescue(
      () => {
        local.forget?.(key);
        return within(store.forget?.(key), deadlineMs, late);
      },
      (cause) => {
        throw new Error("Cannot reset this key as the store failed: it may be forgotten or not", { cause });
      },
    );
  }

  function observe(listener: (change: StoreChange) => void): void {
    listeners.push(listener);
    store.observe?.(listener);
  }

  return around(store, { decide, forget, observe });
}
