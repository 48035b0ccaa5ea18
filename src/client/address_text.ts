/**
 * The numbers of addresses, from text and back.
 *
 * @module
 */

const COLON = 0x3a;
const DOT = 0x2e;
const ZERO = 0x30;

/**
 * Is this four decimal octets without leading zeros? The reader of IPv4 addresses spends most of its time
 * here; a regular expression takes twice as long.
 */
export function isIpv4(text: string): boolean {
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

/** The 32 bits of an IPv4 address; {@link isIpv4} of the text must be true. */
export function ipv4Bits(text: string): number {
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
export function ipv4Text(bits: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => bits >> shift & 255n).join(".");
}

/** The text of 128 bits, as in RFC 5952: the first of the longest runs of zeros is left out, unless it is one group. */
export function ipv6Text(bits: bigint): string {
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
