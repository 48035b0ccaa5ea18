/**
 * Internet addresses: strict reading, one canonical text for each, and the key that a client is counted under.
 *
 * @module
 */

import { cannot } from "../cannot.ts";
import { type Demands, integer, requireOptions } from "../options.ts";

/** An address as numbers of 16 bits: two of IPv4, eight of IPv6. */
type Groups = readonly number[];

/** The number of leading bits of an address that identify a client. */
export interface AddressPrefixes {
  /** Bits of an IPv4 address, 1 to 32. Default 32: every address is a client. */
  ipv4Prefix?: number | undefined;
  /** Bits of an IPv6 address, 1 to 128. Default 64: the owner of one address of a /64 network owns them all. */
  ipv6Prefix?: number | undefined;
}

/** The valid values. */
export const ADDRESS_PREFIXES: Demands<AddressPrefixes> = {
  ipv4Prefix: /* @__PURE__ */ integer(1, 32),
  ipv6Prefix: /* @__PURE__ */ integer(1, 128),
};

/** A CIDR range. */
export interface AddressRange {
  /** The number of leading bits that the range fixes; 0 contains every address of the family. */
  readonly prefix: number;
  /** Does the range contain this address? It must be in canonical text. */
  has(address: string): boolean;
}

const IPV6 = /^([0-9a-f:]*:)([0-9a-f.]*)$/i;
const RANGE = /^([^/%]+)(?:\/(0|[1-9]\d{0,2}))?$/;

// The longest address has 45 characters; a zone may follow it.
const MAX_LENGTH = 64;

const DOT = 0x2e;
const ZERO = 0x30;

/**
 * Is this four decimal octets without leading zeros? The reader of IPv4 addresses spends most of its time
 * here; a regular expression takes twice as long.
 */
function isIpv4(text: string): boolean {
  if (text.length > 15) return false;
  let dots = 0;
  let octet = -1; // no digit yet
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT && octet !== -1) {
      dots++;
      octet = -1;
      continue;
    }
    const digit = code - ZERO;
    if (digit < 0 || digit > 9 || octet === 0) return false;
    octet = octet === -1 ? digit : octet * 10 + digit;
    if (octet > 255) return false;
  }
  return dots === 3 && octet !== -1;
}

// An address in ::ffff:0:0/96 or 64:ff9b::/96 is an IPv4 address in its last 32 bits (RFC 4291 §2.5.5.2,
// RFC 6052 §2.1).
const EMBEDDED = /^(?:::ffff:[^:]+:|64:ff9b::(?:[^:]+:)?)[^:]*$/;

/**
 * The canonical text of an address: IPv4 in dotted decimal, IPv6 as in RFC 5952. An IPv6 address with the
 * prefix `::ffff:0:0/96` or `64:ff9b::/96` (NAT64), in any notation, becomes its IPv4 address. Zones
 * (`%eth0`) are dropped.
 *
 * @param text An address without port, brackets or white space.
 * @returns One text for all spellings of the address, or null if the text is not the address of a host:
 * octal, hexadecimal and short IPv4 forms, `0.0.0.0`, `::`, and every other text.
 */
export function canonicalAddress(text: unknown): string | null {
  if (typeof text !== "string") return null;
  if (isIpv4(text)) return text === "0.0.0.0" ? null : text;
  return text.length <= MAX_LENGTH && text.includes(":") ? canonicalIpv6(text) : null;
}

/**
 * The key under which a rule counts an address: the address itself, or its network and prefix length.
 * Loopback and link-local addresses are masked like all others.
 *
 * @param address An address in any spelling.
 * @param prefixes The number of bits that identify a client. Default 32 for IPv4, 64 for IPv6.
 * @returns `"203.0.113.9"`, `"2001:db8::/64"`; with `ipv4Prefix: 24` `"203.0.113.0/24"`.
 * @throws {TypeError} If the text is not an address, or on an unknown option.
 * @throws {RangeError} If a prefix is not an integer from 1 to 32, or to 128.
 *
 * @example One key for a whole IPv6 network
 * ```ts
 * import { addressKey } from "@weir/throttle";
 * import assert from "node:assert/strict";
 *
 * assert.equal(addressKey("203.0.113.9"), "203.0.113.9");
 * assert.equal(addressKey("2001:db8::1"), "2001:db8::/64");
 * assert.equal(addressKey("2001:db8::ffff:1"), "2001:db8::/64");
 * assert.equal(addressKey("2001:db8:0:12ab::1", { ipv6Prefix: 56 }), "2001:db8:0:1200::/56");
 * ```
 */
export function addressKey(address: string, prefixes: AddressPrefixes = {}): string {
  requireOptions(prefixes, ADDRESS_PREFIXES, "make an address key");
  const keyOf = compileAddressKey(prefixes.ipv4Prefix, prefixes.ipv6Prefix);
  const canonical = canonicalAddress(address);
  if (canonical !== null) return keyOf(canonical);
  throw new TypeError(cannot("make an address key", "the address must be an IPv4 or IPv6 address", address));
}

/**
 * {@link addressKey} for many addresses under the same prefixes.
 *
 * @param ipv4Prefix The number of bits of an IPv4 address that identify a client; already validated.
 * @param ipv6Prefix The number of bits of an IPv6 address; already validated.
 * @returns A function of an address in canonical text.
 */
