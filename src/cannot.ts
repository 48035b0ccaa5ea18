/**
 * The sentence that says what cannot be used, why, and what was given.
 *
 * @module
 */

/** A value as an error message shows it. */
export function shown(value: unknown): string {
  if (typeof value !== "string" && typeof value !== "object") return String(value);
  try {
    return JSON.stringify(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}

/**
 * The sentence.
 *
 * @param what What cannot be done: `use rule "login"`, `make byIp()`.
 * @param why What would have to hold: "cost must be an integer of at least 0".
 * @param value The value that was given instead.
 * @param text The words for it, where it is not to be shown.
 */
export function cannot(what: string, why: string, value: unknown, text: string = shown(value)): string {
  return `Cannot ${what} as ${why}: current value is ${text}`;
}
