import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import { parseItem, parseList } from "structured-headers";
import {
  GREATEST_INTEGER,
  writeInteger,
  writeItem,
  writeList,
  writeString,
} from "../src/headers/structured_field.ts";

describe("structured fields: the writer", () => {
  const strings: [text: string, written: string][] = [
    ["", '""'],
    ["default", '"default"'],
    ["per minute", '"per minute"'],
    ['a"b', String.raw`"a\"b"`],
    ["a\\b", String.raw`"a\\b"`],
    ["~ !", '"~ !"'],
  ];
  for (const [text, written] of strings) {
    it(`writes the string ${JSON.stringify(text)} as ${written}`, () => {
      assertEquals(writeString(text), written);
    });
  }

  for (const text of ["naïve", "a\tb", "a\r\nSet-Cookie: x", "\0", "\x7f", "名"]) {
    it(`refuses the string ${JSON.stringify(text)}`, () => {
      assertThrows(() => writeString(text), TypeError, JSON.stringify(text));
    });
  }

  const integers: [value: number, written: string][] = [
    [0, "0"],
    [-0, "0"],
    [30, "30"],
    [30.0, "30"],
    [-7, "-7"],
    [GREATEST_INTEGER, "999999999999999"],
    [-GREATEST_INTEGER, "-999999999999999"],
  ];
  for (const [value, written] of integers) {
    it(`writes the integer ${value} as ${written}`, () => assertEquals(writeInteger(value), written));
  }

  for (const value of [29.5, NaN, Infinity, -Infinity, GREATEST_INTEGER + 1, -1e15, 1e21]) {
    it(`refuses ${value} as an integer`, () => {
      assertThrows(() => writeInteger(value), RangeError, `current value is ${value}`);
    });
  }

  it("writes parameters in the order given, without spaces, and leaves undefined ones out", () => {
    assertEquals(writeItem("burst", { q: 100, qu: undefined, w: 60 }), '"burst";q=100;w=60');
    assertEquals(writeItem("body", { q: 1, qu: "content-bytes" }), '"body";q=1;qu="content-bytes"');
    assertEquals(writeItem(100, { w: 60 }), "100;w=60");
    assertEquals(writeItem("bare"), '"bare"');
  });

  it("separates members by a comma and a space, and has no form for none", () => {
    assertEquals(writeList(['"a";q=1', '"b";q=2']), '"a";q=1, "b";q=2');
    assertEquals(writeList([]), "");
  });

  it("a parser reads back what was written, whatever it was", () => {
    const string = fc.string({
      unit: fc.integer({ min: 0x20, max: 0x7e }).map((c) => String.fromCharCode(c)),
    });
    const integer = fc.integer({ min: -GREATEST_INTEGER, max: GREATEST_INTEGER });
    const bare = fc.oneof(string, integer);
    const item = fc.tuple(bare, fc.record({ q: bare, "a-b.c*_9": bare }, { requiredKeys: [] }));
    const zero = (value: string | number) => value === 0 ? 0 : value;
    fc.assert(fc.property(fc.array(item, { minLength: 1, maxLength: 20 }), (items) => {
      const expected = items.map(([value, parameters]) => [
        zero(value),
        Object.entries(parameters).map(([key, parameter]) => [key, zero(parameter!)]),
      ]);
      const members = items.map(([value, parameters]) => writeItem(value, parameters));
      const read = (parsed: readonly unknown[]) => {
        const [value, parameters] = parsed as [string | number, Map<string, string | number>];
        return [value, [...parameters]];
      };
      assertEquals(parseList(writeList(members)).map(read), expected);
      assertEquals(members.map(parseItem).map(read), expected);
    }));
  });
});
