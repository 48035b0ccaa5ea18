import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import { createThrottle, type Rule } from "../../../mod.ts";
import type { Algorithm, Policy } from "../../../src/algorithms/algorithm.ts";
import { withBlock } from "../../../src/algorithms/block.ts";
import { fixedWindow } from "../../../src/algorithms/fixed_window.ts";
import { gcra } from "../../../src/algorithms/gcra.ts";
import { slidingLog } from "../../../src/algorithms/sliding_log.ts";
import type { Decision } from "../../../src/decision.ts";
import { memoryStore } from "../../../src/stores/memory/memory_store.ts";
import type { StoreChange } from "../../../src/stores/store.ts";
import { START } from "../../harness/algorithms.ts";
import { writtenDuring } from "../../harness/console.ts";
import { bytesInUse } from "../../harness/memory.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const ALGORITHMS: Record<string, Algorithm> = {
  fixedWindow: fixedWindow(),
  gcra: gcra(),
  slidingLog: slidingLog(),
  blockedLog: withBlock(slidingLog(), {
    after: 5,
    windowMs: MINUTE,
    forMs: MINUTE,
    growth: 1,
    maxMs: MINUTE,
  }) as Algorithm,
};

/** A store of so many keys, under rules of `limit` an hour. */
function full(maxKeys: number, algorithm: Algorithm, limit = 10) {
  const clock = { now: START };
  const store = memoryStore({ maxKeys, clock: () => clock.now });
  const changes: StoreChange[] = [];
  store.observe?.((change) => changes.push(change));
  /** Each rule asks with one object, as those of a throttle do. */
  const policies = new Map<string, Policy>();
  const decide = (key: string, cost: number, spend: boolean, rule = "rule", windowMs = HOUR) => {
    const rate = `${rule} ${windowMs}`;
    const policy = policies.get(rate) ?? { name: rule, limit, windowMs, mode: "enforce" };
    policies.set(rate, policy);
    return (store.decide(
      [{ key: `${rule}:${key}`, policy, algorithm, cost, since: null }],
      spend,
    ) as Decision[])[0];
  };
  return {
    ...{ store, clock, changes },
    /** How many of `times` requests pass. */
    passes(key: string, times = 1, rule = "rule", windowMs = HOUR): number {
      let passed = 0;
      for (let i = 0; i < times; i++) if (decide(key, 1, true, rule, windowMs).allowed) passed++;
      return passed;
    },
    left: (key: string) => decide(key, 0, false).remaining,
  };
}

