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
 * @param value What was given instead.
 */
export function cannot(what: string, why: string, value: unknown): string {
  return `Cannot ${what} as ${why}: current value is ${shown(value)}`;
}

/**
 * Finds misspelt options.
 *
 * @param options What was given.
 * @param names The options that there are.
 * @param what What cannot be done with others, for the sentence.
 * @param taker What takes the options, for the sentence.
 * @throws {TypeError} When there is another.
 */
export function requireNames(options: object, names: readonly string[], what: string, taker = "it"): void {
  for (const name of Object.keys(options)) {
    if (!names.includes(name)) {
      throw new TypeError(cannot(what, `${taker} takes no option but ${names.join(", ")}`, name));
    }
  }
}
