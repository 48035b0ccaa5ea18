import { assert, assertEquals, assertFalse, assertNotEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { convertIPv6ToBinary } from "hono/utils/ipaddr";
import { describe, it } from "node:test";
import {
  addressKey,
  addressRange,
  canonicalAddress,
  groupsOf,
  ipv6Text,
  remembered,
} from "../../src/client/address.ts";

const canonicalTexts: readonly (readonly [string, string])[] = [
  ["203.0.113.9", "203.0.113.9"],
  ["255.255.255.255", "255.255.255.255"],
  ["127.0.0.1", "127.0.0.1"],
  // RFC 5952: lower case, no leading zeros, the longest run of zeros, the first of two, never a run of one
  ["2001:DB8:0000:0000:0000:0000:0002:0001", "2001:db8::2:1"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
  ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["2001:db8::", "2001:db8::"],
  ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
  ["::1", "::1"],
  // IPv4 inside IPv6, by bits
  ["::ffff:203.0.113.9", "203.0.113.9"],
  ["::FFFF:CB00:7109", "203.0.113.9"],
  ["0:0:0:0:0:ffff:203.0.113.9", "203.0.113.9"],
  ["64:ff9b::203.0.113.9", "203.0.113.9"],
  ["64:ff9b::cb00:7109", "203.0.113.9"],
  // IPv6 that only looks like it
  ["2001:db8::203.0.113.9", "2001:db8::cb00:7109"],
  ["::203.0.113.9", "::cb00:7109"],
  ["::ffff:0:203.0.113.9", "::ffff:0:cb00:7109"],
  ["64:ff9b:1::203.0.113.9", "64:ff9b:1::cb00:7109"],
  ["2002:cb00:7109::", "2002:cb00:7109::"],
  // zones
  ["fe80::1%eth0", "fe80::1"],
  ["fe80::1%br-0_a.b", "fe80::1"],
  ["::ffff:203.0.113.9%1", "203.0.113.9"],
];

const noAddresses = [
  "",
  " ",
  "unknown",
  "undefined",
  "null",
  "localhost",
  "010.0.0.7",
  "203.0.113.09",
  "0xcb.0.113.7",
  "0xcb007107",
  "203.0.7",
  "3405803783",
  "203.0.113.256",
  "203.0.113.-1",
  "203.0.113.9.",
  ".203.0.113.9",
  "203.0.113.9.1",
  "203.0.113.1e1",
  "203.0.113.9 ",
  " 203.0.113.9",
  "203.0.113.9\n",
  "٢٠٣.0.113.9",
  "203.0.113.9:80",
  "203.0.113.9%eth0",
  "203.0.113.9/32",
  "[2001:db8::1]",
  "[2001:db8::1]:80",
  "2001:db8::1/64",
  "2001:db8:::1",
  "2001::db8::1",
  ":2001:db8::1",
  "2001:db8::1:",
  "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:8:9",
  "1::2:3:4:5:6:7:8",
  "12345::",
  "2001:db8::g",
  "::ffff:010.0.0.1",
  "::ffff:0x1.2.3.4",
  "::ffff:1.2.3.256",
  "::ffff:1.2.3",
  "1:2:3:4:5:6:7:1.2.3.4",
  "1.2.3.4::",
  "2001:db8::1 ",
  "%eth0",
  // whoever listens everywhere is nobody
  "0.0.0.0",
  "::",
  "0:0:0:0:0:0:0:0",
  "::ffff:0.0.0.0",
  "64:ff9b::",
  `::1%${"z".repeat(100)}`,
  ":".repeat(100_000),
];

/** Eight groups: enough zeros for runs, enough of the special prefixes to meet them. */
const groups = fc.oneof(
  fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), { minLength: 8, maxLength: 8 }),
  fc.tuple(
    fc.constantFrom([0, 0, 0, 0, 0, 0xffff], [0x64, 0xff9b, 0, 0, 0, 0], [0, 0, 0, 0, 0xffff, 0], [
      0,
      0,
      0,
      0,
      0,
      0,
    ]),
    fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 2, maxLength: 2 }),
  ).map(([head, tail]) => [...head, ...tail]),
);

