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
});
