/**
 * The leases of one store in this process, by key.
 *
 * @module
 */

import { AHEAD_MS, isOf, isOpen, type Lease, newLease, release, storeTime } from "./lease.ts";
import type { Reading } from "../wrappers/two_clocks.ts";
import type { Check } from "../store.ts";

/** Leases by key. */
export interface LeaseMap {
  /** The check's, made where there is none; null when its key is held for another quota. */
  of(check: Check, now: Reading): Lease | null;
  /** The check's, where there is one. */
  find(check: Check): Lease | undefined;
  /** Was it not forgotten meanwhile? */
  holds(lease: Lease): boolean;
  /** Forgets a key. */
  forget(key: string): void;
  /**
   * Empties leases that are over or idle: of those asked about, and of the next few in an endless round.
   *
   * @returns A function that gives back their units.
   */
  leftovers(asked: readonly Lease[], now: Reading): readonly Check[];
  /** Empties and forgets all of them; the same. */
  clear(now: Reading): readonly Check[];
}

/** @param maxKeys About how many it holds at most. */
export function leaseMap(maxKeys: number): LeaseMap {
  const known = new Map<string, Lease>();
  let cursor = known.values();

  function find(check: Check): Lease | undefined {
    const lease = known.get(check.key);
    return lease !== undefined && isOf(lease, check) ? lease : undefined;
  }

  return {
    of(check, now) {
      let lease = known.get(check.key);
      if (lease === undefined) known.set(check.key, lease = newLease(check, now));
      if (!isOf(lease, check)) return null;
      const { key, policy, algorithm } = check;
      if (lease.of.policy !== policy) lease.of = { key, policy, algorithm };
      return lease;
    },
    find,
    holds: (lease) => known.get(lease.of.key) === lease,
    forget: (key) => void known.delete(key),
    leftovers(asked, now) {
      const found = asked.filter((lease) => !isOpen(lease, now)).flatMap((lease) =>
        release(lease, storeTime(lease, now))
      );
      // Twice as many as a question may add, so the round ends.
      for (let i = 0; i < 2 * asked.length; i++) {
        let next = cursor.next();
        if (next.done) next = (cursor = known.values()).next();
        if (next.done) break;
        const lease = next.value;
        if (lease.coming > 0 || asked.includes(lease)) continue;
        const isIdle = now.steady - lease.touched >= AHEAD_MS || known.size > maxKeys;
        if (isIdle) known.delete(lease.of.key);
        if (isIdle || !isOpen(lease, now)) found.push(...release(lease, storeTime(lease, now)));
      }
      return found;
    },
    clear(now) {
      const found = [...known.values()].flatMap((lease) => release(lease, storeTime(lease, now)));
      known.clear();
      return found;
    },
  };
}
