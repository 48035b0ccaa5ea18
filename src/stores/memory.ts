/**
 * The store of one process.
 *
 * @module
 */

import type { Step } from "../algorithms/algorithm.ts";
import type { Decision } from "../decision.ts";
import { type Check, decisionOf, type Store, type StoreChange } from "./store.ts";

/** What {@link memoryStore} takes. */
export interface MemoryStoreOptions {
  /** The most keys it holds, 1 to 16,000,000. Default 1,000,000. */
  maxKeys?: number;
  /** The time, epoch ms. Default `Date.now`. */
  clock?: () => number;
}

interface Entry {
  state: unknown;
  /** Epoch ms; from then on the state equals no state. */
  expiresAt: number;
  /** The share of the quota that was left when the key was last stepped, 0 to 1. */
  left: number;
  /** Has it been dropped to make room, maybe by another check of the same request? */
  dropped: boolean;
}

/** Below the 16,777,216 at which V8's Map throws. */
const MOST_KEYS = 16_000_000;
/** Entries looked at to free room for one new key: a bound on the time of a request. */
const LOOKS = 64;

/** What an entry means now. */
function stateOf(entry: Entry | undefined, now: number): unknown {
  return entry !== undefined && now < entry.expiresAt ? entry.state : null;
}

/**
 * Keeps states in this process: synchronous, without timers, bounded. Each process counts for itself, so N
 * processes let N times the limit pass; where that matters take a shared store.
 *
 * When it is full, expired keys go first, then those that have used least of their quota. A key with nothing
 * left is never forgotten while it lives; where there are only such keys, new ones share one entry a rule,
 * which refuses early rather than late, and the store says so to its throttle's observers.
 *
 * @param options See {@link MemoryStoreOptions}.
 * @returns The store.
 * @throws {RangeError} When maxKeys is not an integer in its range.
 *
 * @example A store with a clock of one's own, as a test uses it
 * ```ts
 * import { createThrottle, memoryStore } from "@weir/throttle";
 * import { equal } from "node:assert/strict";
 *
 * let now = 0;
 * const throttle = createThrottle("1/min", { store: memoryStore({ clock: () => now }), client: { address: () => "192.0.2.1" } });
 * const request = new Request("https://example.com/");
 * equal((await throttle.check(request)).allowed, true);
 * equal((await throttle.check(request)).allowed, false);
 * now += 60_000;
 * equal((await throttle.check(request)).allowed, true);
 * ```
 */
export function memoryStore(options: MemoryStoreOptions = {}): Store {
  const { maxKeys = 1_000_000, clock = Date.now } = options;
  if (!(Number.isSafeInteger(maxKeys) && maxKeys >= 1 && maxKeys <= MOST_KEYS)) {
    throw new RangeError(
      `Cannot make memoryStore() as maxKeys must be an integer from 1 to ${MOST_KEYS}: current value is ${maxKeys}`,
    );
  }
  const entries = new Map<string, Entry>();
  /** One a rule, for keys that found no room. */
  const overflow = new Map<string, Entry>();
  const listeners: ((change: StoreChange) => void)[] = [];
  let full = false;
  let cursor = entries.entries();

  /** The next entry of an endless round over all of them. */
  function next(): [string, Entry] | null {
    let step = cursor.next();
    if (step.done) {
      cursor = entries.entries();
      step = cursor.next();
    }
    return step.done ? null : step.value;
  }

  /** Drops what has expired among the next few entries: two a new key keep the number of dead ones below that of live ones. */
  function sweep(now: number): void {
    for (let i = 0; i < 2; i++) {
      const entry = next();
      if (entry !== null && now >= entry[1].expiresAt) entries.delete(entry[0]);
    }
  }

  /** Is there room for one more key, after dropping an expired or else the least used one? */
  function makeRoom(now: number): boolean {
    sweep(now);
    let least: [string, Entry] | null = null;
    let most = 0;
    for (let i = 0; entries.size >= maxKeys && i < Math.min(LOOKS, maxKeys); i++) {
      const found = next();
      if (found === null) break;
      const [key, { expiresAt, left }] = found;
      if (now >= expiresAt) entries.delete(key);
      else if (left > most) [least, most] = [found, left];
    }
    if (entries.size >= maxKeys && least !== null) {
      least[1].dropped = true;
      entries.delete(least[0]);
    }
    const isFull = entries.size >= maxKeys;
    if (isFull !== full) {
      full = isFull;
      const change: StoreChange = full
        ? {
          state: "failing",
          error: new Error(
            `memoryStore() holds ${maxKeys} keys with nothing left: new keys share one quota a rule`,
          ),
        }
        : { state: "healed" };
      for (const listener of listeners) listener(change);
    }
    return !isFull;
  }

  /** The entry that a check reads: its own, or, where there is no room for one, its rule's overflow. */
  function find(check: Check, now: number, spend: boolean): Entry | undefined {
    const entry = entries.get(check.key);
    if (entry !== undefined || entries.size < maxKeys) return entry;
    return (spend ? makeRoom(now) : !full) ? undefined : overflow.get(check.policy.name);
  }

  function keep(check: Check, entry: Entry | undefined, step: Step, now: number): void {
    const { limit, name } = check.policy;
    const left = limit > 0 ? step.remaining / limit : 0;
    if (entry !== undefined && !entry.dropped) {
      entry.state = step.state;
      entry.expiresAt = now + step.ttlMs;
      entry.left = left;
      return;
    }
    const fresh = { state: step.state, expiresAt: now + step.ttlMs, left, dropped: false };
    if (makeRoom(now)) {
      entries.set(check.key, fresh);
      return;
    }
    const shared = overflow.get(name);
    const isFuller = shared !== undefined && now < shared.expiresAt && shared.left < left;
    if (!isFuller) overflow.set(name, fresh);
  }

  return {
    shared: false,
    clock,
    decide(checks, spend = true): readonly Decision[] {
      const now = clock();
      const decisions: Decision[] = [];
      const entriesOf: (Entry | undefined)[] = [];
      const steps: Step[] = [];
      let pass = true;
      for (const check of checks) {
        const entry = find(check, now, spend);
        const step = check.algorithm.step(stateOf(entry, now), check.policy, now, check.cost, check.since);
        entriesOf.push(entry);
        steps.push(step);
        decisions.push(decisionOf(check, step, now));
        if (!step.allowed && check.policy.mode === "enforce") pass = false;
      }
      for (let i = 0; i < checks.length; i++) {
        const step = steps[i];
        const state = stateOf(entriesOf[i], now);
        if (spend && (pass || !step.allowed)) {
          if (step.state !== state) keep(checks[i], entriesOf[i], step, now);
        } else if (step.allowed) {
          // Nothing was charged: show what is left without this request.
          const without = checks[i].algorithm.step(state, checks[i].policy, now, 0, null);
          decisions[i].remaining = without.remaining;
          decisions[i].resetAfterMs = without.resetAfterMs;
        }
      }
      return decisions;
    },
    observe(listener) {
      listeners.push(listener);
    },
    forget(key) {
      entries.delete(key);
    },
  };
}
