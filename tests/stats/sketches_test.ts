import {
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertLess,
  assertLessOrEqual,
} from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import { keyedHash, type Seed } from "../../src/hash/half_sip_hash.ts";
import { type HyperLogLog, hyperLogLog } from "../../src/stats/hyper_log_log.ts";
import { byCount, spaceSaving } from "../../src/stats/space_saving.ts";
import { runtime } from "../harness/runtime.ts";

const SEEDS: readonly Seed[] = [[1, 2], [-77, 12345], [0x7fffffff, -1]];
/** Draws from a seed are the same on every runtime, so each takes one of three. */
const TURN = ["deno", "bun", "node"].indexOf(runtime);

const halves = new Int32Array(2);

function note(seen: HyperLogLog, name: string, seed: Seed): void {
  keyedHash(name, seed, halves);
  seen.add(halves[0], halves[1]);
}

/** Numbers from 0 on, the nth about as often as 1/n, in an order that is the seed's. */
function zipf(names: number, length: number, seed: number): Uint32Array {
  const sums = new Float64Array(names);
  let sum = 0;
  for (let i = 0; i < names; i++) sums[i] = sum += 1 / (i + 1);
  let state = seed;
  return new Uint32Array(length).map(() => {
    // mulberry32
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    const wanted = (((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * sum;
    let low = 0;
    let high = names - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle] < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  });
}

function exactTop(counts: ReadonlyMap<string, number>, most: number): { name: string; count: number }[] {
  return [...counts].map(([name, count]) => ({ name, count })).sort(byCount).slice(0, most);
}

describe("unique things by HyperLogLog", () => {
  it("are within 2 % of the truth from one to a million", () => {
    const seen = hyperLogLog();
    let n = 0;
    for (const size of [1, 2, 10, 100, 1000, 10_000, 30_000, 50_000, 80_000, 150_000, 300_000, 1_000_000]) {
      for (; n < size; n++) note(seen, `192.0.${n >> 8}.${n & 255}`, SEEDS[TURN]);
      const error = Math.abs(seen.count() - size) / size;
      assertLessOrEqual(error, 0.02, `${seen.count()} for ${size}`);
    }
  });

  it("are counted once however often they come, and none are none", () => {
    const seen = hyperLogLog();
    assertEquals(seen.count(), 0);
    for (let i = 0; i < 1000; i++) note(seen, "192.0.2.1", SEEDS[0]);
    assertEquals(seen.count(), 1);
    seen.clear();
    assertEquals(seen.count(), 0);
  });

  it("of two counts are those of either, as if one had seen all", () => {
    const [left, right, both] = [hyperLogLog(), hyperLogLog(), hyperLogLog()];
    for (let i = 0; i < 20_000; i++) {
      note(i % 3 === 0 ? left : right, String(i), SEEDS[0]);
      note(both, String(i), SEEDS[0]);
    }
    left.merge(right);
    assertEquals(left.registers, both.registers);
  });

  it("of any 64 bits go to a register that exists, with a rank that exists", () => {
    const bits = fc.oneof(
      fc.integer(),
      fc.constantFrom(0, -1, 1, 2 ** 31 - 1, -(2 ** 31), 0x3ffff, 0x40000),
    );
    fc.assert(fc.property(bits, bits, (low, high) => {
      const seen = hyperLogLog();
      seen.add(low, high);
      // The rank by the text of all 64 bits: the zeros after the first 14, plus one.
      const text = [high, low].map((half) => (half >>> 0).toString(2).padStart(32, "0")).join("");
      const rank = text.slice(14).indexOf("1");
      assertEquals(seen.registers[high >>> 18], rank === -1 ? 51 : rank + 1);
      assertGreaterOrEqual(seen.count(), 1);
    }));
  });
});

describe("top lists by Space-Saving", () => {
  it("the top 10 of a Zipf trace over a million names are those of an exact count", () => {
    const sketch = spaceSaving(500);
    const exact = new Uint32Array(1_000_000);
    for (const n of zipf(exact.length, 1_000_000, 1 + TURN)) {
      sketch.add(`/route/${n}`);
      exact[n]++;
    }
    const seen = [...exact.keys()].filter((n) => exact[n] > 0);
    assertGreater(seen.length, 100_000);
    const often = seen.filter((n) => exact[n] > 1000).map((n) => ({
      name: `/route/${n}`,
      count: exact[n],
    }));
    const wanted = often.sort(byCount).slice(0, 10);
    assertEquals(wanted.length, 10);
    const got = sketch.top(10);
    assertEquals(got.map(({ name }) => name), wanted.map(({ name }) => name));
    got.forEach(({ count }, i) => {
      assertLessOrEqual(count, wanted[i].count);
      assertGreater(count, wanted[i].count * 0.98);
    });
  });

  it("are found though a million others came first", () => {
    const sketch = spaceSaving(500);
    for (let i = 0; i < 1_000_000; i++) sketch.add(`client ${i}`);
    for (let i = 0; i < 60_000; i++) {
      sketch.add(`client ${i}`);
      if (i % 10 === 0) sketch.add("heavy");
    }
    assertEquals(sketch.top(1)[0].name, "heavy");
    assertLessOrEqual(sketch.top(1)[0].count, 6000);
    assertGreater(sketch.top(1)[0].count, 3000);
    assertLess(sketch.top(2)[1].count, 100, "Who came twice is accused of no more.");
  });

  it("are exact while all names fit, and never say more than the truth", () => {
    const names = fc.array(fc.integer({ min: 0, max: 30 }).map(String), { maxLength: 400 });
    fc.assert(fc.property(names, fc.integer({ min: 1, max: 40 }), (trace, capacity) => {
      const sketch = spaceSaving(capacity);
      const exact = new Map<string, number>();
      for (const name of trace) {
        sketch.add(name);
        exact.set(name, (exact.get(name) ?? 0) + 1);
      }
      const got = sketch.top(100);
      if (exact.size <= capacity) assertEquals(got, exactTop(exact, 100));
      assertLessOrEqual(got.length, capacity);
      for (const { name, count } of got) assertLessOrEqual(count, exact.get(name) ?? 0);
      // A value that came more often than one in `capacity` is there.
      for (const [name, count] of exact) {
        if (count > trace.length / capacity) assertEquals(got.some((entry) => entry.name === name), true);
      }
    }));
  });
});
