/** The ends of requests. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import { Ends } from "../../src/replay/ends.ts";

describe("the ends of requests", () => {
  it("come in their order, all that are due and none that is not", () => {
    fc.assert(fc.property(fc.array(fc.nat(50)), fc.nat(50), (times, until) => {
      const ends = new Ends();
      const done: number[] = [];
      const clock: number[] = [];
      for (const time of times) ends.add(time, () => done.push(time));
      ends.runUntil(until, (at) => clock.push(at));
      const sorted = times.toSorted((a, b) => a - b);
      assertEquals(done, sorted.filter((time) => time <= until));
      assertEquals(clock, done);
      assertEquals(ends.next, sorted.find((time) => time > until) ?? Infinity);
    }));
  });

  it("wait for each that ends later", async () => {
    const ends = new Ends();
    const done: number[] = [];
    for (const at of [3, 1, 2]) ends.add(at, () => Promise.resolve().then(() => done.push(at)));
    const run = ends.runUntil(2, () => {});
    assert(run instanceof Promise);
    await run;
    assertEquals([done, ends.next], [[1, 2], 3]);
  });
});
