/**
 * The circuit breaker: whether something is worth asking, learnt from how its last calls went.
 *
 * @module
 */

import type { StoreChange } from "../store.ts";

/** The options of {@link circuitBreaker}. */
export interface BreakerOptions {
  /** The time, epoch ms. It may step. */
  readonly clock: () => number;
  /** Called at the first failure of an outage, and at its end. */
  readonly notify: (change: StoreChange) => void;
  /** So many failures among twice as many calls open it. At most 15. */
  readonly failures: number;
  /** How long it stays open before it is tried again, in ms. */
  readonly probeAfterMs: number;
  /** How long a probe may take, in ms: one that was not heard of by then was lost. */
  readonly deadlineMs: number;
}

/** A circuit breaker. Closed it lets every call through, open none but the probe, one at a time. */
export interface Breaker {
  /** A ticket for a call, to be handed back with how it went; null while it is open, or enough wait for what may not answer. */
  enter(): number | null;
  /** A ticket for the probe, where one is due. */
  enterProbe(): number | null;
  /**
   * The call of this ticket went well.
   *
   * @param proves False where a failing store may answer so too: it then neither ends an outage nor speaks for the store.
   */
  succeed(ticket: number, proves: boolean): void;
  /** The call of this ticket failed. */
  fail(ticket: number, error: unknown): void;
  /** Nothing is known of how the call of this ticket went. */
  withdraw(ticket: number): void;
  /** Nobody will ask any more: an outage that goes on is over. */
  end(): void;
  /** Is an outage going on? */
  readonly isFailing: boolean;
  /** Was the last call answered, and is the breaker closed? */
  readonly isWell: boolean;
  /** Until the next probe, in ms; 0 when calls go through. */
  waitMs(): number;
}

/**
 * How often in a row an outage may begin right after the one before it. One that begins so again is the same one, of
 * something that works and fails by turns, and ends when as many calls in a row went well as are looked back on.
 */
const RELAPSES = 2;

function bitsOf(number: number): number {
  let bits = 0;
  for (let rest = number; rest !== 0; rest &= rest - 1) bits++;
  return bits;
}

/** @returns A closed breaker. */
export function circuitBreaker(options: BreakerOptions): Breaker {
  const { clock, notify, failures, probeAfterMs, deadlineMs } = options;
  /** How many calls are looked back on. */
  const span = 2 * failures;
  let tickets = 0;
  /** The last calls, a bit each, the latest lowest: did it fail? */
  let history = 0;
  let failing = false;
  /** The last ticket given when a call failed: calls begun by then do not show its state since. */
  let outdated = 0;
  let failedAt = 0;
  let isOpen = false;
  /** Was it open in this outage? Then one more failure is enough. */
  let wasOpen = false;
  let probe: number | null = null;
  let probedAt = 0;
  /** The call that ended the last outage. */
  let healer = 0;
  let inFlight = 0;
  /** The last ticket given when a call went well, and how many have failed since. */
  let heardAt = 0;
  let unheard = 0;
  /** Calls that went well since the last change. */
  let well = span;
  let relapses = 0;

  /** The rest of a time that began then. A clock that stepped back must not make it longer by the step. */
  function leftMs(ms: number, since: number): number {
    const passed = clock() - since;
    return passed < 0 ? 0 : Math.max(0, ms - passed);
  }

  const isUnderWay = (): boolean => probe !== null && leftMs(probeAfterMs + deadlineMs, probedAt) > 0;

  /** Has nothing been heard for as long as a call takes to fail? Then those that wait already are enough to find out. */
  const isSilent = (): boolean => unheard > 0 && unheard + inFlight >= failures;

  function enter(): number {
    inFlight++;
    return ++tickets;
  }

  function leave(ticket: number): boolean {
    inFlight = Math.max(0, inFlight - 1);
    const isProbe = ticket === probe;
    if (isProbe) probe = null;
    return isProbe;
  }

  function open(): void {
    isOpen = wasOpen = true;
    history = 0;
  }

  function heal(ticket: number): void {
    failing = wasOpen = false;
    healer = ticket;
    well = 0;
    notify({ state: "healed" });
  }

  return {
    get isFailing() {
      return failing;
    },
    get isWell() {
      return !isOpen && unheard === 0;
    },
    waitMs: () => isOpen ? leftMs(probeAfterMs, failedAt) : 0,
    enter: () => isOpen || isSilent() ? null : enter(),
    enterProbe() {
      if (!failing || isUnderWay() || leftMs(probeAfterMs, failedAt) > 0) return null;
      probedAt = clock();
      return probe = enter();
    },
    succeed(ticket, proves) {
      const isProbe = leave(ticket);
      heardAt = tickets;
      unheard = 0;
      if (!proves || (isOpen && !isProbe)) return;
      history <<= 1;
      if (ticket <= outdated) return;
      isOpen = false;
      well++;
      if (failing && well >= (relapses > RELAPSES ? span : 1)) heal(ticket);
    },
    fail(ticket, error) {
      const isProbe = leave(ticket);
      if (heardAt < ticket) unheard++;
      if (ticket < healer || (isOpen && !isProbe)) return;
      outdated = tickets;
      failedAt = clock();
      history = ((history << 1) | 1) & ((1 << span) - 1);
      if (!failing) relapses = well < span ? relapses + 1 : 0;
      well = 0;
      if (wasOpen || bitsOf(history) >= failures) open();
      if (failing) return;
      failing = true;
      notify({ state: "failing", error });
    },
    withdraw: (ticket) => void leave(ticket),
    end() {
      isOpen = false;
      if (failing) heal(tickets);
    },
  };
}
