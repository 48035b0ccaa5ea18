/** Counts over time. */
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "node:test";
import { OverTime } from "../../src/replay/over_time.ts";

const AT = Date.UTC(2026, 10, 29, 4, 30);

describe("counts over time", () => {
  it("are in half-open steps", () => {
    const counts = new OverTime();
    for (const ms of [0, 999, 1000, 3000]) counts.add(AT + ms, ms > 0);
    assertEquals(counts.steps, [
      { at: AT, asked: 2, refused: 1 },
      { at: AT + 1000, asked: 1, refused: 1 },
      { at: AT + 3000, asked: 1, refused: 1 },
    ]);
  });

  it("have longer steps once there would be more than 240", () => {
    const counts = new OverTime();
    for (let second = 0; second < 240; second++) counts.add(AT + 1000 * second, false);
    assertEquals([counts.stepMs, counts.steps.length], [1000, 240]);
    counts.add(AT + 240_000, true);
    assertEquals([counts.stepMs, counts.steps.length], [10_000, 25]);
    assertEquals(counts.steps.at(-1), { at: AT + 240_000, asked: 1, refused: 1 });
  });

  it("are no more steps for one line whose date is centuries off", () => {
    for (const year of [1970, 1900, 9999]) {
      const counts = new OverTime();
      for (const at of [AT, Date.UTC(year, 0, 1)].sort((a, b) => a - b)) counts.add(at, false);
      const [first, last] = counts.steps;
      assert((last.at - first.at) / counts.stepMs <= 240, `${year}: steps of ${counts.stepMs} ms`);
      assert((last.at - first.at) / counts.stepMs > 119, `${year}: steps of ${counts.stepMs} ms`);
    }
  });
});
