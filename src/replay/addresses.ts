/**
 * Addresses by number.
 *
 * @module
 */

import { canonicalAddress } from "../client/address.ts";
import { copyOf } from "./texts.ts";

const DOT = 0x2e;
const ZERO = 0x30;

/** The number of 32 bits that an IPv4 address in canonical text is; -1 for other texts. */
function ipv4Bits(text: string): number {
  let bits = 0;
  let dots = 0;
  let octet = -1; // no digit yet
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT && octet !== -1) {
      bits = bits * 256 + octet;
      octet = -1;
      dots++;
      continue;
    }
    const digit = code - ZERO;
    if (digit < 0 || digit > 9 || octet === 0) return -1;
    octet = octet === -1 ? digit : octet * 10 + digit;
    if (octet > 255) return -1;
  }
  return dots === 3 && octet !== -1 ? bits * 256 + octet : -1;
}

/** An address without the brackets and the port that some programs write: `192.0.2.1:50220`, `[2001:db8::1]:443`, `[192.0.2.1]`. */
function withoutPort(text: string): string {
  const [, inBrackets, ipv4] = /^(?:\[([^[\]]+)\](?::\d+)?|([\d.]+):\d+)$/.exec(text) ?? [];
  return inBrackets ?? ipv4 ?? text;
}

/** Is it an address as a log writes it? nginx has `unix:` for a client on a Unix socket. */
export function isLoggedAddress(text: string): boolean {
  return text === "unix:" || canonicalAddress(withoutPort(text)) !== null;
}

/**
 * Addresses by number, in canonical text. Most are IPv4, which are numbers already: a table of those takes a quarter of the time
 * of a Map of texts.
 */
export class Addresses {
  /** The canonical texts by number; that of 0 is null. */
  readonly values: (string | null)[] = [null];
  /** The numbers of all texts that are no IPv4 address in canonical text. */
  #others = new Map<string, number>();
  // A slot is free where its number is 0.
  #bits = new Uint32Array(2048);
  #numbers = new Uint32Array(2048);
  #used = 0;

  /** The number of an address as a log writes it; 0 for a text that is none. */
  numberOf(text: string): number {
    const bits = ipv4Bits(text);
    // 0.0.0.0 is no client's.
    if (bits <= 0) return this.#others.get(text) ?? this.#addOther(copyOf(text));
    const slot = this.#slotOf(bits);
    const number = this.#numbers[slot];
    return number === 0 ? this.#add(bits, slot, this.values.push(copyOf(text)) - 1) : number;
  }

  /** As {@link Texts.close}. */
  close(): void {
    this.#others = new Map();
    this.#bits = this.#numbers = new Uint32Array(1);
  }

  #addOther(text: string): number {
    const bare = withoutPort(text);
    // There may be a port for each request, so they are not remembered.
    if (bare !== text) return this.numberOf(bare);
    const address = canonicalAddress(text);
    let number = 0;
    if (address === text) number = this.values.push(text) - 1;
    else if (address !== null) number = this.numberOf(address);
    this.#others.set(text, number);
    return number;
  }

  /** The slot that has these bits, or is free for them. */
  #slotOf(bits: number): number {
    const mask = this.#bits.length - 1;
    let slot = (Math.imul(bits, 0x9e3779b1) >>> 7) & mask;
    while (this.#numbers[slot] !== 0 && this.#bits[slot] !== bits) slot = (slot + 1) & mask;
    return slot;
  }

  #add(bits: number, slot: number, number: number): number {
    this.#bits[slot] = bits;
    this.#numbers[slot] = number;
    if (++this.#used * 2 > this.#bits.length) this.#grow();
    return number;
  }

  #grow(): void {
    const [allBits, numbers] = [this.#bits, this.#numbers];
    this.#bits = new Uint32Array(allBits.length * 4);
    this.#numbers = new Uint32Array(allBits.length * 4);
    numbers.forEach((number, i) => {
      if (number === 0) return;
      const slot = this.#slotOf(allBits[i]);
      this.#bits[slot] = allBits[i];
      this.#numbers[slot] = number;
    });
  }
}
