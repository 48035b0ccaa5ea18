/** Clients that share a quota by what a real throttle tells them, on a clock that jumps: how often they are refused, and how much they get. */
import { assert, assertEquals, assertGreaterOrEqual, assertLessOrEqual } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import { gcra, slidingLog, slidingWindow } from "../../mod.ts";
import { newBucket } from "../../src/paced_fetch/bucket.ts";
import type { ServerQuota } from "../../src/paced_fetch/mod.ts";
import { type Came, type Scene, simulate } from "../harness/paced_simulation.ts";

const usual: Omit<Scene, "seed"> = {
  rule: { rate: "100/s" },
  clients: 4,
  atOnce: 25,
  seconds: 10,
  way: [1, 4],
};
const SEEDS = [1, 2, 3, 4, 5, 6];

async function overSeeds(scene: Omit<Scene, "seed">): Promise<Came> {
  const sum = { sent: 0, passed: 0, refused: 0 };
  for (const seed of SEEDS) {
    const came = await simulate({ ...scene, seed });
    for (const name of ["sent", "passed", "refused"] as const) sum[name] += came[name];
  }
  return sum;
}

const seconds = usual.seconds * SEEDS.length;

describe("clients of one quota", () => {
  const table: [title: string, change: Partial<Scene>, refusedAtMost: number, rateAtLeast: number][] = [
    ["one", { clients: 1, atOnce: 100 }, 0, 95],
    ["four", {}, 0.005, 95],
    ["sixteen", { clients: 16, atOnce: 7 }, 0.005, 85],
    ["four that begin one after another", { active: (c) => [c * 2, Infinity] }, 0.005, 95],
    ["four that end one after another", { active: (c) => [0, 10 - c * 2] }, 0.005, 90],
    ["four that are far away", { way: [25, 75] }, 0.005, 75],
    ["four on a busy machine, whose timers are late", { way: [2, 40], lateMs: 40 }, 0.005, 92],
    ["four whose requests cost 7", { rule: { rate: "700/s", cost: 7 } }, 0.005, 90],
    ["four of a bucket that drains", { rule: { rate: "100/s", algorithm: gcra() } }, 0.005, 90],
    // A quota that comes back bit by bit is told with the time of the whole: half of it can be spread over that.
    ["four of a sliding log", { rule: { rate: "100/s", algorithm: slidingLog() } }, 0.005, 45],
    ["four of a sliding window", { rule: { rate: "100/s", algorithm: slidingWindow() } }, 0.02, 30],
    ["one that does not spread", { clients: 1, atOnce: 100, spread: false }, 0, 95],
    // At once they cannot know of each other.
    ["four that do not spread", { spread: false }, 0.05, 95],
    ["one that does not spread, far away", { clients: 1, atOnce: 100, way: [25, 75], spread: false }, 0, 85],
  ];
  for (const [title, change, refusedAtMost, rateAtLeast] of table) {
    it(`${title}: at most ${refusedAtMost * 100} % refused, at least ${rateAtLeast} of 100 per second used`, async () => {
      const { sent, passed, refused } = await overSeeds({ ...usual, ...change });
      assertLessOrEqual(refused / sent, refusedAtMost, `${refused} of ${sent}`);
      assertGreaterOrEqual(passed / seconds, rateAtLeast, `${passed / seconds} per second`);
    });
  }

  it("of any size, however many they are and however far away, are hardly refused and none starves", async () => {
    const scene = fc.record({
      limit: fc.integer({ min: 40, max: 300 }),
      clients: fc.integer({ min: 1, max: 8 }),
      greatest: fc.integer({ min: 2, max: 60 }),
      seed: fc.nat(),
    });
    await fc.assert(
      fc.asyncProperty(scene, async ({ limit, clients, greatest, seed }) => {
        const { sent, passed, refused } = await simulate({
          ...usual,
          rule: { rate: { limit, window: 1 } },
          atOnce: limit,
          ...{ clients, seed, seconds: 5, way: [1, greatest] },
        });
        assertLessOrEqual(refused, Math.max(clients, sent * 0.02));
        assertGreaterOrEqual(passed, limit * 5 * 0.5);
      }),
      { numRuns: 25, seed: 20261129 },
    );
  });
});

