/** Numbers in columns that grow. */
import { assertEquals } from "@std/assert";
import { describe, it } from "node:test";
import { Growing } from "../../src/replay/growing.ts";

describe("a column that grows", () => {
  it("keeps numbers at any index, in any order, and has 0 where none was set", () => {
    const column = new Growing();
    const indices = [3, 1023, 1024, 9000, 2047, 0];
    for (const index of indices) assertEquals(column.add(index, index + 1), index + 1);
    for (const index of indices) assertEquals(column.get(index), index + 1);
    assertEquals([column.get(4), column.get(1_000_000)], [0, 0]);
    assertEquals([...column.nonZero()].toSorted((a, b) => a - b), [1, 4, 1024, 1025, 2048, 9001]);
    assertEquals(column.add(9000, 2), 9003);
  });
});
