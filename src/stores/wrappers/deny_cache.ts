/**
 * The deny cache: refusals that cannot turn before a known instant, answered without asking the store.
 *
 * @module
 */

import type { Algorithm } from "../../algorithms/algorithm.ts";
import { formOf } from "../../algorithms/state.ts";
import type { ChargedDecision } from "../../decision.ts";
import { type MaybePromise, rescue, then } from "../../maybe.ts";
import type { CompiledRule } from "../../rules/rule.ts";
import { wrapStore } from "./wrap_store.ts";
import { clocksOf, passedMs, readClocks, type Reading } from "./two_clocks.ts";
import type { Check, Store, WrappedStore } from "../store.ts";

/** What {@link denyCache} takes. */
export interface DenyCacheOptions {
  /** The most refusals it remembers. Default 10,000. */
  readonly maxKeys?: number;
  /** Whose refusals they are, where the store is one around it: throttles on one store forget together. Default: the store. */
  readonly origin?: Store;
}

interface CachedDenial {
  /** What the store said. */
  readonly decision: ChargedDecision;
  /** The least cost it holds for. */
  readonly cost: number;
  /** How it was counted. */
  readonly algorithm: Algorithm;
  /** How long it holds, in ms. */
  readonly waitMs: number;
  /** When the store was asked: it decided no earlier, so the wait is over no earlier than `waitMs` after. */
  readonly asked: Reading;
  /** How long it took to answer, in ms: it may have decided as much later. */
  readonly tookMs: number;
}

const MAX_KEYS = 10_000;

interface Cache {
  /** By key. */
  readonly refusals: Map<string, CachedDenial>;
  /** How often something was forgotten: answers to questions asked before that are not remembered. */
  forgotten: number;
}

/** One a store, so that what one throttle resets another one forgets. */
const caches = new WeakMap<Store, Cache>();

function cacheOf(store: Store): Cache {
  const cache = caches.get(store) ?? { refusals: new Map<string, CachedDenial>(), forgotten: 0 };
  caches.set(store, cache);
  return cache;
}

/** Would the store remember that it refused this? Then it must be asked. */
function remembersRefusals({ algorithm }: Check): boolean {
  return algorithm.countsDenials ?? algorithm.mayFreeEarly ?? true;
}

/** Do both say the same of the same state? Throttles on one store may have rules of one name that differ, in their burst. */
function isAlike(a: Algorithm, b: Algorithm): boolean {
  return a === b || (formOf(a) === formOf(b) && String(a.params) === String(b.params));
}

/** Has a charge of this check been given back? */
function givesBack({ since, cost }: Check): boolean {
  return since !== null && cost < 0;
}

/**
 * Remembers refusals and answers what they already answer, without asking the store. The verdicts are those
 * of the store:
 *
 * - A refusal holds for its key, for costs at least as high as the one refused, until its wait is over. Where
 *   the store's clock cannot be read here, the wait is over as soon as either of this process's clocks says so:
 *   steps of the clock, and a process that is suspended, end it early, never late, and then the store is asked.
 * - Not remembered are refusals of rules in shadow mode, with a rate from a function, whose algorithm is
 *   revocable or whose use can be given back, by `count` or as this instance has seen it given back by `settle`. A rule
 *   with a block is remembered for as long as the block lasts.
 * - Where a rule beside it remembers refusals itself, as a block does, and is not known to be in its block, the store is asked.
 * - Peeks go to the store. What is reset here is forgotten here at once.
 *
 * Its answers hold the refusing rules alone, with what is left of their waits, and with the units that were left when
 * the store was asked. A refusal that is known stands
 * whatever `onStoreFailure` says: that is for verdicts that are not known.
 *
 * @param store A shared store.
 * @param rules The throttle's rules.
 * @param options See {@link DenyCacheOptions}.
 */
