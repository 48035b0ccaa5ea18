/** Deadlines that share one timer. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "node:test";
import { withinShared } from "../../../src/stores/wrappers/deadlines.ts";
import { withFakeTimers } from "../../harness/fake_timers.ts";

const never = new Promise<never>(() => {});
const pauseOf = (timeout: typeof setTimeout, ms: number) => new Promise((resume) => timeout(resume, ms));
const pause = (ms: number) => pauseOf(setTimeout, ms);
const late = () => new Error("late");

/** Runs `use` with a count of the timers of some ms that are made meanwhile. */
async function timersOf(ms: number, use: () => Promise<unknown>): Promise<number> {
  const real = globalThis.setTimeout;
  let made = 0;
  globalThis.setTimeout = ((run: () => void, after?: number) => {
    if (after === ms) made++;
    return real(run, after);
  }) as typeof setTimeout;
  try {
    await use();
  } finally {
    globalThis.setTimeout = real;
  }
  return made;
}

describe("deadlines that share a timer", () => {
  it("make one timer for any number of calls that are answered in time", async () => {
    const made = await timersOf(5000, async () => {
      for (let i = 0; i < 100; i++) assertEquals(await withinShared(Promise.resolve(i), 5000, late), i);
    });
    assertEquals(made, 1);
  });

  it("are over for each call after its own time, in the order of the calls, beside those that are answered", async () => {
    const order: string[] = [];
    const noted = (name: string, promise: Promise<unknown>) => {
      const begun = performance.now();
      return withinShared(promise, 40, late).then(() => order.push(name), () => {
        assert(performance.now() - begun >= 39, `${name} is late after its own time`);
        order.push(`${name} late`);
      });
    };
    const first = noted("a", never);
    const answered = noted("b", pause(5));
    await pause(20);
    const second = noted("c", never);
    await Promise.all([first, answered, second]);
    assertEquals(order, ["b", "a late", "c late"]);
  });

  it("are kept after a timer was lost, as on a platform that ends what a request left behind", async () => {
    const real = globalThis.setTimeout;
    globalThis.setTimeout = (() => ({ ref() {}, unref() {} })) as unknown as typeof setTimeout;
    const lost = withinShared(never, 3, late).catch(() => {});
    globalThis.setTimeout = real;
    await pause(1010);
    await assertRejects(() => withinShared(never, 3, late), Error, "late");
    await lost;
  });

  it("are over at once where the process stood still, also if another call begins before the timer runs", () => {
    const { now } = performance;
    const over: unknown[] = [];
    withFakeTimers(0, (time) => {
      const fake = globalThis.setTimeout;
      const timerOf = (run: () => void, ms?: number) =>
        Object.assign(fake(run, ms), { ref() {}, unref() {} });
      globalThis.setTimeout = timerOf as unknown as typeof setTimeout;
      performance.now = () => time.now;
      const begin = (name: string) =>
        withinShared(never, 3000, () => {
          over.push([name, time.now]);
          return late();
        }).catch(() => {});
      try {
        begin("before");
        time.now = 5000;
        begin("after");
        time.advance(0);
        assertEquals(over, [["before", 5000]]);
        time.advance(3000);
        assertEquals(over, [["before", 5000], ["after", 8000]]);
      } finally {
        performance.now = now;
      }
    });
  });

  it("have a timer per call, ended with the call, where timers cannot wait without holding the process", async () => {
    const { setTimeout: set, clearTimeout: clear } = globalThis;
    const MS = [30_001, 21];
    const running = new Map<object, ReturnType<typeof setTimeout>>();
    const fakes = {
      setTimeout(run: () => void, ms?: number) {
        if (!MS.includes(ms ?? 0)) return set(run, ms);
        // Without `ref` and `unref`.
        const timer = {};
        running.set(timer, set(() => running.delete(timer) && run(), ms));
        return timer;
      },
      clearTimeout(timer: object) {
        clear(running.get(timer) ?? timer as ReturnType<typeof setTimeout>);
        running.delete(timer);
      },
    };
    Object.assign(globalThis, fakes);
    try {
      const answered = withinShared(pause(1), MS[0], late);
      assertEquals(running.size, 1);
      await answered;
      assertEquals(running.size, 0);
      await assertRejects(() => withinShared(never, MS[1], late), Error, "late");
    } finally {
      Object.assign(globalThis, { setTimeout: set, clearTimeout: clear });
    }
  });

  it("hold a process until its calls are over, and no longer", async () => {
    const real = globalThis.setTimeout;
    const held: boolean[] = [];
    const timer = { ref: () => held.push(true), unref: () => held.push(false) };
    globalThis.setTimeout = (() => timer) as unknown as typeof setTimeout;
    const calls = [1, 2].map(() => withinShared(pauseOf(real, 2), 7000, late));
    globalThis.setTimeout = real;
    await Promise.all(calls);
    assertEquals(held, [false]);
    const again = withinShared(pause(2), 7000, late);
    assertEquals(held, [false, true]);
    await again;
    assertEquals(held, [false, true, false]);
  });
});
