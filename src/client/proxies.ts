/**
 * Forwarding headers and trust. Every proxy appends the address of its peer to the list; the client itself
 * may have written the entries to the left of the proxies' own. So lists are read from the right, up to the
 * first untrusted hop.
 *
 * @module
 */

import { addressRange, canonicalAddress, remembered } from "./address.ts";
import { UNIX } from "./peer.ts";
import { cannot } from "../cannot.ts";

/** The addresses of a header value, from the right. Null stands for an entry that is not an address. */
export type ReadHeader = (value: string) => Iterable<string | null>;

/**
 * Finds the client.
 *
 * @param peer The transport peer: an address, "unix" or null.
 * @param forwarded The header's addresses, from the right.
 * @returns The client: an address, or the peer unchanged.
 */
export type Walk = (peer: string | null, forwarded: Iterable<string | null>) => string | null;

// No real chain of proxies is this long. A client inside a trusted range could send a longer one to slow the
// server down.
const MAX_CHAIN_LENGTH = 100;

const lists: Readonly<Record<string, ReadHeader>> = { "x-forwarded-for": listed, "forwarded": forwardedFor };

/**
 * The reader of a header: `x-forwarded-for` and `forwarded` are lists; any other header holds one address,
 * with or without a port. (`cloudfront-viewer-address` always has a port, even after an IPv6 address without
 * brackets.)
 *
 * @param header The header's name, in lower case.
 * @returns The reader of its values.
 */
export function headerReader(header: string): ReadHeader {
  if (Object.hasOwn(lists, header)) return lists[header];
  const read = header === "cloudfront-viewer-address" ? viewerAddress : forwardedAddress;
  return (value) => value === "" ? [] : [read(value)];
}

/**
 * Trust by count: the client is the Nth address from the right, since trusted proxies wrote the last N
 * entries. If one of these is not an address, or the list is too short, the client is the peer: anybody may
 * have written the entries further left. (This is Envoy's rule; others take the leftmost entry, which a
 * client that bypasses the proxies writes.) A one-address header counts as one hop.
 *
 * @param hops N, at least 1.
 * @param header The header's name, in lower case.
 * @returns The walk.
 */
export function walkHops(hops: number, header: string): Walk {
  const count = Object.hasOwn(lists, header) ? hops : 1;
  return (peer, forwarded) => {
    let hop = 0;
    for (const address of forwarded) {
      if (address === null) break;
      if (++hop === count) return address;
    }
    return peer;
  };
}

/**
 * Trust by address: the walk goes from the peer to the left as long as addresses are in trusted ranges; the
 * first untrusted address is the client. An untrusted peer is itself the client, and the header is ignored.
 * If all addresses are trusted, the leftmost is the client, since a trusted proxy wrote it. An entry that is
 * not an address ends the walk at the hop before it.
 *
 * @param ranges CIDR ranges, addresses, and "unix" for a peer on a Unix socket.
 * @returns The walk.
 * @throws {TypeError} If one is not a range, or contains every address.
 */
export function walkRanges(ranges: readonly string[]): Walk {
  const unix = ranges.includes(UNIX);
  const compiled = ranges.filter((text) => text !== UNIX).map(trustedRange);
  const inRanges = remembered((address) => compiled.some((range) => range.has(address)));
  const trusted = (peer: string) => peer === UNIX ? unix : inRanges(peer);
  return (peer, forwarded) => {
    if (peer === null || !trusted(peer)) return peer;
    let client = peer;
    let hop = 0;
    for (const address of forwarded) {
      if (address === null) break;
      client = address;
      if (++hop === MAX_CHAIN_LENGTH || !trusted(address)) break;
    }
    return client;
  };
}

function trustedRange(text: string): { has(address: string): boolean } {
  const range = typeof text === "string" ? addressRange(text) : null;
  if (range !== null && range.prefix > 0) return range;
  const reason = range === null
    ? `a trusted proxy must be an address, a CIDR range such as "10.0.0.0/8", or "unix"`
    : "trusting every address would let each client choose its own";
  throw new TypeError(cannot("use client option trustedProxies", reason, text));
}

