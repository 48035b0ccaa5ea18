import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "node:test";
import { memoryStore, type Store } from "../../mod.ts";
import { manualClock } from "../../src/testing/mod.ts";
import { inPassingTime, type RealTime } from "../../src/testing/passing_time.ts";
import { BEHAVIOURS } from "../../src/testing/store_behaviours.ts";
import { type Behaviours, runBehaviour } from "../../src/testing/store_tools.ts";

/** Time that really passes, as a test can have it. */
function slowMachine() {
  const clock = manualClock(0);
  const time: RealTime = { steady: clock, wait: (ms) => Promise.resolve(clock.advance(ms)) };
  return { clock, time };
}

/** Short windows that were tried, by an attempt whose calls take these times and which fails so often. */
async function tried(tookMs: readonly number[], failures: number): Promise<readonly number[]> {
  const { clock, time } = slowMachine();
  const windows: number[] = [];
  await inPassingTime(
    async ({ shortWindow, advance }) => {
      windows.push(shortWindow());
      await advance(shortWindow());
      clock.advance(tookMs[windows.length - 1]);
      if (windows.length <= failures) throw new Error(`failed ${windows.length}`);
    },
    undefined,
    time,
  );
  return windows;
}

describe("time that passes in a trial", () => {
  it("is tried anew with a longer window where it failed on a machine that was slow", async () => {
    assertEquals(await tried([1000, 4000, 0], 2), [1000, 4000, 16_000]);
    assertEquals(await tried([5000], 0), [1000]);
  });

  it("is tried once where it failed on a machine that was not, and thrice at most", async () => {
    await assertRejects(() => tried([999], 1), Error, "failed 1");
    await assertRejects(() => tried([1000, 3999], 2), Error, "failed 2");
    await assertRejects(() => tried([1000, 4000, 16_000], 3), Error, "failed 3");
  });

  it("excuses no failure beside a window that is not asked for, and none by a clock of the test's own", async () => {
    const { clock, time } = slowMachine();
    let attempts = 0;
    const slow = () => {
      attempts++;
      clock.advance(60_000);
      return Promise.reject(new Error("its own"));
    };
    await assertRejects(() => inPassingTime(slow, undefined, time), Error, "its own");
    await assertRejects(() => inPassingTime(slow, clock.advance, time), Error, "its own");
    assertEquals(attempts, 2);
  });
});

/** A memory store in real time, on a machine that pauses for so long before one of its decisions. */
async function decisionsOf(behaviour: Behaviours[string], pausedBefore: number, pauseMs: number) {
  const { clock, time } = slowMachine();
  const store = memoryStore({ clock });
  let decisions = 0;
  const pausing: Store = {
    ...store,
    decide(checks, spend) {
      if (decisions++ === pausedBefore) clock.advance(pauseMs);
      return store.decide(checks, spend);
    },
  };
  await runBehaviour(behaviour, { open: () => pausing }, time);
  return decisions;
}

describe("every behaviour of stores", () => {
  for (const [name, behaviour] of Object.entries(BEHAVIOURS)) {
    it(`${name}, on a machine that pauses`, async () => {
      for (let i = 0, decisions = Infinity; i < decisions; i++) {
        decisions = Math.min(decisions, await decisionsOf(behaviour, i, 3000));
      }
    });
  }
});