describe("a full memoryStore", () => {
  for (const [name, algorithm] of Object.entries(ALGORITHMS)) {
    it(`${name}: forgets what has expired first`, () => {
      const { clock, passes, left, changes } = full(3, algorithm);
      passes("short", 9, "rule", MINUTE);
      passes("a", 1);
      passes("b", 2);
      clock.now += MINUTE;
      const before = ["a", "b"].map(left);
      passes("c", 3);
      assertEquals(["a", "b"].map(left), before);
      assertEquals(changes, []);
    });

    it(`${name}: forgets what has used least next`, () => {
      const { passes, left, changes } = full(3, algorithm);
      passes("a", 5);
      passes("b", 1);
      passes("c", 10);
      passes("d", 3);
      assertEquals(["a", "b", "c", "d"].map(left), [5, 10, 0, 7]);
      passes("e", 4);
      assertEquals(["a", "d", "c", "e"].map(left), [5, 10, 0, 6]);
      assertEquals(changes, []);
    });

    it(`${name}: never forgets a key with nothing left, under any flood of new ones`, () => {
      for (const maxKeys of [1, 2, 64, 500, 5000]) {
        const { passes } = full(maxKeys, algorithm, 3);
        assertEquals(passes("victim", 10), 3);
        for (let i = 0; i < 3 * maxKeys + 50; i++) passes(`flood ${i}`, 1 + i % 4);
        assertEquals(passes("victim", 5), 0, `${maxKeys}`);
      }
    });

    it(`${name}: lets new keys share one quota per rule where all have nothing left, and says so once`, () => {
      const { clock, passes, changes } = full(4, algorithm, 3);
      for (const key of ["a", "b", "c", "d"]) assertEquals(passes(key, 4), 3);
      assertEquals(changes, []);
      assertEquals([passes("e"), passes("f"), passes("g"), passes("h"), passes("e"), passes("i")], [
        1,
        1,
        1,
        0,
        0,
        0,
      ]);
      assertEquals(changes.map(({ state }) => state), ["failing"]);
      assert((changes[0].error as Error).message.includes("holds 4 keys with nothing left"));
      // Each rule has its own.
      assertEquals([passes("e", 4, "other"), passes("f", 4, "other")], [3, 0]);
      // The old ones go on being refused.
      assertEquals(["a", "b", "c", "d"].map((key) => passes(key)), [0, 0, 0, 0]);
      assertEquals(changes.length, 1);
      clock.now += 3 * HOUR;
      assertEquals(["w", "x", "y"].map((key) => passes(key, 5)), [3, 3, 3]);
      assertEquals(changes.map(({ state }) => state), ["failing", "healed"]);
    });

    it(`${name}: gives back nothing of what new keys share`, () => {
      const { store, passes, left } = full(1, algorithm, 3);
      passes("a", 3);
      passes("b", 3);
      const policy = { name: "rule", limit: 3, windowMs: HOUR, mode: "enforce" as const };
      store.decide([{ key: "rule:b", policy, algorithm, cost: -3, since: START }]);
      assertEquals([left("b"), left("c")], [0, 0]);
    });

    it(`${name}: a peek of a new key shows what a request would get`, () => {
      const { passes, left } = full(2, algorithm, 3);
      for (const key of ["a", "b"]) passes(key, 3);
      passes("c", 2);
      assertEquals(left("d"), 1);
      passes("c", 1);
      assertEquals([left("d"), passes("d")], [0, 0]);
    });

    it(`${name}: errs on refusing, whatever comes`, () => {
      const requests = fc.array(fc.tuple(fc.nat(12), fc.integer({ min: 1, max: 4 })), {
        maxLength: 80,
        size: "max",
      });
      fc.assert(
        fc.property(fc.integer({ min: 1, max: 8 }), requests, (maxKeys, list) => {
          const { passes, left } = full(maxKeys, algorithm, 3);
          const exhausted = new Set<string>();
          for (const [n, times] of list) {
            const key = `k${n}`;
            const passed = passes(key, times);
            // Exhausted once by its own requests, it passes no more in its window.
            if (exhausted.has(key)) assertEquals(passed, 0);
            assert(passed <= 3);
            if (left(key) === 0 && passed === 3) exhausted.add(key);
          }
        }),
        { numRuns: 100 },
      );
    });
  }

  it("takes no more memory after a flood of new keys than when it was full", async () => {
    const maxKeys = 200_000;
    const { passes } = full(maxKeys, ALGORITHMS.fixedWindow);
    for (let i = 0; i < maxKeys; i++) passes(`first ${i}`);
    const before = await bytesInUse();
    for (let i = 0; i < 3 * maxKeys; i++) passes(`flood ${i}`);
    const grown = await bytesInUse() - before;
    // A table that grew by its next step would take 3 bytes a key more.
    assert(grown < 2 * maxKeys, `${Math.round(grown / 1e3)} kB more`);
    assertEquals(passes("flood 0"), 1); // The store is held to here.
  });

  for (const [name, algorithm] of Object.entries(ALGORITHMS)) {
    it(`${name}: forgets what has expired first among a hundred keys, and lets no other go before all of it`, () => {
      const { clock, passes, left, changes } = full(100, algorithm);
      for (let i = 0; i < 50; i++) {
        passes(`old ${i}`, 1 + i % 10, "rule", MINUTE);
        passes(`live ${i}`, 1 + i % 9);
      }
      clock.now += 2 * MINUTE;
      for (let i = 0; i < 50; i++) passes(`new ${i}`, 1);
      const lost = Array.from({ length: 50 }, (_, i) => i).filter((i) => left(`live ${i}`) !== 9 - i % 9);
      assertEquals([lost, changes], [[], []]);
    });

    it(`${name}: looks at few of its keys for one that may go, however alike they are`, () => {
      // A copy with a step of its own, which is told of every look.
      let steps = 0;
      const counted: Algorithm = {
        ...algorithm,
        step: (...asked) => {
          steps++;
          return algorithm.step(...asked);
        },
      };
      for (const maxKeys of [100, 10_000]) {
        const { clock, passes, changes } = full(maxKeys, counted);
        for (let i = 0; i < maxKeys; i++) passes(`first ${i}`, 5);
        let most = 0;
        steps = 0;
        for (let i = 0; i < 2000; i++) {
          const before = steps;
          passes(`flood ${i}`, 1);
          most = Math.max(most, steps - before);
        }
        // Its own, and that of the key that goes.
        assert(steps <= 2000 * 2.1, `${steps} steps`);
        assert(most <= 12, `${most} at once`);
        // Also where some may be over, but none is.
        passes("short", 1, "rule", MINUTE);
        clock.now += 2 * MINUTE;
        steps = 0;
        for (let i = 0; i < 200; i++) passes(`more ${i}`, 1);
        assert(steps <= 200 * 12, `${steps} steps`);
        assertEquals(changes, []);
      }
    });
  }

  it("forgets hardly any live key of twenty thousand while there are expired ones", () => {
    const { clock, passes, left } = full(20_000, ALGORITHMS.fixedWindow);
    for (let i = 0; i < 10_000; i++) {
      passes(`old ${i}`, 1, "rule", MINUTE);
      passes(`live ${i}`, 2);
    }
    clock.now += 2 * MINUTE;
    for (let i = 0; i < 8000; i++) passes(`new ${i}`, 1);
    const lost = Array.from({ length: 10_000 }, (_, i) => i).filter((i) => left(`live ${i}`) !== 8);
    assert(lost.length < 50, `${lost.length} of 10,000`);
  });

  it("keeps a key with nothing left under the limit that was lowered for its latest request", () => {
    let now = START;
    const store = memoryStore({ maxKeys: 64, clock: () => now });
    const high = { name: "rule", limit: 10, windowMs: HOUR, mode: "enforce" } as const;
    const low = { ...high, limit: 2 };
    const passes = (key: string, policy: Policy, cost = 1) => {
      const check = { key: `rule:${key}`, policy, algorithm: fixedWindow(), cost, since: null };
      return (store.decide([check]) as Decision[])[0].allowed;
    };
    passes("other", low);
    passes("victim", high);
    assertEquals(passes("victim", low), true);
    // Something is over, so that all are looked at.
    passes("short", { ...high, name: "short", windowMs: 1 });
    now += 1;
    for (let i = 0; i < 1000; i++) passes(`flood ${i}`, high, 9);
    assertEquals(passes("victim", low), false);
  });

  it("makes room for a rule by what has expired under another, whatever their algorithms", () => {
    for (
      const [from, to] of [[fixedWindow(), slidingLog()], [slidingLog(), fixedWindow()], [
        gcra(),
        fixedWindow(),
      ]]
    ) {
      const clock = { now: START };
      const store = memoryStore({ maxKeys: 50, clock: () => clock.now });
      const changes: StoreChange[] = [];
      store.observe?.((change) => changes.push(change));
      const pass = (algorithm: Algorithm, key: string) => {
        const policy = {
          name: algorithm.name as string,
          limit: 1,
          windowMs: MINUTE,
          mode: "enforce" as const,
        };
        return (store.decide([{ key, policy, algorithm, cost: 1, since: null }]) as Decision[])[0].allowed;
      };
      for (let i = 0; i < 50; i++) assert(pass(from, `old ${i}`));
      clock.now += MINUTE;
      for (let i = 0; i < 50; i++) assert(pass(to, `new ${i}`), `${from.name} to ${to.name}: ${i}`);
      assertEquals(changes, []);
    }
  });
});

