/**
 * IPv6 addresses as numbers and as text.
 *
 * @module
 */

const GROUP = /^[0-9a-f]{1,4}$/i;

/**
 * Reads the groups of an IPv6 address (RFC 4291 section 2.2).
 *
 * @param text An address without a zone, and without an IPv4 address in it.
 * @returns Its 128 bits; null for any other text.
 */
export function ipv6Bits(text: string): bigint | null {
  const [head, tail, more] = text.split("::").map((half) => half === "" ? [] : half.split(":"));
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (more !== undefined || (tail === undefined ? missing !== 0 : missing < 1)) return null;
  const groups = [...head, ...new Array<string>(missing).fill("0"), ...tail ?? []];
  if (!groups.every((group) => GROUP.test(group))) return null;
  return BigInt(`0x${groups.map((group) => group.padStart(4, "0")).join("")}`);
}

/** The canonical text of an IPv6 address (RFC 5952 section 4): of two longest runs of zeros the first is left out. */
export function ipv6Text(bits: bigint): string {
  const groups = bits.toString(16).padStart(32, "0").match(/.{4}/g)!;
  const text = groups.map((group) => group.replace(/^0{1,3}/, "")).join(":");
  let longest = "";
  for (const run of text.match(/\b0(?::0)+\b/g) ?? []) if (run.length > longest.length) longest = run;
  return longest === "" ? text : text.replace(new RegExp(`(^|:)${longest}(:|$)`), "::");
}
