/**
 * Internet addresses: strict reading, one canonical text for each, and the key that a client is counted under.
 *
 * @module
 */

import { cannot } from "../cannot.ts";
import { type Demands, integer, requireOptions } from "../options.ts";

/** An address as a number. */
interface Address {
  readonly bits: 32 | 128;
  readonly value: bigint;
}

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

const IPV6 = /^[0-9a-f:.]+$/i;
const RANGE = /^([^/%]+)(?:\/(0|[1-9]\d{0,2}))?$/;

// The longest address has 45 characters; a zone may follow it.
const MAX_LENGTH = 64;

const COLON = 0x3a;
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

// An address with one of these prefixes, ::ffff:0:0/96 or 64:ff9b::/96, is an IPv4 address in its last 32
// bits (RFC 4291 §2.5.5.2, RFC 6052 §2.1).
const EMBEDDING = [0xffffn, 0x64_ff9b_0000_0000_0000_0000n];

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
  const [, base, length] = RANGE.exec(text) ?? [];
  const written = base === undefined ? null : parse(base);
  if (written === null) return null;
  const { bits, value } = unembed(written);
  // ::ffff:10.0.0.0/104 is 10.0.0.0/8. A prefix shorter than /96 would contain more than the IPv4 range that
  // it shows.
  const prefix = (length === undefined ? written.bits : Number(length)) - (written.bits - bits);
  if (prefix < 0 || prefix > bits) return null;
  const rest = BigInt(bits - prefix);
  return {
    prefix,
    has(address: string): boolean {
      const parsed = parse(address);
      return parsed !== null && parsed.bits === bits && parsed.value >> rest === value >> rest;
    },
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
  const parsed = parse(zone === -1 ? text : text.slice(0, zone));
  if (parsed === null) return null;
  const address = unembed(parsed);
  // A socket listens on the address of all zeros; no client has it.
  return address.value === 0n ? null : textOf(address);
});

const networks = new Map<number, (canonical: string) => string>();

function networkOf(prefix: number): (canonical: string) => string {
  let network = networks.get(prefix);
  if (network === undefined) {
    network = remembered((canonical) => {
      const { bits, value } = parse(canonical)!;
      const rest = BigInt(bits - prefix);
      return `${textOf({ bits, value: value >> rest << rest })}/${prefix}`;
    });
    networks.set(prefix, network);
  }
  return network;
}

/** The 32 bits of an IPv4 address; {@link isIpv4} of the text must be true. */
function ipv4Bits(text: string): number {
  return text.split(".").reduce((bits, octet) => bits * 256 + Number(octet), 0);
}

/**
 * The 128 bits of an IPv6 address.
 *
 * @param text Text of hexadecimal digits, colons and dots.
 * @returns Null if the text is no address.
 */
export function ipv6Bits(text: string): bigint | null {
  const groups: number[] = [];
  /** The number of groups before the "::"; -1 without one. */
  let gap = -1;
  let group = 0;
  let digits = 0;
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : COLON;
    if (code === COLON) {
      if (digits > 0) groups.push(group);
      else if (i === text.length ? gap !== groups.length : i === 0 && text.charCodeAt(1) !== COLON) {
        return null;
      } else if (i > 0 && i < text.length) {
        if (gap !== -1) return null;
        gap = groups.length;
      }
      group = digits = 0;
      continue;
    }
    if (code === DOT) {
      const ipv4 = text.slice(i - digits);
      if (!isIpv4(ipv4)) return null;
      const bits = ipv4Bits(ipv4);
      groups.push(Math.floor(bits / 0x1_0000), bits % 0x1_0000);
      break;
    }
    if (++digits > 4) return null;
    // "A" and "a" differ in one bit.
    group = group * 16 + (code < COLON ? code - ZERO : (code | 0x20) - 0x57);
  }
  const zeros = 8 - groups.length;
  if (gap === -1 ? zeros !== 0 : zeros < 1) return null;
  if (gap !== -1) groups.splice(gap, 0, ...new Array(zeros).fill(0));
  let bits = 0n;
  for (let i = 0; i < 8; i += 2) bits = bits << 32n | BigInt(groups[i] * 0x1_0000 + groups[i + 1]);
  return bits;
}

/** The text of 32 bits, in dotted decimal. */
function ipv4Text(bits: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => bits >> shift & 255n).join(".");
}

/** The text of 128 bits, as in RFC 5952: the first of the longest runs of zeros is left out, unless it is one group. */
function ipv6Text(bits: bigint): string {
  const hex = bits.toString(16).padStart(32, "0");
  let text = "";
  for (let i = 0; i < 32; i += 4) {
    text += `${i > 0 ? ":" : ""}${parseInt(hex.slice(i, i + 4), 16).toString(16)}`;
  }
  let longest = "";
  let at = 0;
  for (const { 0: run, index } of text.matchAll(/\b0(?::0)+\b/g)) {
    if (run.length > longest.length) [longest, at] = [run, index];
  }
  return longest === "" ? text : `${text.slice(0, at) || ":"}${text.slice(at + longest.length) || ":"}`;
}

function parse(text: string): Address | null {
  if (isIpv4(text)) return { bits: 32, value: BigInt(ipv4Bits(text)) };
  const value = IPV6.test(text) ? ipv6Bits(text) : null;
  return value === null ? null : { bits: 128, value };
}

function textOf({ bits, value }: Address): string {
  return bits === 32 ? ipv4Text(value) : ipv6Text(value);
}

function unembed(address: Address): Address {
  if (address.bits === 32 || !EMBEDDING.includes(address.value >> 32n)) return address;
  return { bits: 32, value: BigInt.asUintN(32, address.value) };
}
