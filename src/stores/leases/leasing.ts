/**
 * Answering from units taken ahead.
 *
 * @module
 */

import { type ChargedDecision, refuses } from "../../decision.ts";
import { all, type MaybePromise, rescue, then } from "../../maybe.ts";
import type { CompiledRule } from "../../rules/rule.ts";
import { wrapStore } from "../wrappers/wrap_store.ts";
import {
  aheadOf,
  correctionOf,
  counted,
  isOpen,
  type Lease,
  newPendingTake,
  type PendingTake,
  receive,
  release,
  reserve,
  storeTime,
  used,
} from "./lease.ts";
import type { LeaseMap } from "./lease_map.ts";
import { type Clocks, readClocks, type Reading } from "../wrappers/two_clocks.ts";
import type { Check, WrappedStore } from "../store.ts";

/** The leases that a process holds of one store. */
export interface LeasePool {
  /** The most units at a time. */
  readonly most: number;
  readonly leases: LeaseMap;
  /** Is no more to be taken? */
  readonly isClosed: boolean;
}

/** A question to the store. */
interface Question {
  readonly checks: readonly Check[];
  /** The lease of each check, in order. */
  readonly own: readonly Lease[];
  /** The units asked for beside each cost. */
  readonly ahead: readonly number[];
  readonly asked: Reading;
}

/** A store with leases around it. */
class LeasedStore {
  private readonly store: WrappedStore;
  private readonly pool: LeasePool;
  private readonly clocks: Clocks;
  /** The names of the rules whose units may be taken ahead. */
  private readonly leasable = new Set<string>();

  constructor(store: WrappedStore, rules: readonly CompiledRule[], pool: LeasePool, clocks: Clocks) {
    this.store = store;
    this.pool = pool;
    this.clocks = clocks;
    for (const { name, mode, limit, refundable, implementation } of rules) {
      if (mode === "shadow" || limit === null || refundable) continue;
      if (implementation.usableUntil !== undefined) this.leasable.add(name);
    }
  }

  /** The leases of all checks; null when some check can have none. */
  private leasesFor(checks: readonly Check[], now: Reading): readonly Lease[] | null {
    const found: Lease[] = [];
    for (const check of checks) {
      const lease = this.leasable.has(check.policy.name) ? this.pool.leases.of(check, now) : null;
      if (lease === null) return null;
      found.push(lease);
    }
    return found;
  }

  /** Gives back all units in hand. */
  private empty(held: readonly Lease[]): MaybePromise<unknown> {
    const now = readClocks(this.clocks);
    return this.giveBack(held.flatMap((lease) => release(lease, storeTime(lease, now))));
  }

  /** Units that cannot be given back stay charged: that errs on refusing. */
  private giveBack(corrections: readonly Check[]): MaybePromise<unknown> {
    if (corrections.length === 0) return null;
    return rescue<unknown>(() => this.store.decide(corrections), () => null);
  }

  decide(checks: readonly Check[], spend = true): MaybePromise<readonly ChargedDecision[]> {
    if (!spend) return this.peek(checks);
    if (checks.some(({ since }) => since !== null)) return this.correct(checks);
    const now = readClocks(this.clocks);
    const own = this.leasesFor(checks, now);
    if (own === null) return this.store.decide(checks);
    const answer = this.answerFrom(checks, own, now);
    if (answer !== null) return answer;
    const brought = this.bringers(checks, own);
    return brought.length === 0
      ? this.ask(checks, own, now)
      : then(all(brought), () => this.askAgain(checks));
  }

  /** After a wait: the awaited units may have been refused. */
  private askAgain(checks: readonly Check[]): MaybePromise<readonly ChargedDecision[]> {
    const now = readClocks(this.clocks);
    const own = this.leasesFor(checks, now);
    if (own === null) return this.store.decide(checks);
    return this.answerFrom(checks, own, now) ?? this.ask(checks, own, now);
  }

