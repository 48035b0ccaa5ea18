/**
 * What a throttle tells its observers.
 *
 * @module
 */

import { type Decision, refuses } from "./decision.ts";
import { broadcast, type Observer, type ThrottleEvent, TripEvent } from "./events.ts";
import { randomSeed, type Seed, shortHash } from "./keyed_hash.ts";
import type { StoreChange } from "./stores/store.ts";
import type { Part, Trip } from "./trip.ts";

/** Tells observers what happens to trips. */
export interface Announcer {
  /** The verdict on a request. */
  verdict(trip: Trip, refused: boolean): void;
  /** The status of the response to a request. */
  answered(status: number): void;
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

  function eventOf(type: ThrottleEvent["type"], trip: Trip, decisions?: readonly Decision[]): TripEvent {
    return new TripEvent(type, clock(), trip, decisions ?? trip.parts.map(({ decision }) => decision));
  }

  function eventOfPart(
    type: ThrottleEvent["type"],
    trip: Trip,
    part: Part,
    decisions?: readonly Decision[],
  ): TripEvent {
    const event = eventOf(type, trip, decisions);
    event.rule = part.rule.name;
    event.key = revealKeys ? part.partition : shortHash(part.partition, seed ??= randomSeed());
    return event;
  }

  return {
    verdict(trip, refused) {
      for (const part of trip.parts) {
        const { allowed, mode, blocked } = part.decision;
        if (allowed) continue;
        if (mode === "shadow") tell(eventOfPart("shadow-denied", trip, part, [part.decision]));
        else if (blocked) tell(eventOfPart("blocked", trip, part, [part.decision]));
      }
      const first = refused ? trip.parts.find(({ decision }) => refuses(decision)) : undefined;
      if (first !== undefined) tell(eventOfPart("denied", trip, first));
      else tell(eventOf(refused ? "denied" : "allowed", trip));
    },
    answered: tell.answered,
    skipped(trip, rule) {
      const event = eventOf("skipped", trip, []);
      event.rule = rule;
      tell(event);
    },
    settled: (trip, part) => tell(eventOfPart("settled", trip, part, [part.decision])),
    error(trip, rule, error) {
      const event = eventOf("error", trip);
      event.error = error;
      if (rule !== null) event.rule = rule;
      tell(event);
    },
    store: (change) =>
      tell({ type: "store", at: clock(), method: "", route: null, decisions: [], ...change }),
  };
}
