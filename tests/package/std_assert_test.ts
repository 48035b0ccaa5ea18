import { describe, it } from "node:test";
import { stripVTControlCharacters } from "node:util";
import {
  assert,
  assertAlmostEquals,
  assertArrayIncludes,
  assertEquals,
  assertExists,
  assertFalse,
  assertGreater,
  assertGreaterOrEqual,
  assertInstanceOf,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertNotEquals,
  assertObjectMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  fail,
} from "@std/assert";

// The ground that the other tests trust. It holds for the real @std/assert as for the stand-in: whichever this run got.

const key = Symbol("key");
const cycle = () => {
  const value: Record<string, unknown> = { a: 1 };
  value.self = value;
  return value;
};
class Point {
  x: number;
  constructor(x: number) {
    this.x = x;
  }
}

const equal: [title: string, left: unknown, right: unknown][] = [
  ["numbers", 1, 1],
  ["NaN", NaN, NaN],
  ["0 and -0", 0, -0],
  ["nested objects, keys in any order", { a: { b: [1, 2] }, c: 3 }, { c: 3, a: { b: [1, 2] } }],
  ["symbol keys", { [key]: 1 }, { [key]: 1 }],
  ["an object without a prototype", Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
  ["Maps in any order", new Map([["a", 1], ["b", 2]]), new Map([["b", 2], ["a", 1]])],
  ["Maps with objects as keys", new Map([[{ a: 1 }, 1]]), new Map([[{ a: 1 }, 1]])],
  ["Sets in any order", new Set([1, 2]), new Set([2, 1])],
  ["Sets of objects", new Set([{ a: 1 }]), new Set([{ a: 1 }])],
  ["Dates", new Date(5), new Date(5)],
  ["invalid Dates", new Date(NaN), new Date(NaN)],
  ["expressions", /a/g, /a/g],
  ["URLs", new URL("http://a/b"), new URL("http://a/b")],
  ["bytes", new Uint8Array([1, 2]), new Uint8Array([1, 2])],
  ["cycles", cycle(), cycle()],
];

const different: [title: string, left: unknown, right: unknown][] = [
  ["numbers", 1, 2],
  ["a number and its text", 1, "1"],
  ["a number and a bigint", 1, 1n],
  ["null and undefined", null, undefined],
  ["undefined and missing", { a: undefined }, {}],
  ["undefined under another key", { a: undefined }, { b: undefined }],
  ["symbol keys", { [key]: 1 }, { [key]: 2 }],
  ["a class and a plain object", new Point(1), { x: 1 }],
  ["an array and an object", ["a"], { 0: "a" }],
  ["lengths", [1], [1, undefined]],
  ["Maps", new Map([["a", 1]]), new Map([["a", 2]])],
  ["Map keys", new Map([["a", undefined]]), new Map([["b", undefined]])],
  ["Sets", new Set([1]), new Set([1, 2])],
  ["Sets of objects", new Set([{ a: 1 }]), new Set([{ a: 2 }])],
  ["Dates", new Date(5), new Date(6)],
  ["expressions", /a/g, /a/i],
  ["URLs", new URL("http://a/b"), new URL("http://a/c")],
  ["bytes", new Uint8Array([1, 2]), new Uint8Array([1, 3])],
  ["kinds of bytes", new Uint8Array([1]), new Int8Array([1])],
];

const refused: [title: string, assertion: () => void][] = [
  ["assert", () => assert(0)],
  ["assertFalse", () => assertFalse(1)],
  ["assertExists", () => assertExists(null)],
  ["assertStrictEquals", () => assertStrictEquals({}, {})],
  ["assertStrictEquals, of 0 and -0", () => assertStrictEquals(0, -0)],
  ["assertGreater", () => assertGreater(1, 1)],
  ["assertGreaterOrEqual", () => assertGreaterOrEqual(0, 1)],
  ["assertLess", () => assertLess(1, 1)],
  ["assertLessOrEqual", () => assertLessOrEqual(1, 0)],
  ["assertLess, of NaN", () => assertLess(NaN, 1)],
  ["assertAlmostEquals", () => assertAlmostEquals(1, 1.1)],
  ["assertAlmostEquals, past the tolerance", () => assertAlmostEquals(1, 1.2, 0.1)],
  ["assertMatch", () => assertMatch("abc", /d/)],
  ["assertStringIncludes", () => assertStringIncludes("abc", "d")],
  ["assertArrayIncludes", () => assertArrayIncludes([{ a: 1 }], [{ a: 2 }])],
  ["assertInstanceOf", () => assertInstanceOf({}, Point)],
  ["assertObjectMatch", () => assertObjectMatch({ a: { b: 1 } }, { a: { b: 2 } })],
  ["assertObjectMatch, of a missing key", () => assertObjectMatch({ a: {} }, { a: { b: 2 } })],
  ["assertObjectMatch, of a longer array", () => assertObjectMatch({ a: [1] }, { a: [1, 2] })],
  ["assertThrows, of what does not throw", () => assertThrows(() => {})],
  ["assertThrows, of another class", () => assertThrows(thrower, TypeError)],
  ["assertThrows, of another message", () => assertThrows(thrower, RangeError, "low")],
  ["fail", () => fail("now")],
];

function thrower(): never {
  throw new RangeError("too high");
}

describe("@std/assert", () => {
  for (const [title, left, right] of equal) {
    it(`finds equal: ${title}`, () => {
      assertEquals(left, right);
      assertIsRefused(() => assertNotEquals(left, right));
    });
  }

  for (const [title, left, right] of different) {
    it(`finds different: ${title}`, () => {
      assertNotEquals(left, right);
      assertNotEquals(right, left);
      assertIsRefused(() => assertEquals(left, right));
    });
  }

  for (const [title, assertion] of refused) {
    it(`refuses: ${title}`, () => assertIsRefused(assertion));
  }

  it("passes what is right", async () => {
    assert(1);
    assertFalse("");
    assertExists(0);
    assertStrictEquals(NaN, NaN);
    assertGreater(2, 1);
    assertGreaterOrEqual(1, 1);
    assertLess(1, 2);
    assertLessOrEqual(1, 1);
    assertAlmostEquals(0.1 + 0.2, 0.3);
    assertAlmostEquals(1, 1.05, 0.1);
    assertMatch("abc", /b/);
    assertStringIncludes("abc", "bc");
    assertArrayIncludes([{ a: 1 }, { b: 2 }], [{ b: 2 }]);
    assertInstanceOf(new Point(1), Point);
    assertObjectMatch({ a: new Point(1), b: [{ c: 1, d: 2 }], e: 3 }, { a: { x: 1 }, b: [{ c: 1 }] });
    assertStringIncludes(assertThrows(thrower, RangeError, "high").message, "too");
    assertInstanceOf(assertThrows(thrower), RangeError);
    const error = await assertRejects(() => Promise.reject(new RangeError("too high")), RangeError, "high");
    assertEquals(error.message, "too high");
  });

  it("tells a promise that rejects from a function that throws", async () => {
    await assertRejects(() => assertRejects(() => Promise.resolve()), Error, "Expected function to reject");
    await assertRejects(() => assertRejects(thrower), Error, "throws when expected to reject");
    await assertRejects(() => assertRejects(() => Promise.reject(1), Error), Error, "non-Error object");
  });

  it("shows what differs, line by line", () => {
    const error = assertThrows(() => assertEquals({ a: 1, b: 2 }, { a: 1, b: 3 }, "the counts"), Error);
    const message = stripVTControlCharacters(error.message);
    assertStringIncludes(message, "Values are not equal: the counts");
    assertMatch(message, /^-\s+b: 2/m);
    assertMatch(message, /^\+\s+b: 3/m);
    assertMatch(message, /^ \s+a: 1/m);
  });
});

/** Without an assertion that is itself under test. */
function assertIsRefused(assertion: () => void) {
  try {
    assertion();
  } catch (error) {
    if ((error as Error).name === "AssertionError") return;
    throw error;
  }
  throw new Error("The assertion passed.");
}