/** One of the ways to write it. */
function spelled(parts: readonly number[], choices: {
  padding: readonly number[];
  upper: boolean;
  dotted: boolean;
  run: number;
  zone: string;
}): string {
  let texts = parts.map((part, at) => part.toString(16).padStart(choices.padding[at], "0"));
  if (choices.dotted) {
    const [high, low] = parts.slice(6);
    texts = [...texts.slice(0, 6), [high >> 8, high & 255, low >> 8, low & 255].join(".")];
  }
  // Any run of zero groups may become "::", however long, but one alone.
  const runs: [number, number][] = [];
  for (let from = 0; from < texts.length; from++) {
    for (let to = from; to < texts.length && /^0+$/.test(texts[to]); to++) runs.push([from, to]);
  }
  const [from, to] = runs[choices.run % (runs.length + 1)] ?? [-1, -1];
  const text = from === -1
    ? texts.join(":")
    : `${texts.slice(0, from).join(":")}::${texts.slice(to + 1).join(":")}`;
  return (choices.upper ? text.toUpperCase() : text) + choices.zone;
}

const choices = fc.record({
  padding: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 8, maxLength: 8 }),
  upper: fc.boolean(),
  dotted: fc.boolean(),
  run: fc.nat({ max: 40 }),
  zone: fc.constantFrom("", "", "%eth0", "%3"),
});

const plain = { padding: Array(8).fill(1), upper: false, dotted: false, run: 0, zone: "" };

/** The value of an address, the slow way. */
function bits(parts: readonly number[], width: number): bigint {
  return parts.reduce((value, part) => (value << BigInt(width)) | BigInt(part), 0n);
}

const octets = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 4, maxLength: 4 })
  .filter((parts) => parts.some((part) => part !== 0));

describe("canonicalAddress", () => {
  for (const [text, canonical] of canonicalTexts) {
    it(`reads ${text} as ${canonical}`, () => assertEquals(canonicalAddress(text), canonical));
  }

  for (const text of noAddresses) {
    it(`finds no address in ${JSON.stringify(text.slice(0, 40))}`, () =>
      assertEquals(canonicalAddress(text), null));
  }

  it("gives what it gave when it is asked again, also after a flood", () => {
    for (let round = 0; round < 3; round++) {
      for (let client = 1; client < 3000; client++) {
        assertEquals(
          canonicalAddress(`2001:DB8::${client.toString(16)}`),
          `2001:db8::${client.toString(16)}`,
        );
        assertEquals(canonicalAddress(`2001:db8::x${client}`), null);
      }
    }
  });

  it("agrees with the URL standard on the text of any IPv6 address", () => {
    fc.assert(fc.property(groups, choices, (parts, choice) => {
      const canonical = canonicalAddress(spelled(parts, choice));
      if (canonical === null || !canonical.includes(":")) return;
      assertEquals(`[${canonical}]`, new URL(`http://[${spelled(parts, plain)}]/`).hostname);
    }));
  });

  it("agrees with Hono's reader on which texts are IPv6 addresses", () => {
    const piece = fc.oneof(
      { weight: 6, arbitrary: fc.stringMatching(/^[0-9a-fA-F]{0,5}$/) },
      fc.constantFrom("", "", "1.2.3.4", "1.2.3", "01.2.3.4", "255.255.255.256", "0", "0", "ffff", "::", ":"),
    );
    const texts = fc.oneof(
      fc.array(piece, { minLength: 1, maxLength: 10 }).map((pieces) => pieces.join(":")),
      fc.stringMatching(/^[0-9a-f:.]{1,24}$/),
    );
    const read = (text: string): bigint | null => {
      try {
        return convertIPv6ToBinary(text);
      } catch {
        return null;
      }
    };
    fc.assert(
      fc.property(texts, (text) => {
        const canonical = ipv6Text(text);
        assertEquals(canonical === null ? null : bits(groupsOf(canonical), 16), read(text), text);
      }),
      { numRuns: 20_000 },
    );
  });

  it("every spelling of one address gives one text and one key", () => {
    fc.assert(fc.property(groups, choices, choices, (parts, one, other) => {
      const canonical = canonicalAddress(spelled(parts, one));
      assertEquals(canonicalAddress(spelled(parts, other)), canonical);
      if (canonical === null) return assertEquals(bits(parts.slice(6), 16), 0n);
      assertEquals(canonicalAddress(canonical), canonical);
      assertEquals(addressKey(spelled(parts, other)), addressKey(spelled(parts, one)));
    }));
  });

  it("never throws and never answers with another text than its own", () => {
    const texts = fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-fA-F:.%x[\]/-]{0,45}$/));
    fc.assert(fc.property(texts, (text) => {
      const canonical = canonicalAddress(text);
      if (canonical !== null) assertEquals(canonicalAddress(canonical), canonical);
    }));
  });
});

