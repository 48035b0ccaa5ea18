/**
 * Deadlines without a timer for each call: calls that may take equally long are late in the order in which they began, so one
 * timer looks after them all.
 *
 * @module
 */

import { type IdleTimer, idleTimer, LONGEST_TIMER_MS } from "../../runtime.ts";

/** A call that waits for its answer. */
interface Call {
  /** Its deadline, in ms by a steady clock. */
  readonly at: number;
  /** Called once when the deadline is over. */
  readonly late: () => void;
}

/** A timer that is as late as this, in ms, is lost: a platform may end what a request left behind. */
const LOST_MS = 1000;

const steady = (): number => performance.now();

/** Calls with equally long deadlines. */
interface Deadlines {
  /** Null where every call needs a timer of its own. */
  begin(late: () => void): Call | null;
  /** The call has its answer: where none waits, the timer keeps no process alive. */
  end(call: Call): void;
}

function deadlinesOf(ms: number): Deadlines {
  /** In the order in which they began. */
  const calls = new Set<Call>();
  let timer: IdleTimer | null = null;
  /** When the timer runs, by the steady clock. */
  let runsAt = Infinity;

  function arm(now: number, restMs: number): void {
    const armed = idleTimer(() => timer === armed && look(), Math.min(restMs, LONGEST_TIMER_MS));
    timer = armed;
    runsAt = now + restMs;
  }

  function look(): void {
    timer = null;
    const now = steady();
    const due: Call[] = [];
    for (const call of calls) {
      if (call.at > now) {
        arm(now, call.at - now);
        break;
      }
      due.push(call);
    }
    if (due.length === 0) return;
    // A process that was busy sees its timers before its sockets, so an answer may be here already: one more turn lets it in.
    setTimeout(() => {
      for (const call of due) if (calls.delete(call)) call.late();
    });
  }

  return {
    begin(late) {
      const now = steady();
      if (timer === null || now > runsAt + LOST_MS) arm(now, ms);
      else if (calls.size === 0) timer.ref();
      if (timer === null) return null;
      const call = { at: now + ms, late };
      calls.add(call);
      return call;
    },
    end(call) {
      if (calls.delete(call) && calls.size === 0) timer?.unref();
    },
  };
}

/** By their length in ms; a process has few. */
const deadlines = new Map<number, Deadlines>();

function deadlinesFor(ms: number): Deadlines {
  let shared = deadlines.get(ms);
  if (shared === undefined) deadlines.set(ms, shared = deadlinesOf(ms));
  return shared;
}

/**
 * The promise; it rejects when it takes too long. A later result is ignored, errors included.
 *
 * @param promise The promise to wait for.
 * @param ms How long, in ms.
 * @param late Makes the error.
 * @returns Null where this platform needs a timer for each call.
 */
export function withinShared<T>(promise: Promise<T>, ms: number, late: () => Error): Promise<T> | null {
  const waiting = deadlinesFor(ms);
  let fail: (error: Error) => void;
  const call = waiting.begin(() => fail(late()));
  if (call === null) return null;
  return new Promise((resolve, reject) => {
    fail = reject;
    promise.then((arrived) => {
      waiting.end(call);
      resolve(arrived);
    }, (error) => {
      waiting.end(call);
      reject(error);
    });
  });
}

/**
 * Calls `act` once: when the promise has settled, or when it takes too long.
 *
 * @param ms How long, in ms.
 */
export function whenOver(promise: Promise<unknown>, ms: number, act: () => void): void {
  const shared = deadlinesFor(ms);
  let isOver = false;
  function end(): void {
    if (isOver) return;
    isOver = true;
    if (call === null) clearTimeout(timer);
    else shared.end(call);
    act();
  }
  const call = shared.begin(end);
  const timer = call === null ? setTimeout(end, ms) : undefined;
  promise.then(end, end);
}
