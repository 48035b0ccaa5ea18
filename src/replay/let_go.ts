/**
 * Memory that is given back at once.
 *
 * @module
 */

/** Frees the memory of a column: it would stay until the whole heap is collected, which may be at the end. */
export function letGo({ buffer }: Uint32Array | Float64Array): void {
  // The buffer that this makes is as new as any other object of these milliseconds, and goes with them.
  structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
}
