/** JSON whose beginning is lost. */
import { assertEquals } from "@std/assert";
import { describe, it } from "node:test";
import { lastObject } from "../../src/tokens/json_end.ts";

describe("the last object in a text", () => {
  it("has no part of a string, whatever quotes and braces are escaped in it", () => {
    const content = 'a "}" in quotes, and a backslash \\';
    const members = { content, usage: { total_tokens: 9 } };
    const text = `lost",${JSON.stringify(members).slice(1)}`;
    assertEquals(lastObject(text), members);
  });
});