describe("memoryStore over time", () => {
  for (
    const [name, keys] of [
      ["fixedWindow", 1_000_000],
      ["slidingLog", 150_000],
      ["slidingLogOfSeven", 100_000],
      ["gcra", 150_000],
      ["blockedLog", 150_000],
    ] as const
  ) {
    it(`${name}: makes no timer, and its heap is flat after ${keys} distinct keys have expired`, async () => {
      const clock = { now: START };
      const store = memoryStore({ clock: () => clock.now });
      const algorithm = ALGORITHMS[name === "slidingLogOfSeven" ? "slidingLog" : name];
      const charges = name === "slidingLogOfSeven" ? 7 : 1;
      const policy = { name: "rule", limit: charges + 1, windowMs: 1000, mode: "enforce" as const };
      const request = (n: number) => {
        if (n % 10 === 0) clock.now++; // ten thousand live keys
        const check = { key: `rule:203.0.${n}`, policy, algorithm, cost: 1, since: null };
        for (let i = 0; i < charges; i++) {
          if (i > 0) clock.now++;
          assert((store.decide([check]) as Decision[])[0].allowed);
        }
      };
      const timers = { setTimeout, setInterval };
      const forbidden = () => {
        throw new Error("A timer was made.");
      };
      const run = (from: number, to: number) => {
        Object.assign(globalThis, { setTimeout: forbidden, setInterval: forbidden });
        try {
          for (let n = from; n < to; n++) request(n);
        } finally {
          Object.assign(globalThis, timers);
        }
      };
      run(0, 50_000);
      const before = await bytesInUse();
      run(50_000, keys);
      const grown = await bytesInUse() - before;
      // Had they been kept, each of them would take 26 bytes at the very least.
      assert(grown < 13 * keys, `${Math.round(grown / 1e6)} MB more`);
    });
  }
});

describe("throttles on one memoryStore", () => {
  it("leave it nothing of theirs but their observers, as there may be one for each request", async () => {
    const store = memoryStore({ maxKeys: 1 });
    const { observe } = store;
    const listeners = new Set<unknown>();
    Object.assign(store, {
      observe(listener: (change: StoreChange) => void) {
        listeners.add(listener);
        observe!(listener);
      },
    });
    const rule: Rule = { name: "own", rate: "1/min", key: ({ request }) => request.headers.get("x-key") };
    let told = 0;
    const throttles = Array.from(
      { length: 100 },
      (_, i) =>
        createThrottle(rule, {
          store,
          observers: i === 0 ? [({ type }) => void (told += +(type === "store"))] : [],
        }),
    );
    assertEquals(listeners.size, 2);
    const { lines } = await writtenDuring(async () => {
      for (const key of ["a", "b"]) {
        await throttles[1].check(new Request("https://example.com/", { headers: { "x-key": key } }));
      }
    }, "warn");
    assertEquals([told, lines.length], [1, 1]);
  });
});
