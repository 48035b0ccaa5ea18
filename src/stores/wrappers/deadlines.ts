/**
 * Deadlines without a timer for each call: calls that may take equally long are late in the order in which they began, so one
 * timer looks after them all.
 *
 * @module
 */

import { type IdleTimer, idleTimer, MAX_TIMER_MS } from "../../runtime.ts";

/**
 * A call that waits for its answer, among those that began before and after it. Not in a Set: once one of its tables is old,
 * collectors of young objects keep every later table, and all calls that these ever held.
 */
class Call {
  /** Its deadline, in ms by a steady clock. */
  readonly at: number;
  /** Called once when the deadline is over. */
  readonly late: () => void;
  /** Itself when it does not wait. */
  before: Call = this;
  after: Call = this;
  /** Its timer, where it needs one of its own. */
  timer: ReturnType<typeof setTimeout> | undefined = undefined;

  constructor(at: number, late: () => void) {
    this.at = at;
    this.late = late;
  }

  /** It waits, as the last before that one. */
  join(next: Call): void {
    this.before = next.before;
    this.after = next;
    next.before = this.before.after = this;
  }

  /** It waits no more. False if it did not wait. */
  leave(): boolean {
    const { before, after } = this;
    before.after = after;
    after.before = before;
    // A call that is gone leads to no other: an old one would keep those that came later.
    this.before = this.after = this;
    return after !== this;
  }
}

/** A timer that is as late as this, in ms, is lost: a platform may end what a request left behind. */
const LOST_MS = 1000;

const steady = (): number => performance.now();

/** Calls with equally long deadlines. */
interface Deadlines {
  begin(late: () => void): Call;
  /** The call has its answer: where none waits, the timer keeps no process alive. */
  end(call: Call): void;
}

function deadlinesOf(ms: number): Deadlines {
  /** Before the first call that waits, and after the last. */
  const ends = new Call(Infinity, () => {});
  let timer: IdleTimer | null = null;
  /** When the timer runs, by the steady clock. */
  let runsAt = Infinity;

  function arm(now: number, restMs: number): void {
    const armed = timer = idleTimer(() => look(armed), Math.min(restMs, MAX_TIMER_MS));
    runsAt = now + restMs;
  }

  /** A timer that was taken for lost was late: the calls that it was for are over all the same. */
  function look(ran: IdleTimer | null): void {
    const now = steady();
    const due: Call[] = [];
    let call = ends.after;
    for (; call.at <= now; call = call.after) due.push(call);
    if (timer === ran) {
      timer = null;
      if (call !== ends) arm(now, call.at - now);
    }
    if (due.length === 0) return;
    // A process that was busy sees its timers before its sockets, so an answer may be here already: one more turn lets it in.
    setTimeout(() => {
      for (const call of due) if (call.leave()) call.late();
    });
  }

  return {
    begin(late) {
      const now = steady();
      if (timer === null || now > runsAt + LOST_MS) arm(now, ms);
      else if (ends.after === ends) timer.ref();
      const call = new Call(now + ms, late);
      if (timer === null) call.timer = setTimeout(() => setTimeout(late), ms);
      else call.join(ends);
      return call;
    },
    end(call) {
      clearTimeout(call.timer);
      if (call.leave() && ends.after === ends) timer?.unref();
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
 */
export function withinShared<T>(promise: Promise<T>, ms: number, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const waiting = deadlinesFor(ms);
    const call = waiting.begin(() => reject(late()));
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
    shared.end(call);
    act();
  }
  const call = shared.begin(end);
  promise.then(end, end);
}
