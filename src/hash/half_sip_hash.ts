/**
 * A keyed 64-bit hash of text, fast and synchronous: HalfSipHash (Aumasson and Bernstein) over the text's
 * UTF-16 code units, low byte first. With a secret seed, no client can find texts that collide.
 *
 * A private hash uses one round per word and three at the end, as hash tables do (hsiphash in Linux,
 * SipHash-1-3 in Rust). A published hash uses two and four, so that no reader can try texts against it.
 *
 * @module
 */

/** The two 32-bit halves of the key. */
export type Seed = readonly [number, number];

/** Draws a random seed. Never call it at import or construction: Workers forbid randomness there. */
export function randomSeed(): Seed {
  const [a, b] = crypto.getRandomValues(new Uint32Array(2));
  return [a | 0, b | 0];
}

/**
 * HalfSipHash-`rounds`-(`rounds` + 2).
 *
 * @param text Any text.
 * @param seed The key.
 * @param out Receives the low and the high 32 bits.
 * @param rounds Rounds per word.
 */
function halfSipHash(text: string, seed: Seed, out: Int32Array | Uint32Array, rounds: number): void {
  let v0 = seed[0];
  let v1 = seed[1] ^ 0xee;
  let v2 = 0x6c796765 ^ seed[0];
  let v3 = 0x74656462 ^ seed[1];
  const whole = text.length & ~1;
  // Two code units per word, then a last word with the remaining unit and the length in bytes, then the
  // output. The round stands twice, as a function of it would make an object of its four words per call.
  for (let i = 0; i <= whole; i += 2) {
    const word = i < whole
      ? text.charCodeAt(i) | (text.charCodeAt(i + 1) << 16)
      : (text.length << 25) | (whole < text.length ? text.charCodeAt(i) : 0);
    v3 ^= word;
    let left = rounds;
    do {
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
    } while (--left > 0);
    v0 ^= word;
  }
  v2 ^= 0xee;
  for (let half = 0; half < 2; half++) {
    let left = rounds + 2;
    do {
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
    } while (--left > 0);
    out[half] = v1 ^ v3;
    v1 ^= 0xdd;
  }
}

/**
 * Hashes a text into `out`, for private use: HalfSipHash-1-3.
 *
 * @param text Any text.
 * @param seed The key.
 * @param out Receives the low and the high 32 bits.
 */
export function keyedHash(text: string, seed: Seed, out: Int32Array | Uint32Array): void {
  halfSipHash(text, seed, out, 1);
}

/** A short published hash of a text: 16 hex digits of HalfSipHash-2-4. */
export function shortHash(text: string, seed: Seed): string {
  const halves = new Uint32Array(2);
  halfSipHash(text, seed, halves, 2);
  return halves[1].toString(16).padStart(8, "0") + halves[0].toString(16).padStart(8, "0");
}
