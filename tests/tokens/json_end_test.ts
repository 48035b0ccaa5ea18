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

  it("is found before the end of a list, whatever stands between", () => {
    for (const end of ["", "]", "\n]", "\r\n ,\t]\n"]) assertEquals(lastObject(`1},{"a":1}${end}`), { a: 1 });
  });

  it("is none where a list lost its beginning, and has no member whose name may have lost its own", () => {
    assertEquals(lastObject('"b":1},[1,2],[3'), undefined);
    assertEquals(lastObject('1,2],[{"a":1},[3,4]'), undefined);
    assertEquals(lastObject('"usage":{"total_tokens":9}}'), {});
    assertEquals(lastObject('1,2],"b":3}'), { b: 3 });
    assertEquals(lastObject('1,"c":2},"b":3}'), { response: { c: 2 }, b: 3 });
  });
});