export function compileAddressKey(ipv4Prefix = 32, ipv6Prefix = 64): (canonical: string) => string {
  const ipv4 = ipv4Prefix === 32 ? null : networkOf(ipv4Prefix);
  const ipv6 = networkOf(ipv6Prefix);
  return (canonical) =>
    canonical.includes(":") ? ipv6(canonical) : ipv4 === null ? canonical : ipv4(canonical);
}

/**
 * Reads a CIDR range. Bits beyond the prefix are ignored (`10.0.0.1/8` is `10.0.0.0/8`), a single address is
 * a range of one, and a range of IPv4 inside IPv6 is that IPv4 range.
 *
 * @param text `"10.0.0.0/8"`, `"2001:db8::/32"`, `"192.0.2.1"`.
 * @returns The range, or null if the text is not a range.
 */
export function addressRange(text: string): AddressRange | null {
  const [, base = "", length] = RANGE.exec(text) ?? [];
  const canonical = isIpv4(base) ? base : ipv6Text(base);
  if (canonical === null) return null;
  const written = groupsOf(canonical);
  const groups = EMBEDDED.test(canonical) ? written.slice(6) : written;
  // ::ffff:10.0.0.0/104 is 10.0.0.0/8. A prefix shorter than /96 would contain more than the IPv4 range that
  // it shows.
  const bits = 16 * written.length;
  const prefix = (length === undefined ? bits : Number(length)) - (bits - 16 * groups.length);
  if (prefix < 0 || prefix > 16 * groups.length) return null;
  const leadingBits = (groups: Groups): string => String(masked(groups, prefix));
  const own = leadingBits(groups);
  return {
    prefix,
    has: (address) => leadingBits(groupsOf(address)) === own,
  };
}

/**
 * Caches the last thousand results of a function. A flood of texts costs time but no memory: a full cache is
 * emptied.
 *
 * @param compute A pure function.
 * @returns The same function with a cache.
 */
export function remembered<T>(compute: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    const answer = known.get(text);
    if (answer !== undefined || known.has(text)) return answer as T;
    if (known.size >= 1000) known.clear();
    const computed = compute(text);
    known.set(text, computed);
    return computed;
  };
}

const canonicalIpv6 = /* @__PURE__ */ remembered((text): string | null => {
  const zone = text.indexOf("%");
  const written = ipv6Text(zone === -1 ? text : text.slice(0, zone));
  const address = written !== null && EMBEDDED.test(written) ? textOf(groupsOf(written).slice(6)) : written;
  // A socket listens on the address of all zeros; no client has it.
  return address === "::" || address === "0.0.0.0" ? null : address;
});

const networks = new Map<number, (canonical: string) => string>();

function networkOf(prefix: number): (canonical: string) => string {
  let network = networks.get(prefix);
  if (network === undefined) {
    network = remembered((address) => {
      const canonical = canonicalAddress(address);
      // A context that somebody made by hand may have any text: it is a client of its own.
      if (canonical === null) return address;
      return `${textOf(masked(groupsOf(canonical), prefix))}/${prefix}`;
    });
    networks.set(prefix, network);
  }
  return network;
}

/** An IPv6 address as the host of a URL, where the URL standard writes it as RFC 5952 does. */
function hostOf(text: string): string {
  return new URL(`http://[${text}]`).hostname.slice(1, -1);
}

/**
 * The text of an IPv6 address as in RFC 5952.
 *
 * @returns Null if the text is no address: the URL standard is as strict.
 */
export function ipv6Text(text: string): string | null {
  const [, head, last] = IPV6.exec(text) ?? [];
  // Bun takes a colon too many at the end.
  if (head === undefined || (last === "" && !head.endsWith("::"))) return null;
  // Bun leaves an IPv4 address at the end as it is.
  const groups = head + (isIpv4(last) ? hex(groupsOf(last)) : last);
  // Asked first, as an error takes ten times as long.
  return URL.canParse(`http://[${groups}]`) ? hostOf(groups) : null;
}

/** The groups of an address in canonical text. */
export function groupsOf(canonical: string): Groups {
  if (canonical.includes(".")) {
    const [a, b, c, d] = canonical.split(".").map(Number);
    return [a * 256 + b, c * 256 + d];
  }
  const [head, tail] = canonical.split("::").map((part) => part === "" ? [] : part.split(":"));
  const zeros = tail === undefined ? [] : new Array(8 - head.length - tail.length).fill("0");
  return [...head, ...zeros, ...tail ?? []].map((group) => parseInt(group, 16));
}

function hex(groups: Groups): string {
  return groups.map((group) => group.toString(16)).join(":");
}

function textOf(groups: Groups): string {
  return groups.length === 2
    ? groups.flatMap((group) => [group >> 8, group & 255]).join(".")
    : hostOf(hex(groups));
}

/** The first bits of an address; zeros take the place of the others. */
function masked(groups: Groups, prefix: number): Groups {
  return groups.map((group, i) => group & (0xffff << (16 - Math.max(0, Math.min(16, prefix - 16 * i)))));
}
