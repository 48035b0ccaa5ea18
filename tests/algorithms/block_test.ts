import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import type { Algorithm, Step } from "../../src/algorithms/algorithm.ts";
import { type Block, withBlock } from "../../src/algorithms/block.ts";
import { concurrency } from "../../src/algorithms/concurrency.ts";
import { fixedWindow } from "../../src/algorithms/fixed_window.ts";
import { gcra } from "../../src/algorithms/gcra.ts";
import type { Decision } from "../../src/decision.ts";
import { memoryStore } from "../../src/stores/memory/memory_store.ts";
import { blocks, furthestBack, policyOf, START, timed, traces, walk } from "../harness/algorithms.ts";

const MINUTE = 60_000;
const policy = policyOf(1, 1000);
/** Three refusals within a minute: ten seconds, twice that on each repeat, at most 30 s. */
const BLOCK: Block = { after: 3, windowMs: MINUTE, forMs: 10_000, growth: 2, maxMs: 30_000 };

/** A key under a block, request by request. */
function key(block: Block = BLOCK, inner = fixedWindow()) {
  const algorithm = withBlock(inner, block);
  let state: ReturnType<typeof algorithm.step>["state"] = null;
  return (t: number, cost = 1): Step => {
    const step = algorithm.step(state, policy, START + t, cost, null);
    state = step.state;
    return step;
  };
}

/** The answers to requests at these times: the ms they must wait, "ok", or "N blocked". */
function story(ask: (t: number) => Step, times: readonly number[]): string {
  return times.map((t) => {
    const { allowed, blockedMs = 0, retryAfterMs } = ask(t);
    return allowed ? "ok" : `${retryAfterMs}${blockedMs > 0 ? " blocked" : ""}`;
  }).join(", ");
}

