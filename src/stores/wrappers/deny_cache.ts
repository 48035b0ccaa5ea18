/**
 * The deny cache: refusals that cannot turn before a known instant, answered without asking the store.
 *
 * @module
 */

import type { ChargedDecision } from "../../decision.ts";
import { type MaybePromise, rescue, then } from "../../maybe.ts";
import type { CompiledRule } from "../../rules/rule.ts";
import type { Check, Store, WrappedStore } from "../store.ts";
import { answerFrom, certainRules, denialsOf, type KnownDenials, leftMs, standsMs } from "./known_denials.ts";
import { clocksOf, readClocks, type Reading } from "./two_clocks.ts";
import { wrapStore } from "./wrap_store.ts";

/** The options of {@link denyCache}. */
export interface DenyCacheOptions {
  /** The most refusals it remembers. Default 10,000. */
  readonly maxKeys?: number;
  /** The unwrapped store. Throttles on the same store share one cache, so a reset in one clears it for all. Default: the store. */
  readonly origin?: Store;
}

const MAX_KEYS = 10_000;

/** Does this check give back a part of a charge? */
function givesBack({ since, cost }: Check): boolean {
  return since !== null && cost < 0;
}

/** Runs a function that forgets keys, and drops their refusals. */
function forgetting<T>(
  denials: KnownDenials,
  keys: readonly string[],
  run: () => MaybePromise<T>,
): MaybePromise<T> {
  const drop = (): void => {
    denials.forgotten++;
    for (const key of keys) denials.refusals.delete(key);
  };
  drop();
  // Once more at the end: an answer that came meanwhile may have been decided before.
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

/** Drops refusals that are over, a few at a time in an endless round. */
function sweeper({ refusals }: KnownDenials): (now: Reading) => void {
  let cursor = refusals.entries();
  return (now) => {
    // Two, as a question may add one: so the round ends.
    for (let i = 0; i < 2; i++) {
      let next = cursor.next();
      if (next.done) next = (cursor = refusals.entries()).next();
      if (!next.done && leftMs(next.value[1], now) <= 0) refusals.delete(next.value[0]);
    }
  };
}

/**
 * Remembers refusals and repeats them without asking the store. The verdicts are those of the store:
 *
 * - A refusal stands for its key, for costs at least as high as the refused one, until its wait is over. Where this process
 *   cannot read the store's clock, the wait is over as soon as it is by either of the process's own clocks: a step of the
 *   clock, or a process that is suspended, ends it early, never late, and then the store is asked.
 * - It remembers no refusal of a rule in shadow mode, of a rule with a rate from a function, of an algorithm whose refusals
 *   may turn early, or of a rule whose use can be given back, by `count` or as this instance has seen `settle` do. A refusal
 *   by a block stands for as long as the block lasts.
 * - Where a rule beside the refusing one counts refusals itself, as a block does, and is not known to be in its block, the
 *   store is asked. So it is where the refusing rule has a trial that is not known to refuse too: that may be charged. The
 *   refusals of trials are remembered for this, and are in the answer.
 * - Peeks go to the store. A key that is reset here is forgotten here at once.
 *
 * An answer from the cache holds the refusing rules alone, with the rest of their waits, and with the units that were left
 * when the store was asked. A known refusal stands whatever `onStoreFailure` is: that is for verdicts that are not known.
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
  const denials = denialsOf(origin);
  const known = denials.refusals;
  const certain = certainRules(rules);
  const sweep = sweeper(denials);

  function remember({ key, cost, algorithm }: Check, decision: ChargedDecision, asked: Reading): void {
    const waitMs = standsMs(decision, certain);
    // A charge since then makes the numbers of an older refusal wrong.
    known.delete(key);
    if (waitMs <= 0) return;
    const [oldest] = known.size >= maxKeys ? known.keys() : [];
    if (oldest !== undefined) known.delete(oldest);
    const tookMs = Math.max(0, clocks.steady() - asked.steady);
    known.set(key, { decision, cost: decision.blockedMs > 0 ? 0 : cost, algorithm, waitMs, asked, tookMs });
  }

  function decide(checks: readonly Check[], spend = true): MaybePromise<readonly ChargedDecision[]> {
    if (!spend) return store.decide(checks, false);
    const returned = checks.filter(givesBack);
    if (returned.length > 0) {
      // A rule that settles once will settle again, here and elsewhere.
      for (const { policy } of returned) certain.delete(policy.name);
      return forgetting(denials, returned.map(({ key }) => key), () => store.decide(checks));
    }
    const asked = readClocks(clocks);
    if (known.size > 0) {
      const answer = answerFrom(known, checks, asked);
      if (answer !== null) return answer;
      sweep(asked);
    }
    const before = denials.forgotten;
    return then(store.decide(checks), (decisions) => {
      if (before === denials.forgotten) checks.forEach((check, i) => remember(check, decisions[i], asked));
      return decisions;
    });
  }

  return wrapStore(store, {
    decide,
    forget: (key) => forgetting(denials, [key], () => store.forget?.(key)),
  });
}
