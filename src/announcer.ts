/**
 * What a throttle tells its observers.
 *
 * @module
 */

import { refuses } from "./decision.ts";
import { broadcast, type Observer, type ThrottleEvent } from "./events.ts";
import { randomSeed, type Seed, shortHash } from "./keyed_hash.ts";
import type { StoreChange } from "./stores/store.ts";
import type { Part, Trip } from "./trip.ts";

/** Tells observers what happens to trips. */
export interface Announcer {
  /** The verdict on a request. */
  verdict(trip: Trip, refused: boolean): void;
  /** A rule does not apply. */
  skipped(trip: Trip, rule: string): void;
  /** A charge was corrected. */
  settled(trip: Trip, part: Part): void;
  /** A function of the user's, or a correction, failed. `rule` null: authentication. */
  error(trip: Trip, rule: string | null, error: unknown): void;
  /** The store began to fail, or works again. */
  store(change: StoreChange): void;
}

/**
 * @param observers The observers.
 * @param clock Dates events, epoch ms.
 * @param revealKeys Events carry raw keys.
 * @returns Null where nobody watches, so that nothing is made in vain.
 * @throws {TypeError} When an observer is not a function.
 */
export function announcerOf(
  observers: readonly Observer[],
  clock: () => number,
  revealKeys: boolean,
): Announcer | null {
  if (observers.length === 0) return null;
  const tell = broadcast(observers);
  let seed: Seed | null = null;

  function eventOf(type: ThrottleEvent["type"], { request, route, parts }: Trip): ThrottleEvent {
    const decisions = parts.map(({ decision }) => decision);
    return { type, at: clock(), method: request.method, route, decisions };
  }

  function about({ rule, partition }: Part): Pick<ThrottleEvent, "rule" | "key"> {
    const key = revealKeys ? partition : shortHash(partition, seed ??= randomSeed());
    return { rule: rule.name, key };
  }

  function tellOf(type: ThrottleEvent["type"], trip: Trip, part: Part): void {
    tell({ ...eventOf(type, trip), ...about(part), decisions: [part.decision] });
  }

  return {
    verdict(trip, refused) {
      for (const part of trip.parts) {
        const { allowed, mode, blocked } = part.decision;
        if (allowed) continue;
        if (mode === "shadow") tellOf("shadow-denied", trip, part);
        else if (blocked) tellOf("blocked", trip, part);
      }
      const first = refused ? trip.parts.find(({ decision }) => refuses(decision)) : undefined;
      tell({
        ...eventOf(refused ? "denied" : "allowed", trip),
        ...(first === undefined ? {} : about(first)),
      });
    },
    skipped: (trip, rule) => tell({ ...eventOf("skipped", trip), decisions: [], rule }),
    settled: (trip, part) => tellOf("settled", trip, part),
    error: (trip, rule, error) =>
      tell({ ...eventOf("error", trip), error, ...(rule === null ? {} : { rule }) }),
    store: (change) =>
      tell({ type: "store", at: clock(), method: "", route: null, decisions: [], ...change }),
  };
}