describe("addressKey", () => {
  const keys: readonly (readonly [string, Parameters<typeof addressKey>[1], string])[] = [
    ["203.0.113.9", undefined, "203.0.113.9"],
    ["203.0.113.9", { ipv4Prefix: 24 }, "203.0.113.0/24"],
    ["203.0.113.9", { ipv4Prefix: 31 }, "203.0.113.8/31"],
    ["203.0.113.9", { ipv4Prefix: 1 }, "128.0.0.0/1"],
    ["203.0.113.9", { ipv6Prefix: 48 }, "203.0.113.9"],
    ["2001:db8:1:2::5", undefined, "2001:db8:1:2::/64"],
    ["2001:db8:1:12ab::1", { ipv6Prefix: 56 }, "2001:db8:1:1200::/56"],
    ["2001:db8:1:12ab::1", { ipv6Prefix: 57 }, "2001:db8:1:1280::/57"],
    ["2001:db8:1:12ab::1", { ipv6Prefix: 48 }, "2001:db8:1::/48"],
    ["2001:DB8::1", { ipv6Prefix: 128 }, "2001:db8::1/128"],
    ["::1", undefined, "::/64"],
    ["fe80::1%eth0", undefined, "fe80::/64"],
    ["::ffff:203.0.113.9", undefined, "203.0.113.9"],
    ["::ffff:203.0.113.9", { ipv4Prefix: 24, ipv6Prefix: 128 }, "203.0.113.0/24"],
    ["64:ff9b::203.0.113.9", undefined, "203.0.113.9"],
    ["2001:db8:1:2::203.0.113.9", undefined, "2001:db8:1:2::/64"],
  ];
  for (const [address, prefixes, key] of keys) {
    it(`counts ${address} ${JSON.stringify(prefixes ?? {})} under ${key}`, () => {
      assertEquals(addressKey(address, prefixes), key);
      assertEquals(addressKey(address, prefixes), key);
    });
  }

  it("addresses of one IPv6 network share a key, those of two do not", () => {
    const bit = fc.integer({ min: 0, max: 127 });
    fc.assert(fc.property(groups, bit, fc.integer({ min: 1, max: 128 }), (one, flipped, ipv6Prefix) => {
      const other = one.map((part, at) => at === flipped >> 4 ? part ^ (0x8000 >> (flipped & 15)) : part);
      const [a, b] = [one, other].map((parts) => canonicalAddress(spelled(parts, plain)));
      if (!a?.includes(":") || !b?.includes(":")) return;
      const network = addressKey(a, { ipv6Prefix });
      assertEquals(addressKey(b, { ipv6Prefix }) === network, flipped >= ipv6Prefix);
      assertEquals(network.slice(network.indexOf("/")), `/${ipv6Prefix}`);
    }));
  });

  it("a client that rotates inside its /64 keeps its key", () => {
    fc.assert(fc.property(groups, groups, (one, other) => {
      const home = [0x2001, 0xdb8, ...one.slice(2, 4)];
      const keys = [one, other].map((parts) => addressKey(spelled([...home, ...parts.slice(4)], plain)));
      assertEquals(keys[0], keys[1]);
    }));
  });

  it("::ffff:1.2.3.4 is counted as 1.2.3.4, and ::ffff:1.2.3.5 is another client", () => {
    assertEquals(addressKey("::ffff:1.2.3.4"), addressKey("1.2.3.4"));
    assertEquals(addressKey("::ffff:102:304"), addressKey("1.2.3.4"));
    assertNotEquals(addressKey("::ffff:1.2.3.5"), addressKey("1.2.3.4"));
  });

  it("masks IPv4 by bits", () => {
    fc.assert(fc.property(octets, octets, fc.integer({ min: 1, max: 32 }), (one, other, ipv4Prefix) => {
      const shift = BigInt(32 - ipv4Prefix);
      const together = bits(one, 8) >> shift === bits(other, 8) >> shift;
      const keys = [one, other].map((parts) => addressKey(parts.join("."), { ipv4Prefix }));
      assertEquals(keys[0] === keys[1], together);
    }));
  });

  it("refuses text that is no address, with the text in the error", () => {
    for (const text of noAddresses) {
      assertThrows(() => addressKey(text), TypeError, JSON.stringify(text));
    }
    for (const value of [null, undefined, 7, {}]) {
      assertThrows(() => addressKey(value as unknown as string), TypeError, "Cannot make an address key");
    }
  });

  it("refuses prefixes that are no length of an address", () => {
    for (const prefix of [0, -1, 33, 24.5, NaN, Infinity, "24" as unknown as number]) {
      assertThrows(() => addressKey("203.0.113.9", { ipv4Prefix: prefix }), RangeError, `${prefix}`);
    }
    for (const prefix of [0, -1, 129, 64.5, NaN]) {
      assertThrows(
        () => addressKey("203.0.113.9", { ipv6Prefix: prefix }),
        RangeError,
        `Cannot make an address key as ipv6Prefix must be an integer from 1 to 128: current value is ${prefix}`,
      );
    }
  });
});

