/**
 * What a throttle tells its observers.
 *
 * @module
 */

import { type Decision, refuses } from "../decision.ts";
import { broadcast, ExchangeEvent, type Observer, type ThrottleEvent } from "./events.ts";
import { randomSeed, type Seed, shortHash } from "../hash/half_sip_hash.ts";
import type { StoreChange } from "../stores/store.ts";
import type { Exchange, RuleCheck } from "../exchange/exchange.ts";

/** Tells observers what happens to trips. */
export interface Notifier {
  /** Deciding begins, or goes on after authentication. */
  start(trip: Exchange): void;
  /** Deciding waits for authentication. */
  pause(trip: Exchange): void;
  /** The verdict on a request. */
  verdict(trip: Exchange, refused: boolean): void;
  /** The status of the response to a request. */
  answered(status: number): void;
  /** A rule does not apply. */
  skipped(trip: Exchange, rule: string): void;
  /** A charge was corrected. */
  settled(trip: Exchange, part: RuleCheck): void;
  /** A function of the user's, or a correction, failed. `rule` null: authentication. */
  error(trip: Exchange, rule: string | null, error: unknown): void;
  /** The store began to fail, or works again. */
  store(change: StoreChange): void;
}

/**
 * @param observers The observers.
 * @param clock Dates events, epoch ms.
 * @param revealKeys Events carry raw keys.
 * @param stopwatch Ms since whenever, and no clock that is set steps it.
 * @returns Null where nobody watches, so that nothing is made in vain.
 * @throws {TypeError} When an observer is not a function.
 */
export function notifier(
  observers: readonly Observer[],
  clock: () => number,
  revealKeys: boolean,
  stopwatch: () => number = () => performance.now(),
): Notifier | null {
  if (observers.length === 0) return null;
  const tell = broadcast(observers);
  let seed: Seed | null = null;

  function eventOf(
    type: ThrottleEvent["type"],
    trip: Exchange,
    decisions?: readonly Decision[],
  ): ExchangeEvent {
    return new ExchangeEvent(type, clock(), trip, decisions ?? trip.checks.map(({ decision }) => decision));
  }

  function eventOfPart(
    type: ThrottleEvent["type"],
    trip: Exchange,
    part: RuleCheck,
    decisions?: readonly Decision[],
  ): ExchangeEvent {
    const event = eventOf(type, trip, decisions);
    event.rule = part.rule.name;
    event.key = revealKeys ? part.partition : shortHash(part.partition, seed ??= randomSeed());
    return event;
  }

  function pause(trip: Exchange): void {
    trip.spentMs += stopwatch();
  }

  return {
    start(trip) {
      trip.spentMs -= stopwatch();
    },
    pause,
    verdict(trip, refused) {
      pause(trip);
      for (const part of trip.checks) {
        const { allowed, mode, blocked } = part;
        if (allowed) continue;
        if (mode === "shadow") tell(eventOfPart("shadow-denied", trip, part, [part.decision]));
        else if (blocked) tell(eventOfPart("blocked", trip, part, [part.decision]));
      }
      const first = refused ? trip.checks.find(refuses) : undefined;
      const event = first !== undefined
        ? eventOfPart("denied", trip, first)
        : eventOf(refused ? "denied" : "allowed", trip);
      event.durationMs = trip.spentMs;
      tell(event);
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
