/** The first and the last bytes of a body. */
import { assertEquals } from "@std/assert";
import { describe, it } from "node:test";
import { bodyEnds } from "../../src/tokens/body_ends.ts";

describe("the ends of a body", () => {
  it("leave out text that a handler streams for bytes", () => {
    const ends = bodyEnds();
    ends.add("text" as unknown as Uint8Array);
    ends.add(new TextEncoder().encode("bytes"));
    assertEquals(ends.text(), { first: "bytes", last: null });
  });

  it("are all of a body of 32 kB, and no more of one that is longer by a byte", () => {
    const ends = bodyEnds();
    ends.add(new TextEncoder().encode("x".repeat(32_768)));
    assertEquals(ends.text(), { first: "x".repeat(32_768), last: null });
    ends.add(new TextEncoder().encode("y"));
    assertEquals(ends.text(), { first: "x".repeat(8192), last: `${"x".repeat(24_575)}y` });
  });
});
