/** A clock that a test moves, and the timers that go by it. */
export interface FakeTime {
  /** Epoch ms. */
  now: number;
  /** Moves it on, and runs the timers that are due, in order. Late by so many ms, as after a suspension, they run at its end. */
  advance(ms: number, late?: boolean): void;
}

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** Runs a function, which must be synchronous, with timers by a clock of the test's own. */
export function withFakeTimers<T>(start: number, run: (time: FakeTime) => T): T {
  const { setTimeout, clearTimeout } = globalThis;
  const timers = new Set<Timer>();
  const time: FakeTime = {
    now: start,
    advance(ms, late = false) {
      const end = time.now + ms;
      if (late) time.now = end;
      for (;;) {
        const due = [...timers].filter(({ at }) => at <= end).sort((one, other) => one.at - other.at)[0];
        if (due === undefined) break;
        timers.delete(due);
        time.now = Math.max(time.now, due.at);
        due.run();
      }
      time.now = end;
    },
  };
  Object.assign(globalThis, {
    setTimeout(run: () => void, ms = 0) {
      const timer = { at: time.now + ms, run };
      timers.add(timer);
      return timer;
    },
    clearTimeout: (timer: Timer) => timers.delete(timer),
  });
  try {
    return run(time);
  } finally {
    Object.assign(globalThis, { setTimeout, clearTimeout });
  }
}
