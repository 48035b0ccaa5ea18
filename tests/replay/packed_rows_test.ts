import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import { PackedRows } from "../../src/replay/packed_rows.ts";

const LENGTH = 40;

const list = (number: fc.Arbitrary<number>) => fc.array(number, { minLength: LENGTH, maxLength: LENGTH });

/** Numbers of 32 bits, of which most columns have few bits. */
const whole = fc.integer({ min: 0, max: 32 }).chain((bits) =>
  list(fc.integer({ min: 0, max: 2 ** bits - 1 }))
)
  .map((numbers) => Uint32Array.from(numbers));

/** Times in whole seconds or not, and numbers that no 32 bits hold. */
const time = fc.constantFrom(1000, 1, 0.25, 1e12).chain((unit) =>
  list(fc.integer({ min: -1, max: 100_000 }).map((n) => 1_795_926_620_000 + n * unit))
).map((numbers) => Float64Array.from(numbers));

describe("PackedRows", () => {
  it("gives the numbers of each column, whatever their sizes", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(whole, time), { minLength: 1, maxLength: 9 }), (columns) => {
        const rows = new PackedRows(columns);
        columns.forEach((column, i) => {
          assertEquals(Array.from(column, (_, row) => rows.get(row, i)), [...column]);
        });
      }),
      { numRuns: 500 },
    );
  });

  it("keeps its numbers when a column is filled again", () => {
    const column = Float64Array.of(0.5, 1e300, -1);
    const rows = new PackedRows([column]);
    column.fill(0);
    assertEquals([0, 1, 2].map((row) => rows.get(row, 0)), [0.5, 1e300, -1]);
  });
});
