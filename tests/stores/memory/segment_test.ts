import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import {
  add,
  EMPTY,
  lowAt,
  noteEnd,
  probe,
  scale,
  segmentOf,
  takeOut,
  turn,
} from "../../../src/stores/memory/segment.ts";

const SLOTS = 12;

/** Fingerprints of few beginnings, at the last slots too, so that most are in the way of others. */
const prints = fc.tuple(
  fc.constantFrom(1, 2, 0x4000_0000, -0x4000_0000, -2, -1),
  fc.integer({ min: 0, max: 3 }),
);

describe("a segment", () => {
  it("finds what it holds, and nothing else, whatever comes and goes", () => {
    const moves = fc.array(prints, { maxLength: 100, size: "max" });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.boolean(), moves, (width, hasObjects, list) => {
        const segment = segmentOf(SLOTS, width, hasObjects);
        const held = new Map<string, { print: readonly [number, number]; state: number[]; kind: number }>();
        list.forEach((print, i) => {
          const [low, high] = print;
          const slot = probe(segment, low, high);
          assertEquals(slot >= 0, held.has(`${print}`));
          if (slot >= 0) {
            takeOut(segment, slot);
            held.delete(`${print}`);
          } else if (held.size < SLOTS - 1) {
            const state = Array.from({ length: width }, (_, n) => 1e15 + 10 * i + n);
            add(segment, ~slot, low, high, i);
            segment.states.set(state, segment.wide * ~slot + 1);
            segment.levels[~slot] = 1 + i;
            if (segment.objects !== null) segment.objects[~slot] = state;
            held.set(`${print}`, { print, state, kind: i });
          }
          assertEquals(segment.filled, held.size);
          for (const { print: [low, high], state, kind } of held.values()) {
            const slot = probe(segment, low, high);
            assert(slot >= 0);
            const at = segment.wide * slot + 1;
            const there = segment.states.slice(at, at + width);
            assertEquals([[...there], segment.kinds[slot], segment.levels[slot] - 1, lowAt(segment, slot)], [
              state,
              kind,
              kind,
              low,
            ]);
            if (hasObjects) assertEquals(segment.objects![slot], state);
          }
          // An entry that is gone has left nothing that is held or that may be taken for an entry.
          assertEquals(segment.levels.filter((level) => level > 0).length, held.size);
          if (hasObjects) {
            assertEquals(segment.objects!.filter((object) => object !== undefined).length, held.size);
          }
        });
      }),
      { numRuns: 300 },
    );
  });

  it("knows before what time none is over, whatever comes and goes and is looked at meanwhile", () => {
    const moves = fc.array(
      fc.record({
        print: prints,
        end: fc.integer({ min: 1, max: 50 }),
        looks: fc.integer({ min: 0, max: 3 }),
      }),
      { maxLength: 100, size: "max" },
    );
    fc.assert(
      fc.property(moves, (list) => {
        const segment = segmentOf(SLOTS, 1);
        for (const { print: [low, high], end, looks } of list) {
          const slot = probe(segment, low, high);
          if (slot >= 0) takeOut(segment, slot);
          else if (segment.filled < SLOTS - 1) {
            add(segment, ~slot, low, high, 0);
            segment.states[segment.wide * ~slot + 1] = end;
            noteEnd(segment, end);
          }
          const ends = Array.from(
            { length: SLOTS },
            (_, i) => lowAt(segment, i) === EMPTY ? Infinity : segment.states[2 * i + 1],
          );
          assert(segment.soonest <= Math.min(...ends));
          for (let i = 0; i < looks; i++) {
            segment.next = Math.min(segment.next, ends[segment.hand]);
            turn(segment);
          }
          assert(segment.soonest <= Math.min(...ends));
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("begins its searches everywhere alike", () => {
    for (const slots of [18, 315, 9440]) {
      const counts = new Array(slots).fill(0);
      for (let i = 0; i < 2 ** 18; i++) counts[scale(i << 14, slots)]++;
      const mean = 2 ** 18 / slots;
      assert(counts.every((count) => Math.abs(count - mean) < 1), `${slots}`);
    }
  });
});