describe("a bucket", () => {
  const quota = (told: Partial<ServerQuota>): ServerQuota => ({
    ...{ policy: "", partition: "", limit: null, windowMs: null, remaining: 0, resetMs: null, cost: 1 },
    ...told,
  });

  it("that nothing is known of lets one request go, and another where that has no answer for a second", () => {
    const bucket = newBucket();
    assert(bucket.opensAt(5000, Infinity, true) <= 5000);
    bucket.take(5000);
    assertEquals(bucket.opensAt(5001, Infinity, true), 6000);
    bucket.leave(5000);
    assert(bucket.opensAt(5001, Infinity, true) <= 5001);
  });

  it("counts an older response as a request of its own, and the earlier ones no less for it", () => {
    const bucket = newBucket();
    bucket.learn(quota({ remaining: 5, limit: 21, resetMs: 1000 }), 0, 100);
    bucket.learn(quota({ remaining: 6, limit: 21, resetMs: 1000 }), 50, 100);
    // Two of 16 units: this process's share of 5 is too little for one more.
    assert(bucket.opensAt(100, Infinity, false) > 100);
  });

  it("knows by the newest request which others a response does not count, whichever comes last", () => {
    const bucket = newBucket();
    for (const at of [900, 1000, 1100]) bucket.take(at);
    bucket.leave(1100);
    bucket.learn(quota({ remaining: 2, resetMs: 1000 }), 1100, 1200);
    bucket.leave(1000);
    bucket.learn(quota({ remaining: 1, resetMs: 1000 }), 1000, 1250);
    assert(bucket.opensAt(1250, Infinity, false) <= 1250);
  });

  it("spreads what is left over the rest of the window, but for who cannot wait so long", () => {
    const bucket = newBucket();
    bucket.take(0);
    bucket.leave(0);
    bucket.learn(quota({ remaining: 10, limit: 11, resetMs: 1000 }), 0, 100);
    bucket.take(100);
    const at = bucket.opensAt(100, Infinity, true);
    assert(at > 150 && at <= 250, `${at}`);
    assertEquals(bucket.opensAt(100, 120, true), 120);
    assert(bucket.opensAt(100, Infinity, false) <= 100);
  });

  it("that is used up waits for its end, by the least of what the server says, then asks with one request", () => {
    const bucket = newBucket();
    bucket.take(0);
    bucket.leave(0);
    bucket.learn(quota({ remaining: 1, limit: 2, resetMs: 2000 }), 0, 100);
    bucket.take(200);
    assertEquals(bucket.opensAt(200, Infinity, false), 2100);
    bucket.leave(200);
    bucket.learn(quota({ remaining: 0, limit: 2, resetMs: 1000 }), 200, 300);
    assertEquals(bucket.opensAt(300, Infinity, false), 1300);
    assert(bucket.opensAt(1300, Infinity, false) <= 1300);
    bucket.take(1300);
    assertEquals(bucket.opensAt(1301, Infinity, false), 2300);
  });

  it("of which a request is never answered is not held up by it", () => {
    const bucket = newBucket();
    bucket.take(0);
    for (let now = 1000; now < 60_000; now += 1000) {
      assert(bucket.opensAt(now, Infinity, false) <= now, `${now}`);
      bucket.take(now);
      bucket.leave(now);
      bucket.learn(quota({ remaining: 0, limit: 1, resetMs: 1000 }), now, now);
    }
  });

  it("believes no server for more than a day, and none for ever", () => {
    for (const resetMs of [31_536_000_000, 1e300, Infinity]) {
      const bucket = newBucket();
      bucket.learn(quota({ resetMs }), 0, 0);
      assertEquals(bucket.opensAt(0, Infinity, false), 86_400_000);
    }
  });

  it("opens at a time that comes, whatever the server says", () => {
    const odd = fc.oneof(fc.nat(), fc.constantFrom(0, 0.5, 1e15, 1e300), fc.double({ min: 0, noNaN: true }));
    const told = fc.record({
      remaining: odd,
      limit: fc.option(odd),
      cost: odd,
      resetMs: fc.option(odd),
      windowMs: fc.option(odd),
      afterMs: fc.nat({ max: 2000 }),
      takes: fc.nat({ max: 3 }),
    });
    fc.assert(fc.property(fc.array(told, { maxLength: 20 }), fc.boolean(), (answers, spread) => {
      const bucket = newBucket();
      let now = 1e12;
      for (const { afterMs, takes, ...answer } of answers) {
        const sentAt = now;
        for (let i = 0; i < takes; i++) bucket.take(now);
        now += afterMs;
        bucket.learn(quota(answer), sentAt, now);
        const at = bucket.opensAt(now, now + 60_000, spread);
        assert(at <= now + 86_400_000, `${at - now}`);
        for (let i = 0; i < takes; i++) bucket.leave(sentAt);
      }
    }));
  });
});
