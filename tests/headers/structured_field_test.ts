import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import { parseItem, parseList } from "structured-headers";
import { membersOf } from "../../src/headers/list_members.ts";
import {
  GREATEST_INTEGER,
  writeInteger,
  writeItem,
  writeList,
  writeString,
} from "../../src/headers/structured_field.ts";

describe("structured fields: the members of a list", () => {
  const lists: [field: string, members: [text: string, bare: string][]][] = [
    ["", []],
    [" , ,, ", []],
    ['"a";r=1', [['"a";r=1', '"";r=1']]],
    [' "a";r=1 ,"b" ', [['"a";r=1', ' "";r=1 '], ['"b"', '"" ']]],
    [String.raw`"a,\",b";r=1, "c"`, [[String.raw`"a,\",b";r=1`, '"";r=1'], ['"c"', ' ""']]],
    ['"never ends, "', [['"never ends, "', '""']]],
    ['"never ends, ', [['"never ends,', '"']]],
    ['"ends in a backslash\\', [['"ends in a backslash\\', '"']]],
  ];
  for (const [field, members] of lists) {
    it(`${JSON.stringify(field)} has ${members.length}`, () => {
      assertEquals(membersOf(field).map(({ text, bare }) => [text, bare]), members);
    });
  }

  it("any written list is taken apart into what it was made of", () => {
    const name = fc.stringMatching(/^[\x20-\x7e]{0,12}$/);
    const member = fc.tuple(name, fc.dictionary(fc.constantFrom("a", "r", "by"), fc.oneof(fc.nat(), name)));
    fc.assert(fc.property(fc.array(member), (written) => {
      const texts = written.map(([name, parameters]) => writeItem(name, parameters));
      const found = membersOf(writeList(texts));
      assertEquals(found.map(({ text }) => text), texts);
      found.forEach(({ bare }, i) => {
        const numbers = Object.entries(written[i][1]).map(([key, value]) =>
          `;${key}=${typeof value === "number" ? value : '""'}`
        );
        assertEquals(bare.trim(), `""${numbers.join("")}`);
      });
    }));
  });
});

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
