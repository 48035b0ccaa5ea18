/**
 * The sentences of error messages: the failed action, its reason, and the value.
 *
 * @module
 */

import { isIgnored } from "./maybe.ts";

/** A value as text for an error message. */
export function shown(value: unknown): string {
  // Its text would be all of its code.
  if (typeof value === "function") return "a function";
  if (typeof value !== "string" && typeof value !== "object") return String(value);
  if (isIgnored(value)) return "a promise";
  try {
    return JSON.stringify(value);
  } catch {
    return {}.toString.call(value);
  }
}

/** The text of a thrown value. Anything may be thrown, also objects without one: that is no reason to fail once more. */
export function messageOf(error: unknown): string {
  try {
    if (error instanceof Error) return String(error.message || error.name);
    if (error !== undefined) return String(error);
  } catch {
    // As if nothing had been thrown.
  }
  return "it gave no reason";
}

/**
 * Composes an error message.
 *
 * @param what The action that failed: `use rule "login"`, `make byIp()`.
 * @param why The requirement: "cost must be an integer of at least 0".
 * @param value The invalid value.
 * @param text The text to show for the value, if it must stay secret.
 */
export function cannot(what: string, why: string, value: unknown, text: string = shown(value)): string {
  return `Cannot ${what} as ${why}: current value is ${text}`;
}
