import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import { slabOf } from "../../../src/stores/memory/slab.ts";
import { bytesInUse } from "../../harness/memory.ts";

describe("a slab", () => {
  it("keeps every block's numbers apart, whatever is taken and given back", () => {
    const moves = fc.array(fc.tuple(fc.boolean(), fc.nat()), { maxLength: 300, size: "max" });
    fc.assert(
      fc.property(fc.constantFrom(4, 64, 16_384, 65_536), moves, (size, list) => {
        const slab = slabOf(size);
        const held: { block: number; mark: number }[] = [];
        list.slice(0, size > 64 ? 20 : 300).forEach(([takes, die], i) => {
          if (takes || held.length === 0) {
            const block = slab.take();
            assert(held.every((other) => other.block !== block));
            const from = slab.startOf(block);
            assert(from + size <= slab.dataOf(block).length);
            slab.dataOf(block).fill(i, from, from + size);
            held.push({ block, mark: i });
          } else {
            slab.give(held.splice(die % held.length, 1)[0].block);
          }
          for (const { block, mark } of held) {
            const from = slab.startOf(block);
            assertEquals([slab.dataOf(block)[from], slab.dataOf(block)[from + size - 1]], [mark, mark]);
          }
        });
      }),
      { numRuns: 60 },
    );
  });

  for (const order of ["in order", "backwards", "from everywhere"]) {
    it(`gives the memory of blocks back that are given back ${order}, and takes it up again`, async () => {
      const slab = slabOf(64);
      const count = 40_000;
      const before = await bytesInUse();
      for (let round = 0; round < 2; round++) {
        const blocks = Array.from({ length: count }, () => slab.take());
        assertEquals(new Set(blocks).size, count);
        if (order === "backwards") blocks.reverse();
        // 7919 has no factor in common with their number.
        const place = (i: number) => order === "from everywhere" ? (i * 7919) % count : i;
        for (let i = 0; i < count; i++) slab.give(blocks[place(i)]);
      }
      const grown = await bytesInUse() - before;
      assert(grown < 0.1 * count * 64 * 8, `${Math.round(grown / 1e3)} kB more`);
      assert(slab.take() >= 0); // The slab is held to here.
    });
  }
});