describe("a block", () => {
  it("starts with the after-th refusal and lasts exactly its time", () => {
    assertEquals(
      story(key(), [0, 1, 2, 3, 4, 9000, 10_002, 10_003]),
      "ok, 999, 998, 10000 blocked, 9999 blocked, 1003 blocked, 1 blocked, ok",
    );
  });

  it("counts no refusal of a cost of 0, for which there is no room where more is used than the limit", () => {
    for (const inner of [fixedWindow(), gcra(), concurrency({ lease: 1 })]) {
      const algorithm = withBlock<unknown>(inner as Algorithm, { ...BLOCK, after: 1 });
      const { state } = algorithm.step(null, policy, START, 3, START);
      const free = algorithm.step(state as null, policy, START + 1, 0, null);
      assertEquals([free.allowed, free.blockedMs], [false, 0]);
      assertStrictEquals(free.state, state);
      assertEquals(algorithm.step(state as null, policy, START + 1, 1, null).blockedMs, 10_000);
    }
  });

  it("shows nothing left, and when it ends", () => {
    const ask = key();
    [0, 1, 2].forEach((t) => ask(t));
    for (const [t, left] of [[3, 10_000], [503, 9500], [9503, 500]]) {
      const { allowed, remaining, blockedMs, retryAfterMs, resetAfterMs } = ask(t);
      assertEquals(
        { allowed, remaining, blockedMs, retryAfterMs, resetAfterMs },
        {
          allowed: false,
          remaining: 0,
          blockedMs: left,
          retryAfterMs: left,
          resetAfterMs: left,
        },
      );
    }
  });

  it("does not shorten the wait for a quota that is away for longer", () => {
    const short = { ...BLOCK, forMs: 100 };
    assertEquals(story(key(short), [0, 1, 2, 3, 103]), "ok, 999, 998, 997 blocked, 897");
  });

  it("counts the refusals within its window only", () => {
    assertEquals(
      story(key({ ...BLOCK, windowMs: 5000 }), [0, 1, 2, 5002, 5003, 5004, 5005]),
      "ok, 999, 998, ok, 999, 998, 10000 blocked",
    );
    assertEquals(
      story(key({ ...BLOCK, after: 2, windowMs: 5000 }), [0, 1, 5000, 5001, 5002]),
      "ok, 999, ok, 999, 10000 blocked",
    );
    assertEquals(
      story(key({ ...BLOCK, after: 2, windowMs: 5000 }), [0, 1, 4999, 5000]),
      "ok, 999, ok, 10000 blocked",
    );
  });

  it("does not count refusals during it", () => {
    const times = [0, 1, 2, 3, ...Array.from({ length: 50 }, (_, i) => 4 + 190 * i)];
    const ask = key({ ...BLOCK, growth: 1 });
    times.forEach((t) => ask(t));
    assertEquals(story(ask, [10_003, 10_004, 10_005, 10_006]), "ok, 999, 998, 10000 blocked");
  });

  it("does not count peeks", () => {
    let now = START;
    const store = memoryStore({ clock: () => now });
    const check = { key: "a", policy, algorithm: withBlock(fixedWindow(), BLOCK), cost: 1, since: null };
    const ask = (spend?: boolean) => (store.decide([check], spend) as readonly Decision[])[0];
    assert(ask().allowed);
    for (let i = 0; i < 20; i++) assert(!ask(false).allowed);
    assertEquals([ask().blockedMs, ask().blockedMs], [0, 0]);
    // The next would start it, and says so, as often as it is asked.
    for (let i = 0; i < 3; i++) assert(ask(false).blockedMs > 0);
    now += 1000;
    assert(ask().allowed);
    assert(ask().blockedMs > 0);
  });

  it("grows on each repeat up to its most, and forgets that after twice its time", () => {
    const ask = key();
    let t = 0;
    const again = () => story(ask, [t, t + 1, t + 2, t + 3]).split(", ")[3];
    const lengths = [10_000, 20_000, 30_000, 30_000];
    for (const length of lengths) {
      assertEquals(again(), `${length} blocked`);
      t += 3 + length;
    }
    // One ms before twice the last block's time has passed it still grows, then not.
    t += 2 * 30_000 - 4;
    assertEquals(again(), "30000 blocked");
    t += 3 + 3 * 30_000 - 3;
    assertEquals(again(), "10000 blocked");
  });

  it("does not grow where growth is 1", () => {
    const ask = key({ ...BLOCK, growth: 1 });
    for (const t of [0, 10_003, 20_006]) {
      assertEquals(story(ask, [t, t + 1, t + 2, t + 3]), "ok, 999, 998, 10000 blocked");
    }
  });

  it("after: 1 starts with the first refusal", () => {
    assertEquals(
      story(key({ ...BLOCK, after: 1 }), [0, 1, 10_000, 10_001]),
      "ok, 10000 blocked, 1 blocked, ok",
    );
  });

  it("is lifted by forgetting the key", () => {
    let now = START;
    const store = memoryStore({ clock: () => now });
    const check = { key: "a", policy, algorithm: withBlock(gcra(), BLOCK), cost: 1, since: null };
    for (let i = 0; i < 5; i++, now++) store.decide([check]);
    const ask = () => (store.decide([check]) as readonly Decision[])[0];
    assert(ask().blockedMs > 0);
    store.forget?.("a");
    assertEquals(ask().allowed, true);
  });

  it("outlasts a clock that steps back", () => {
    const ask = key();
    [0, 1, 2, 3].forEach((t) => ask(t));
    assertEquals(story(ask, [-5000, 10_002, 10_003]), "15003 blocked, 1 blocked, ok");
  });

  it("leaves what its algorithm says of itself", () => {
    const inner = concurrency({ lease: 10 });
    const { name, unit, window, heldWhileRunning, capacity, mayFreeEarly: revocable } = withBlock(
      inner,
      BLOCK,
    );
    assertEquals([name, unit, window, heldWhileRunning, capacity?.(7), revocable], [
      "concurrency",
      "concurrent-requests",
      10_000,
      true,
      7,
      true,
    ]);
    assertEquals(withBlock(gcra(), BLOCK).refillsGradually, true);
    assert(withBlock(gcra({ burst: 2 }), BLOCK).unsupported?.(1, Number.MAX_SAFE_INTEGER)?.includes("exact"));
    assertEquals(withBlock({ step: fixedWindow().step }, BLOCK).lua, undefined);
  });

  it("gives an algorithm the empty list that it returned, not no state", () => {
    const seen: unknown[] = [];
    const { step } = withBlock<readonly number[]>({
      step(state) {
        seen.push(state);
        return { allowed: true, remaining: 0, resetAfterMs: 0, retryAfterMs: 0, state: [], ttlMs: 1000 };
      },
    }, BLOCK);
    const { state } = step(null, policy, START, 1, null);
    step(state, policy, START, 1, null);
    assertEquals(seen, [null, []]);
  });

  for (const { title, cases } of timed) {
    it(`${title}: charges what it would without the block, when none is on`, () => {
      fc.assert(
        fc.property(cases, blocks, traces(true), (one, block, trace) => {
          const penal = withBlock(one.algorithm, block);
          let [state, inner]: [Step["state"], Step["state"]] = [null, null];
          for (const { now, cost } of walk({ ...one, backMs: furthestBack(one, block) }, trace)) {
            const step = penal.step(state as Parameters<typeof penal.step>[0], one.policy, now, cost, null);
            const plain = one.algorithm.step(inner, one.policy, now, cost, null);
            if (step.blockedMs! > 0) {
              assert(!step.allowed && step.remaining === 0);
              assert(
                step.retryAfterMs >= plain.retryAfterMs && step.retryAfterMs >= (step.blockedMs as number),
              );
              // A block charges nothing, so the quota beneath goes on from where it was.
            } else {
              assertEquals(
                [step.allowed, step.remaining, step.retryAfterMs],
                [plain.allowed, plain.remaining, plain.retryAfterMs],
              );
              inner = plain.state;
            }
            if (step.allowed && cost === 0) assertStrictEquals(step.state, state);
            state = step.state;
          }
        }),
        { numRuns: 200 },
      );
    });
  }
});