export function denyCache(
  store: WrappedStore,
  rules: readonly CompiledRule[],
  options: DenyCacheOptions = {},
): WrappedStore {
  const { maxKeys = MAX_KEYS, origin = store } = options;
  const clocks = clocksOf(store);

  const cache = cacheOf(origin);
  const known = cache.refusals;
  let cursor = known.entries();

  /** Rules whose refusals may be remembered: by name, whether only those of a block may. */
  const certain = new Map<string, "all" | "blocks">();
  for (const { name, mode, limit, refundable, implementation } of rules) {
    if (mode === "shadow" || limit === null || refundable) continue;
    certain.set(name, implementation.mayFreeEarly === false ? "all" : "blocks");
  }

  /** How long a decision stands whatever happens, in ms. */
  function holdsMs(
    { rule, allowed, blockedMs, retryAfterMs, source }: ChargedDecision,
  ): number {
    if (allowed || source !== "store" || !certain.has(rule)) return 0;
    if (blockedMs > 0) return blockedMs;
    return certain.get(rule) === "all" && retryAfterMs < Infinity ? retryAfterMs : 0;
  }

  /** What is left of a refusal, in ms. */
  function leftMs({ asked, waitMs }: CachedDenial, now: Reading): number {
    return waitMs - passedMs(asked, now);
  }

  function refusalOf({ key, cost, policy, algorithm, since }: Check, now: Reading): ChargedDecision | null {
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
    if (!isSame || since !== null || policy.mode === "shadow" || cost < refusal.cost) return null;
    const agoMs = Math.floor(waitMs - left - tookMs);
    return {
      ...decision,
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

  /** The known refusals that answer a request; null when the store must be asked. */
  function answerTo(checks: readonly Check[], now: Reading): readonly ChargedDecision[] | null {
    const refusals: ChargedDecision[] = [];
    let mustAsk = false;
    for (const check of checks) {
      const refusal = refusalOf(check, now);
      if (refusal !== null) refusals.push(refusal);
      else if (remembersRefusals(check)) mustAsk = true;
    }
    return mustAsk || refusals.length === 0 ? null : refusals;
  }

  /** Drops what is over among the next two in an endless round: as many again as a question may add, so the round ends. */
  function sweep(now: Reading): void {
    for (let i = 0; i < 2; i++) {
      let next = cursor.next();
      if (next.done) next = (cursor = known.entries()).next();
      if (!next.done && leftMs(next.value[1], now) <= 0) known.delete(next.value[0]);
    }
  }

  function remember({ key, cost, algorithm }: Check, decision: ChargedDecision, asked: Reading): void {
    const waitMs = holdsMs(decision);
    // A charge since then makes the numbers of an older refusal wrong.
    known.delete(key);
    if (waitMs <= 0) return;
    const [oldest] = known.size >= maxKeys ? known.keys() : [];
    if (oldest !== undefined) known.delete(oldest);
    const tookMs = Math.max(0, clocks.steady() - asked.steady);
    known.set(key, { decision, cost: decision.blockedMs > 0 ? 0 : cost, algorithm, waitMs, asked, tookMs });
  }

  function forgetting<T>(keys: readonly string[], run: () => MaybePromise<T>): MaybePromise<T> {
    const drop = (): void => {
      cache.forgotten++;
      for (const key of keys) known.delete(key);
    };
    drop();
    // Once more when it is done: what was asked meanwhile may have been decided before.
    return rescue(
      () =>
        then(run(), (value) => {
          drop();
          return value;
        }),
      (error) => {
        drop();
        throw error;
      },
    );
  }

  function decide(checks: readonly Check[], spend = true): MaybePromise<readonly ChargedDecision[]> {
    if (!spend) return store.decide(checks, false);
    const returned = checks.filter(givesBack);
    if (returned.length > 0) {
      // A rule that settles once will settle again, here and elsewhere.
      for (const { policy } of returned) certain.delete(policy.name);
      return forgetting(returned.map(({ key }) => key), () => store.decide(checks));
    }
    const asked = readClocks(clocks);
    if (known.size > 0) {
      const answer = answerTo(checks, asked);
      if (answer !== null) return answer;
      sweep(asked);
    }
    const before = cache.forgotten;
    return then(store.decide(checks), (decisions) => {
      if (before === cache.forgotten) checks.forEach((check, i) => remember(check, decisions[i], asked));
      return decisions;
    });
  }

  return wrapStore(store, {
    decide,
    forget: (key) => forgetting([key], () => store.forget?.(key)),
  });
}
