/** Algorithms as rules choose them. */
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "node:test";
import {
  createThrottle,
  fixedWindow,
  gcra,
  leakyBucket,
  slidingLog,
  slidingWindow,
  tokenBucket,
} from "../../mod.ts";
import { SOMEBODY, START, throttled } from "../harness/throttled.ts";

describe("the algorithm of a rule", () => {
  it("is exact in one process on the memory store, whichever it is", async () => {
    for (const algorithm of [fixedWindow(), gcra(), slidingLog(), slidingWindow()]) {
      assertEquals(await throttled({ rate: "2/min", algorithm }).statuses(3), [200, 200, 429]);
    }
  });

  it("is a fixed window by default", () => {
    assertEquals(createThrottle("1/min").rules[0].algorithm, "fixed-window");
  });

  it("is chosen per rule; leaky bucket and token bucket are gcra", () => {
    assert(leakyBucket === gcra && tokenBucket === gcra);
    const rules = createThrottle(["1/min", { rate: "1/min", algorithm: leakyBucket() }]).rules;
    assertEquals(rules.map(({ algorithm }) => algorithm), ["fixed-window", "gcra"]);
  });

  it("gcra lets no 2N pass at an edge: N at once, and then one by one as they drain", async () => {
    const { statuses, clock } = throttled({ rate: "5/min", algorithm: gcra() });
    assertEquals(await statuses(6), [200, 200, 200, 200, 200, 429]);
    clock.now += 12_000;
    assertEquals(await statuses(2), [200, 429]);
  });

  it("leakyBucket on a login lets five pass per quarter of an hour, then one every three minutes", async () => {
    const { statuses, clock } = throttled({ rate: "5/15min", algorithm: leakyBucket(), on: "POST /login" });
    assertEquals(await statuses(6, "POST /login"), [200, 200, 200, 200, 200, 429]);
    clock.now += 180_000;
    assertEquals(await statuses(2, "POST /login"), [200, 429]);
  });

  it("may be another than that of a rule beside it on the same store", async () => {
    const { statuses } = throttled([
      { rate: "3/min", algorithm: gcra() },
      { rate: "2/min", algorithm: slidingLog() },
    ]);
    assertEquals(await statuses(3), [200, 200, 429]);
  });

  it("tells of usage without counting, with the leak applied", async () => {
    const { throttle, clock, statuses } = throttled({ name: "r", rate: "3/9s", algorithm: gcra() });
    await statuses(3);
    assertEquals((await throttle.usage("r", SOMEBODY)).remaining, 0);
    clock.now += 6_000;
    for (let i = 0; i < 3; i++) assertEquals((await throttle.usage("r", SOMEBODY)).remaining, 2);
  });

  it("gets the state in a step and gives the new one: integers, requests in units of the window", () => {
    const algorithm = gcra();
    const policy = { name: "r", limit: 3, windowMs: 10_000, mode: "enforce" } as const;
    let state: unknown = null;
    for (const allowed of [true, true, true, false]) {
      const step = algorithm.step(state, policy, START, 1, null);
      assertEquals(step.allowed, allowed);
      state = step.state;
    }
    assertEquals((state as number[])[0], 30_000);
  });
});