  /** The answer from the units in hand; null when they are too few for some check. */
  private answerFrom(
    checks: readonly Check[],
    own: readonly Lease[],
    now: Reading,
  ): readonly ChargedDecision[] | null {
    for (let i = 0; i < checks.length; i++) {
      const { units } = own[i];
      if (units === 0 || units < checks[i].cost || !isOpen(own[i], now)) return null;
    }
    return checks.map((check, i) => used(own[i], check, now));
  }

  /** Promises of the missing units, where questions under way bring all of them; else none. */
  private bringers(checks: readonly Check[], own: readonly Lease[]): readonly Promise<void>[] {
    const wanted: [PendingTake, number][] = [];
    for (let i = 0; i < checks.length; i++) {
      const { cost } = checks[i];
      const { units, taking: pending } = own[i];
      if (units >= cost) continue;
      if (pending === null || pending.units < cost) return [];
      wanted.push([pending, cost]);
    }
    return wanted.map(([pending, cost]) => {
      reserve(pending, cost);
      return new Promise((resume) => pending.waiting.push(resume));
    });
  }

  // ---- asking the store ------------------------------------------------------------------------

  private ask(
    checks: readonly Check[],
    own: readonly Lease[],
    asked: Reading,
  ): MaybePromise<readonly ChargedDecision[]> {
    const returned = this.giveBack(this.pool.leases.leftovers(own, asked));
    const takings = own.map((lease, i): PendingTake => {
      const { cost } = checks[i];
      const pending = newPendingTake(
        lease,
        this.pool.isClosed ? 0 : aheadOf(lease, cost, this.pool.most, asked),
      );
      lease.asked = lease.touched = asked.steady;
      lease.used = cost;
      return pending;
    });
    const ahead = takings.map(({ units }) => units);
    const end = (): void =>
      takings.forEach((pending) => {
        reserve(pending, pending.units);
        for (const resume of pending.waiting) resume();
      });
    const question: Question = { checks, own, ahead, asked };
    return rescue(
      () =>
        then(
          then(
            this.store.decide(this.larger(checks, ahead)),
            (decisions) => this.believe(decisions, question),
          ),
          (decisions) => {
            end();
            return then(returned, () => decisions);
          },
        ),
      (error) => {
        end();
        throw error;
      },
    );
  }

  private larger(checks: readonly Check[], ahead: readonly number[]): readonly Check[] {
    return checks.map((check, i) => ahead[i] === 0 ? check : { ...check, cost: check.cost + ahead[i] });
  }

  /**
   * A refusal for want of units that are asked for ahead, or in hand, is none: they are given back, and the costs alone
   * asked for.
   */
  private believe(
    decisions: readonly ChargedDecision[],
    question: Question,
  ): MaybePromise<readonly ChargedDecision[]> {
    const { checks, own, ahead } = question;
    const refusing = own.filter((lease, i) => refuses(decisions[i]) && (ahead[i] > 0 || lease.units > 0));
    if (refusing.length === 0) return this.note(decisions, question);
    return then(this.empty(refusing), () => {
      const asked = readClocks(this.clocks);
      const again = { checks, own, ahead: ahead.map(() => 0), asked };
      return then(this.store.decide(checks), (decisions) => this.note(decisions, again));
    });
  }

  /** Takes in the store's answer, and makes its decisions those of the costs alone. */
  private note(
    decisions: readonly ChargedDecision[],
    { checks, own, ahead, asked }: Question,
  ): MaybePromise<readonly ChargedDecision[]> {
    const now = readClocks(this.clocks);
    const isRefused = decisions.some(refuses);
    const unwanted: Check[] = [];
    decisions.forEach((decision, i) => {
      const lease = own[i];
      const units = isRefused ? 0 : ahead[i];
      decision.cost = checks[i].cost;
      // A key that was forgotten meanwhile is charged nowhere, or nobody knows where.
      if (!this.pool.leases.holds(lease) && !this.pool.isClosed) return;
      if (decision.source !== "store" || this.pool.isClosed) {
        // The failure policy answered, so nobody knows how much the store has left.
        lease.left = 0;
        if (units > 0) unwanted.push(correctionOf(lease, units, decision));
        decision.remaining += units;
        return;
      }
      unwanted.push(...receive(lease, decision, units, asked, now));
      decision.remaining += lease.units;
    });
    return then(this.giveBack(unwanted), () => decisions);
  }

