/**
 * The circuit breaker: whether a store is worth asking, learnt from how its last calls went.
 *
 * @module
 */

import type { StoreChange } from "./store.ts";

/** What {@link circuitBreaker} takes. */
export interface BreakerOptions {
  /** The time, epoch ms. It may step. */
  readonly clock: () => number;
  /** Told at the first failure of an outage, and at its end. */
  readonly tell: (change: StoreChange) => void;
  /** How many failures in a row open it. */
  readonly failures: number;
  /** How long it stays open before one call tries again, in ms. */
  readonly probeAfterMs: number;
}

/** A circuit breaker. Closed it lets every call through, open none; half-open it lets one through, the probe. */
export interface Breaker {
  /** A ticket for a call, to be handed back with how it went; null when the store is not to be asked now. */
  enter(): number | null;
  /** The call of this ticket went well. */
  succeed(ticket: number): void;
  /** The call of this ticket failed. */
  fail(ticket: number, error: unknown): void;
  /** Until the next probe, in ms; 0 when calls go through. */
  waitMs(): number;
}

/** @returns A closed breaker. */
export function circuitBreaker({ clock, tell, failures, probeAfterMs }: BreakerOptions): Breaker {
  let tickets = 0;
  let failed = 0;
  let failing = false;
  /** The last ticket given when a call failed: calls begun by then say nothing of how the store is since. */
  let outdated = 0;
  let openedAt: number | null = null;
  let probe: number | null = null;
  /** The probe that ended the last outage. */
  let healer = 0;

  function waitMs(): number {
    if (openedAt === null) return 0;
    const waited = clock() - openedAt;
    // A clock that stepped back must not keep it open for as long as the step.
    return waited < 0 ? 0 : Math.max(0, probeAfterMs - waited);
  }

  return {
    waitMs,
    enter() {
      if (openedAt === null) return ++tickets;
      if (probe !== null || waitMs() > 0) return null;
      return probe = ++tickets;
    },
    succeed(ticket) {
      if (!failing || (openedAt !== null && ticket !== probe)) return;
      failed = 0;
      if (ticket <= outdated) return;
      failing = false;
      openedAt = probe = null;
      healer = ticket;
      tell({ state: "healed" });
    },
    fail(ticket, error) {
      if (ticket < healer || (openedAt !== null && ticket !== probe)) return;
      outdated = tickets;
      probe = null;
      if (++failed >= failures) openedAt = clock();
      if (failing) return;
      failing = true;
      tell({ state: "failing", error });
    },
  };
}
