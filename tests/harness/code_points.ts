import fc from "fast-check";

const SURROGATES = { first: 0xd800, count: 0x800 };

/** Any code point, as the `unit` of a string: fast-check's "binary", which takes a second to construct. */
export const codePoints: fc.Arbitrary<string> = fc.nat(0x10ffff - SURROGATES.count).map((n) =>
  String.fromCodePoint(n < SURROGATES.first ? n : n + SURROGATES.count)
);