  // ---- answers without leases --------------------------------------------------------------------

  private peek(checks: readonly Check[]): MaybePromise<readonly ChargedDecision[]> {
    return then(this.store.decide(checks, false), (decisions) => {
      const refusing = checks.flatMap((check, i) =>
        decisions[i].allowed ? [] : this.pool.leases.find(check) ?? []
      )
        .filter(({ units }) => units > 0);
      if (refusing.length === 0) return this.shown(decisions, checks);
      return then(
        this.empty(refusing),
        () => then(this.store.decide(checks, false), (again) => this.shown(again, checks)),
      );
    });
  }

  /** Units in hand are not used yet. */
  private shown(
    decisions: readonly ChargedDecision[],
    checks: readonly Check[],
  ): readonly ChargedDecision[] {
    decisions.forEach((decision, i) => {
      const lease = this.pool.leases.find(checks[i]);
      if (lease !== undefined && decision.source === "store") {
        decision.remaining += counted(lease, decision.at);
      }
    });
    return decisions;
  }

  /** A rule that corrects once will correct again, one call each time: taking its units ahead would save nothing. */
  private correct(checks: readonly Check[]): MaybePromise<readonly ChargedDecision[]> {
    const held = checks.flatMap((check) => this.pool.leases.find(check) ?? []);
    for (const { key, policy } of checks) {
      this.leasable.delete(policy.name);
      this.pool.leases.forget(key);
    }
    return then(this.empty(held), () => this.store.decide(checks));
  }

  forgetting(key: string, run: () => MaybePromise<void>): MaybePromise<void> {
    const drop = (): void => this.pool.leases.forget(key);
    drop();
    // Once more at the end: units that were taken meanwhile may have been charged before.
    return rescue(() => then(run(), drop), (error) => {
      drop();
      throw error;
    });
  }
}

/**
 * Takes up to `most` units at a time for busy keys and answers from them.
 *
 * Never does more pass than without: units are charged when they are taken, and used only while it makes no difference to
 * the store when they are (`usableUntil` of the algorithm), by clocks that err on ending that early. Units that a crash or a
 * lost answer takes with it stay charged. Each instance leaves at most `most - 1` units unused at the end of a window.
 *
 * - A key is as busy as it was since the store was last asked, and what it will use soon at that pace is taken ahead.
 *   Near the limit that gets less, and in the end nothing. Units left over or idle are given back on the way of a later
 *   question, and before a refusal is believed. No timer runs.
 * - Only requests all of whose rules are in enforce mode, have a rate of their own, give nothing back, and count by an
 *   algorithm that defines how long a charge may wait. For all others the store is asked, as for peeks and corrections.
 * - If enough units are on their way already, a request waits for them instead of asking again.
 *
 * @param store The store as a throttle asks it.
 * @param rules The throttle's rules.
 * @param pool The units that are held, whichever throttle took them.
 * @param clocks See {@link Clocks}.
 */
export function leasing(
  store: WrappedStore,
  rules: readonly CompiledRule[],
  pool: LeasePool,
  clocks: Clocks,
): WrappedStore {
  const leased = new LeasedStore(store, rules, pool, clocks);
  return wrapStore(store, {
    decide: (checks, spend) => leased.decide(checks, spend),
    forget: (key) => leased.forgetting(key, () => store.forget?.(key)),
  });
}