describe("addressRange", () => {
  const members: readonly (readonly [string, string, boolean])[] = [
    ["10.0.0.0/8", "10.255.255.255", true],
    ["10.0.0.0/8", "11.0.0.0", false],
    ["10.0.0.1/8", "10.7.7.7", true],
    ["172.16.0.0/12", "172.31.255.255", true],
    ["172.16.0.0/12", "172.32.0.0", false],
    ["192.0.2.1", "192.0.2.1", true],
    ["192.0.2.1", "192.0.2.2", false],
    ["0.0.0.0/0", "203.0.113.9", true],
    ["0.0.0.0/0", "2001:db8::1", false],
    ["2400:cb00::/32", "2400:cb00:1:2::3", true],
    ["2400:cb00::/32", "2400:cb01::3", false],
    ["2400:cb00::/33", "2400:cb00:8000::", false],
    ["::/0", "203.0.113.9", false],
    ["::ffff:10.0.0.0/104", "10.7.7.7", true],
    ["::ffff:10.0.0.0/104", "11.0.0.0", false],
    ["64:ff9b::10.0.0.0/104", "10.7.7.7", true],
  ];
  for (const [range, address, inside] of members) {
    it(`${range} ${inside ? "holds" : "does not hold"} ${address}`, () => {
      assertEquals(addressRange(range)?.has(address), inside);
    });
  }

  it("knows the IPv4 internet in every notation as everything", () => {
    for (const text of ["0.0.0.0/0", "::ffff:0:0/96", "64:ff9b::/96", "::/0"]) {
      assertEquals(addressRange(text)?.prefix, 0, text);
    }
  });

  it("refuses what is no range", () => {
    const texts = [
      "",
      "10.0.0.0/",
      "/8",
      "10.0.0.0/33",
      "10.0.0.0/-1",
      "10.0.0.0/08",
      "10.0.0.0/8.5",
      "10.0.0.0/255.0.0.0",
      "10.0.0.0/8/8",
      "10.0.0/8",
      "10/8",
      "010.0.0.0/8",
      "10.0.0.0 /8",
      "2001:db8::/129",
      "2001:db8::/",
      "fe80::1%eth0/64",
      "::ffff:10.0.0.0/8",
      "::ffff:10.0.0.0/129",
      "localhost",
      "loopback",
      "unix",
      "*",
    ];
    for (const text of texts) assertEquals(addressRange(text), null, text);
  });

  it("agrees with arithmetic", () => {
    fc.assert(fc.property(octets, octets, fc.integer({ min: 0, max: 32 }), (base, other, prefix) => {
      const shift = BigInt(32 - prefix);
      assertEquals(
        addressRange(`${base.join(".")}/${prefix}`)!.has(other.join(".")),
        bits(base, 8) >> shift === bits(other, 8) >> shift,
      );
    }));
    fc.assert(fc.property(groups, groups, fc.integer({ min: 0, max: 128 }), (base, other, prefix) => {
      const [network, address] = [base, other].map((parts) => canonicalAddress(spelled(parts, plain)));
      if (!network?.includes(":") || !address?.includes(":")) return;
      const shift = BigInt(128 - prefix);
      assertEquals(
        addressRange(`${network}/${prefix}`)!.has(address),
        bits(base, 16) >> shift === bits(other, 16) >> shift,
      );
    }));
  });
});

describe("remembered", () => {
  it("computes once for each text, and keeps a bounded number of answers", () => {
    let computed = 0;
    const lengthOf = remembered((text): number | null => (computed++, text.length || null));
    assertEquals([lengthOf("ab"), lengthOf("ab"), lengthOf(""), lengthOf("")], [2, 2, null, null]);
    assertEquals(computed, 2);
    for (let n = 0; n < 5000; n++) lengthOf(`${n}`);
    assertEquals(lengthOf("ab"), 2);
    assert(computed > 5002);
    assertFalse(computed > 5003);
  });
});
