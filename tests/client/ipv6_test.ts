import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { convertIPv6BinaryToString, convertIPv6ToBinary } from "hono/utils/ipaddr";
import { isIPv6 } from "node:net";
import { describe, it } from "node:test";
import { ipv6Bits, ipv6Text } from "../../src/client/ipv6.ts";

/** Groups with runs of zeros, as addresses have them. */
const groups = fc.array(fc.oneof(fc.constant(0), fc.constant(0), fc.integer({ min: 0, max: 0xffff })), {
  minLength: 8,
  maxLength: 8,
});
const bitsOf = (parts: readonly number[]) => parts.reduce((bits, part) => bits << 16n | BigInt(part), 0n);

describe("an IPv6 address", () => {
  it("has the text and the bits that another reader finds", () => {
    fc.assert(
      fc.property(groups, (parts) => {
        const bits = bitsOf(parts);
        const text = ipv6Text(bits);
        assertEquals([ipv6Bits(text), convertIPv6ToBinary(text)], [bits, bits]);
        // The other writes some of these with an IPv4 address in them.
        if (bits >> 32n !== 0xffffn) assertEquals(text, convertIPv6BinaryToString(bits));
      }),
      { numRuns: 2000 },
    );
  });

  it("is read in every spelling: capitals, leading zeros, zeros left out anywhere", () => {
    fc.assert(
      fc.property(groups, fc.nat(8), fc.nat(8), fc.boolean(), (parts, one, other, wide) => {
        const [from, to] = [Math.min(one, other), Math.max(one, other)];
        const spelled = parts.map((part) => part.toString(16).toUpperCase().padStart(wide ? 4 : 1, "0"));
        const isLeftOut = to > from && parts.slice(from, to).every((part) => part === 0);
        const text = isLeftOut
          ? `${spelled.slice(0, from).join(":")}::${spelled.slice(to).join(":")}`
          : spelled.join(":");
        assertEquals(ipv6Bits(text), bitsOf(parts), text);
      }),
      { numRuns: 2000 },
    );
  });

  it("is nothing else: a text is refused exactly where Node refuses it", () => {
    const piece = fc.constantFrom(
      "",
      ":",
      ":",
      "::",
      "0",
      "1",
      "ff",
      "FFFF",
      "0000",
      "12345",
      "g",
      "-1",
      " ",
      "%eth0",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 17 }), (pieces) => {
        const text = pieces.join("");
        if (text.includes("%")) assertEquals(ipv6Bits(text), null, text);
        else assertEquals(ipv6Bits(text) !== null, isIPv6(text), text);
      }),
      { numRuns: 20_000 },
    );
  });
});
