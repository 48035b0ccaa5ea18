/**
 * Explains how the client's address was found.
 *
 * @module
 */

import type { ExplainedAddress } from "./explanation.ts";
import type { AddressTools } from "./tools.ts";

/** The client's address as a throttle found it, and the request that it is from. */
export interface FoundAddress {
  readonly request: Request;
  readonly platform: readonly unknown[];
  readonly value: string | null;
  /** Explains a missing address. */
  readonly missing: () => string;
}

/** An explanation without the address and the peer, which all of them have. */
type Source = Pick<ExplainedAddress, "from" | "header" | "hop">;

const fromPeer = (why: string): Source => ({ from: `the transport peer${why}`, header: null, hop: null });

/** Does the header hold a list? Of two hops the second is another one then. */
function isList(header: string, { walkHops }: AddressTools): boolean {
  return walkHops(2, header)(null, ["first", "second"]) === "second";
}

function fromEntry(header: string, hop: number, why: string, tools: AddressTools): Source {
  const entry = isList(header, tools)
    ? `entry ${hop} from the right of the header ${header}`
    : `the header ${header}`;
  return { from: `${entry}, ${why}`, header, hop };
}

/** Stands for an address in no range. */
const STRANGER = "stranger";

/** The source under a list of trusted proxies: the walk from the peer to the left. */
function behindRanges(
  ranges: readonly string[],
  header: string,
  peer: string | null,
  entries: readonly (string | null)[],
  tools: AddressTools,
): Source {
  const walk = tools.walkRanges(ranges);
  // A walk leaves a hop for the next one only where the hop is trusted.
  const isTrusted = (address: string): boolean => walk(address, [STRANGER]) === STRANGER;
  if (peer !== null && !isTrusted(peer)) {
    return fromPeer(`, which is not in trustedProxies: the header ${header} is not read`);
  }
  const valid = entries.includes(null) ? entries.slice(0, entries.indexOf(null)) : entries;
  if (valid.length === 0) return fromPeer(`, as ${missingIn(header, entries, 1)}`);
  const stranger = valid.findIndex((address) => !isTrusted(address as string));
  const hop = stranger === -1 ? valid.length : stranger + 1;
  const why = stranger === 0
    ? "as the peer is a trusted proxy"
    : stranger > 0
    ? `as the peer and all to the right of it are trusted proxies`
    : valid.length < entries.length
    ? "as the entry to its left is no address"
    : "the last to the left, as all are trusted proxies";
  return fromEntry(header, hop, why, tools);
}

/** The reason why a header has no address at a hop. */
function missingIn(header: string, entries: readonly (string | null)[], hops: number): string {
  if (entries.length === 0) return `the request has no header ${header}`;
  return entries.slice(0, hops).includes(null)
    ? `an entry of the header ${header} is no address`
    : `the header ${header} has fewer than ${hops} entries`;
}

/** The source under a number of trusted proxies. */
function behindHops(
  hops: number,
  header: string,
  entries: readonly (string | null)[],
  why: string,
  tools: AddressTools,
): Source {
  if (tools.walkHops(hops, header)(null, entries) === null) {
    return fromPeer(`, as ${missingIn(header, entries, hops)}`);
  }
  return fromEntry(header, isList(header, tools) ? hops : 1, why, tools);
}

/** The source on a hosting platform. */
function onPlatform(
  name: string,
  peer: string | null,
  { request, value }: FoundAddress,
  tools: AddressTools,
): Source {
  const { header, hops = 1 } = tools.platforms[name];
  const trust = `which the platform "${name}" sets`;
  if (header === undefined) {
    return value === peer
      ? fromPeer(` that the platform "${name}" names`)
      : { from: `the argument of the platform "${name}"`, header: null, hop: null };
  }
  const entries = [...tools.headerReader(header)(request.headers.get(header) ?? "")];
  const source = behindHops(hops, header, entries, trust, tools);
  const byHeader = source.hop === null ? peer : tools.walkHops(hops, header)(null, entries);
  if (byHeader === value) return source;
  if (value === peer) return fromPeer(` that the platform "${name}" names`);
  // Cloudflare replaces an IPv6 client by an address of its own, and names the client in another header.
  return { from: `the header cf-connecting-ipv6, ${trust}`, header: "cf-connecting-ipv6", hop: 1 };
}

/** @returns The source of an address. */
function sourceOf(found: FoundAddress, peer: string | null, tools: AddressTools): Source {
  const { trustedProxies, header = "x-forwarded-for", platform, address } = tools.client ?? {};
  if (address !== undefined) return { from: "the option client.address", header: null, hop: null };
  if (platform !== undefined) return onPlatform(platform, peer, found, tools);
  if (trustedProxies === undefined || trustedProxies === 0) return fromPeer("");
  const name = header.toLowerCase();
  const entries = [...tools.headerReader(name)(found.request.headers.get(name) ?? "")];
  return typeof trustedProxies === "number"
    ? behindHops(trustedProxies, name, entries, `as trustedProxies is ${trustedProxies}`, tools)
    : behindRanges(trustedProxies, name, peer, entries, tools);
}

/**
 * Explains how an address was found.
 *
 * @param found The address, and the request that it is from.
 * @param tools The functions that read addresses.
 */
export function explainAddress(found: FoundAddress, tools: AddressTools): ExplainedAddress {
  const { request, platform, value } = found;
  const peer = tools.peerOf(request, platform);
  if (value === null) return { value, from: `nowhere, as ${found.missing()}`, peer, header: null, hop: null };
  return { value, peer, ...sourceOf(found, peer, tools) };
}
