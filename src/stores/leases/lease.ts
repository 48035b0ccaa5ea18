/**
 * A lease: units of one key that are charged at the store and not used yet, and the store's last answer about that key.
 *
 * @module
 */

import { endOf } from "../../algorithms/periods.ts";
import type { ChargedDecision } from "../../decision.ts";
import { passedMs, type Reading } from "../wrappers/two_clocks.ts";
import { type Check, decisionOf } from "../store.ts";

/** The store's last answer. */
interface Answer extends Pick<ChargedDecision, "at" | "chargedAt" | "resetAfterMs"> {
  /** When the store was asked: it decided no earlier. */
  readonly asked: Reading;
  /** How long it took to answer, in ms: it may have decided as much later. */
  readonly tookMs: number;
}

/** A pending store call that takes extra units. */
export interface PendingTake {
  /** The lease that it takes them for. */
  readonly lease: Lease;
  /** The extra units that it will bring, less those that waiters have reserved. */
  units: number;
  /** Resumes each waiter. */
  readonly waiting: (() => void)[];
}

/** The units that an instance holds of one key. */
export interface Lease {
  /** The key, its policy by the latest check, and its algorithm. */
  of: Pick<Check, "key" | "policy" | "algorithm">;
  /** Units in hand. */
  units: number;
  /** Null until the store has answered. */
  answer: Answer | null;
  /** The units that the store has left, by its last answer. */
  left: number;
  /** When the store was asked last, by the steady clock. */
  asked: number;
  /** Units asked for and used since then: the pace. */
  used: number;
  /** When it was last used, by the steady clock. */
  touched: number;
  /** The latest question that asked for more. */
  taking: PendingTake | null;
  /** Units that pending calls will bring, less those that waiters have reserved. */
  coming: number;
}

/** The time for which units are taken ahead, at the latest pace, in ms; a lease that nobody touches for as long is idle. */
export const AHEAD_MS = 2000;

/** The most that an instance takes ahead of what is left: leases get smaller as the limit comes near. */
const SHARE = 1 / 4;

/** A clock that is being set runs faster or slower by up to 1 in 2000 (adjtime). */
const SLOWEST = 0.999;

/** A lease of nothing. */
export function newLease({ key, policy, algorithm }: Check, { steady }: Reading): Lease {
  return {
    of: { key, policy, algorithm },
    units: 0,
    answer: null,
    left: 0,
    asked: steady,
    used: 0,
    touched: steady,
    taking: null,
    coming: 0,
  };
}

/** Begins to ask for units ahead. */
export function newPendingTake(lease: Lease, units: number): PendingTake {
  const pending: PendingTake = { lease, units, waiting: [] };
  if (units > 0) lease.taking = pending;
  lease.coming += units;
  return pending;
}

/** Counts on units that are under way. */
export function reserve(pending: PendingTake, units: number): void {
  pending.units -= units;
  pending.lease.coming -= units;
}

/** Is a check of the very quota that the lease was taken from? */
export function isOf({ of }: Lease, { policy, algorithm }: Check): boolean {
  // A key is of one calendar, and its periods differ in length.
  return of.policy.limit === policy.limit && of.algorithm === algorithm &&
    (of.policy.windowMs === policy.windowMs || policy.boundaries !== undefined);
}

/**
 * May its units be used now? Only while it makes no difference to the store whether they are used now or were when they
 * were charged. One ms less than that, as the store's clock counts whole ones.
 */
export function isOpen({ answer, of: { algorithm, policy } }: Lease, now: Reading): boolean {
  if (answer === null || algorithm.usableUntil === undefined) return false;
  const { at, chargedAt, asked } = answer;
  const windowMs = endOf(policy, chargedAt) - chargedAt;
  return passedMs(asked, now) < (algorithm.usableUntil(chargedAt, windowMs) - at - 1) * SLOWEST;
}

/** The least time since the store's last answer, in ms. */
function agoMs({ asked, tookMs }: Answer, now: Reading): number {
  return Math.max(0, Math.floor(passedMs(asked, now) - tookMs));
}

/** The units to take beside the cost: as many as the latest pace uses up soon, but no large part of the rest, and `most` in all. */
export function aheadOf(lease: Lease, cost: number, most: number, { steady }: Reading): number {
  if (cost === 0) return 0;
  const pace = lease.used / Math.max(1, steady - lease.asked);
  const wanted = Math.min(
    most - cost,
    Math.floor(pace * AHEAD_MS),
    Math.floor((lease.left - cost) * SHARE),
  );
  return Math.max(0, wanted - lease.units - lease.coming);
}

/** Uses units in hand. */
export function used(lease: Lease, check: Check, now: Reading): ChargedDecision {
  const answer = lease.answer as Answer;
  lease.units -= check.cost;
  lease.used += check.cost;
  lease.touched = now.steady;
  const ago = agoMs(answer, now);
  return decisionOf(check, {
    allowed: true,
    remaining: lease.left + lease.units,
    resetAfterMs: Math.max(0, answer.resetAfterMs - ago),
    retryAfterMs: 0,
    source: "lease",
    chargedAt: answer.chargedAt,
  }, answer.at + ago);
}

/** The correction that gives back units charged by a decision. */
export function correctionOf(
  { of }: Lease,
  units: number,
  { chargedAt, source = "store" }: Pick<ChargedDecision, "chargedAt"> & Partial<ChargedDecision>,
): Check {
  return { ...of, cost: -units, since: chargedAt, chargedBy: source };
}

/** The store's time, epoch ms, at least. */
export function storeTime({ answer }: Lease, now: Reading): number {
  return answer === null ? 0 : answer.at + agoMs(answer, now);
}

/** The units in hand that the store still counts at a time of its own: giving those back lets others use them. */
export function counted({ answer, units, of: { policy } }: Lease, at: number): number {
  return answer !== null && at < endOf(policy, answer.chargedAt) ? units : 0;
}

/** Empties a lease. Returns the corrections that give back its units: none where nobody could use them any more. */
export function release(lease: Lease, at: number): readonly Check[] {
  const units = counted(lease, at);
  lease.units = 0;
  if (units === 0) return [];
  lease.left += units;
  return [correctionOf(lease, units, lease.answer as Answer)];
}

/**
 * Takes in an answer of the store and the units it brought.
 *
 * @returns The corrections that give back the units of an older charge than the newest.
 */
export function receive(
  lease: Lease,
  decision: ChargedDecision,
  units: number,
  asked: Reading,
  now: Reading,
): readonly Check[] {
  const { at, chargedAt, resetAfterMs, remaining } = decision;
  const { answer } = lease;
  if (answer !== null && chargedAt < answer.chargedAt) {
    return units === 0 ? [] : [correctionOf(lease, units, decision)];
  }
  const returned = answer !== null && chargedAt > answer.chargedAt ? release(lease, at) : [];
  lease.units += units;
  lease.left = remaining;
  lease.answer = { at, chargedAt, resetAfterMs, asked, tookMs: Math.max(0, now.steady - asked.steady) };
  return returned;
}