// Brackets must contain a colon (IPv6), and the text before a port none, or a bare IPv6 address would lose
// its end.
const BRACKETS_OR_PORT = /^(?:\[([^\]]*:[^\]]*)\](?::\d{1,5})?|([^:]+):\d{1,5})$/;

/**
 * The address in one entry of a forwarding header: `203.0.113.9`, `203.0.113.9:51235`, `2001:db8::5`,
 * `[2001:db8::5]` or `[2001:db8::5]:51235`.
 *
 * @param entry The entry, without white space around it.
 * @returns Canonical text, or null if the entry is not an address.
 */
export function forwardedAddress(entry: string): string | null {
  if (entry.length > 80) return null;
  const [, ipv6, ipv4] = BRACKETS_OR_PORT.exec(entry) ?? [];
  return canonicalAddress(ipv6 ?? ipv4 ?? entry);
}

function viewerAddress(value: string): string | null {
  return canonicalAddress(/^([^[\]]{1,64}):\d{1,5}$/.exec(value)?.[1] ?? "");
}

function* listed(value: string): Generator<string | null> {
  let end = value.length;
  while (end > 0) {
    const comma = value.lastIndexOf(",", end - 1);
    const entry = trimmed(value, comma + 1, end);
    // Empty list elements are ignored (RFC 9110 §5.6.1).
    if (entry !== "") yield forwardedAddress(entry);
    end = comma;
  }
}

/** The `for` of each element of a Forwarded header (RFC 7239), from the right. */
function* forwardedFor(value: string): Generator<string | null> {
  let end = value.length;
  while (end > 0) {
    const comma = commaBefore(value, end);
    const element = trimmed(value, comma + 1, end);
    if (element !== "") yield nodeAddress(element);
    end = comma;
  }
}

/**
 * The comma before the element that ends at `end`. Quotes are matched from the right as well, so that a quote
 * which the client left open cannot swallow the proxy's entry after it.
 */
function commaBefore(value: string, end: number): number {
  let quoted = false;
  for (let at = end - 1; at >= 0; at--) {
    const character = value[at];
    if (character === '"' && !(quoted && isEscaped(value, at))) quoted = !quoted;
    else if (character === "," && !quoted) return at;
  }
  return -1;
}

function isEscaped(value: string, at: number): boolean {
  let backslashes = 0;
  while (value[at - 1 - backslashes] === "\\") backslashes++;
  return backslashes % 2 === 1;
}

const PAIR =
  /[ \t]*(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)|"((?:[^"\\]|\\.)*)")[ \t]*)?(?:;|$)/y;

// RFC 7239 §6: IPv6 has brackets, and a port may be a name. `unknown` and `_hidden` are not addresses.
const NODE = /^(?:\[([^\]]*:[^\]]*)\]|([\d.]+))(?::(?:\d{1,5}|_[\w.-]+))?$/;

function nodeAddress(element: string): string | null {
  if (element.length > 1000) return null;
  const parameters = new Map<string, string>();
  PAIR.lastIndex = 0;
  while (PAIR.lastIndex < element.length) {
    const pair = PAIR.exec(element);
    if (pair === null) return null;
    const [, written, token, quoted] = pair;
    if (written === undefined) continue;
    const name = written.toLowerCase();
    // Each parameter at most once (§4): of two `for`, one may be the client's.
    if (parameters.has(name)) return null;
    parameters.set(name, token ?? quoted.replace(/\\(.)/g, "$1"));
  }
  const [, ipv6, ipv4] = NODE.exec(parameters.get("for") ?? "") ?? [];
  return canonicalAddress(ipv6 ?? ipv4 ?? "");
}

// Optional white space is only space and tab (RFC 9110 §5.6.3), unlike String.trim. A regular expression
// would take quadratic time over a long run of spaces.
function trimmed(value: string, start: number, end: number): string {
  while (start < end && isSpace(value.charCodeAt(start))) start++;
  while (end > start && isSpace(value.charCodeAt(end - 1))) end--;
  // A plain slice would keep the whole header in memory as long as the cache keeps the address, so the text
  // is copied.
  return (" " + value.slice(start, end)).slice(1);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
