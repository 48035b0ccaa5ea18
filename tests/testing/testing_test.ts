import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "node:test";
import type { Store } from "../../mod.ts";
import { faultyStore, manualClock } from "../../src/testing/mod.ts";

describe("the tools for tests", () => {
  it("a clock goes by finite numbers alone", () => {
    const clock = manualClock(0);
    const wrong = ["60000", NaN, Infinity, undefined, null] as number[];
    for (const ms of wrong) {
      assertThrows(
        () => clock.advance(ms),
        RangeError,
        "Cannot set a manual clock as ms must be a finite number",
      );
      assertThrows(
        () => clock.set(ms),
        RangeError,
        "Cannot set a manual clock as ms must be a finite number",
      );
    }
    assertThrows(() => manualClock("2026" as never), RangeError, 'current value is "2026"');
    clock.advance(5);
    clock.advance(-2);
    assertEquals(clock(), 3);
  });

  it("faultyStore needs a store", () => {
    for (const store of [undefined, null, 5, {}] as unknown as Store[]) {
      assertThrows(
        () => faultyStore(store),
        TypeError,
        "Cannot make faultyStore() as it needs the store that is to fail",
      );
    }
  });
});
