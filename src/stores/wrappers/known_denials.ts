/**
 * The refusals that a deny cache knows, and the questions that they answer.
 *
 * @module
 */

import type { Algorithm } from "../../algorithms/algorithm.ts";
import { formOf } from "../../algorithms/state.ts";
import { type ChargedDecision, refuserOf } from "../../decision.ts";
import type { CompiledRule } from "../../rules/rule.ts";
import type { Check, Store } from "../store.ts";
import { passedMs, type Reading } from "./two_clocks.ts";

/** A refusal that stands for some time. */
export interface CachedDenial {
  /** The store's decision. */
  readonly decision: ChargedDecision;
  /** The least cost that it refuses. */
  readonly cost: number;
  /** The algorithm that refused. */
  readonly algorithm: Algorithm;
  /** How long it stands, in ms. */
  readonly waitMs: number;
  /** When the store was asked. It decided no earlier, so the wait is over no earlier than `waitMs` after this. */
  readonly asked: Reading;
  /** How long the store took to answer, in ms: it may have decided as much later. */
  readonly tookMs: number;
}

/** The known refusals of one store, by key, and how often a key was forgotten. */
export interface KnownDenials {
  readonly refusals: Map<string, CachedDenial>;
  /** Answers to questions that were asked before this number grew are not remembered. */
  forgotten: number;
}

/** One per store, so that a key which one throttle resets is forgotten by all. */
const denialsByStore = new WeakMap<Store, KnownDenials>();

/** The known refusals of a store. */
export function denialsOf(store: Store): KnownDenials {
  const denials = denialsByStore.get(store) ?? { refusals: new Map<string, CachedDenial>(), forgotten: 0 };
  denialsByStore.set(store, denials);
  return denials;
}

/** The rules whose refusals may be remembered: by name, all refusals, or only those of a block. */
export type CertainRules = Map<string, "all" | "blocks">;

/** Leaves out rules in shadow mode that are no trials, rules with a rate from a function, and those whose use can be given back. */
export function certainRules(rules: readonly CompiledRule[]): CertainRules {
  const certain: CertainRules = new Map();
  for (const { name, mode, trialOf, limit, refundable, implementation } of rules) {
    if ((mode === "shadow" && !trialOf) || limit === null || refundable) continue;
    certain.set(name, implementation.mayFreeEarly === false ? "all" : "blocks");
  }
  return certain;
}

/** How long a decision stands whatever happens, in ms. */
export function standsMs(decision: ChargedDecision, certain: CertainRules): number {
  const { rule, allowed, blockedMs, retryAfterMs, source } = decision;
  if (allowed || source !== "store" || !certain.has(rule)) return 0;
  if (blockedMs > 0) return blockedMs;
  return certain.get(rule) === "all" && retryAfterMs < Infinity ? retryAfterMs : 0;
}

/** The rest of a refusal's wait, in ms. */
export function leftMs({ asked, waitMs }: CachedDenial, now: Reading): number {
  return waitMs - passedMs(asked, now);
}

/** Would the store remember that it refused this check? Then it must be asked. */
function countsDenials({ algorithm }: Check): boolean {
  return algorithm.countsDenials ?? algorithm.mayFreeEarly ?? true;
}

/** Do both mean the same by the same state? Throttles on one store may have rules of one name that differ, in their burst. */
function isAlike(a: Algorithm, b: Algorithm): boolean {
  return a === b || (formOf(a) === formOf(b) && String(a.params) === String(b.params));
}

/** The known refusal of a check, by now; null where there is none. */
function refusalOf(check: Check, now: Reading, known: Map<string, CachedDenial>): ChargedDecision | null {
  const { key, cost, policy, algorithm, since } = check;
  const refusal = known.get(key);
  if (refusal === undefined) return null;
  const left = leftMs(refusal, now);
  const { decision, waitMs, tookMs } = refusal;
  // Where the clock has stepped back, the store may take times for now that can no longer be right.
  if (left <= 0 || left > waitMs) {
    known.delete(key);
    return null;
  }
  const isSame = policy.limit === decision.limit && policy.windowMs === decision.windowMs &&
    isAlike(algorithm, refusal.algorithm);
  if (!isSame || since !== null || cost < refusal.cost) return null;
  const agoMs = Math.floor(waitMs - left - tookMs);
  return {
    ...decision,
    // Another throttle may have the rule in another mode.
    mode: policy.mode,
    cost,
    resetAfterMs: decision.resetAfterMs - agoMs,
    // Of a cost below the one refused only the block is known.
    retryAfterMs: (cost < decision.cost ? waitMs : decision.retryAfterMs) - agoMs,
    blockedMs: decision.blockedMs > 0 ? waitMs - agoMs : 0,
    source: "deny-cache",
    at: decision.at + agoMs,
    chargedAt: decision.at + agoMs,
  };
}

/** The known refusals that answer a request; null where the store must be asked. */
export function answerFrom(
  known: Map<string, CachedDenial>,
  checks: readonly Check[],
  now: Reading,
): readonly ChargedDecision[] | null {
  const found = checks.map((check) => refusalOf(check, now, known));
  const refusals = found.filter((refusal) => refusal !== null);
  const refuser = refuserOf(refusals);
  // A trial that may be charged beside its rule's refusal is not known to refuse.
  const mustAsk = checks.some((check, i) =>
    found[i] === null && (countsDenials(check) || check.policy.trialOf === refuser)
  );
  return mustAsk || refuser === undefined ? null : refusals;
}
