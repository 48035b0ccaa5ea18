/**
 * The sentences of error messages: the failed action, its reason, and the value.
 *
 * @module
 */

/** A value as text for an error message. */
export function shown(value: unknown): string {
  if (typeof value !== "string" && typeof value !== "object") return String(value);
  try {
    return JSON.stringify(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}

/**
 * Composes an error message.
 *
 * @param what The action that failed: `use rule "login"`, `make byIp()`.
 * @param why The requirement: "cost must be an integer of at least 0".
 * @param value The invalid value.
 */
export function cannot(what: string, why: string, value: unknown): string {
  return `Cannot ${what} as ${why}: current value is ${shown(value)}`;
}

/**
 * Rejects unknown options.
 *
 * @param options The options.
 * @param names The known options.
 * @param what The action that fails, for the message.
 * @param taker The function that takes the options, for the message.
 * @throws {TypeError} If there is an unknown option.
 */
export function requireNames(options: object, names: readonly string[], what: string, taker = "it"): void {
  for (const name of Object.keys(options)) {
    if (!names.includes(name)) {
      throw new TypeError(cannot(what, `${taker} takes no option but ${names.join(", ")}`, name));
    }
  }
}
