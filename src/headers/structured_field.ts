/**
 * Writes the part of Structured Fields (RFC 9651) that the RateLimit fields are made of: strings, integers,
 * their parameters, and lists of them. Strict, as one bad member makes a client drop the whole field (§4.2).
 *
 * @module
 */

import { cannot } from "../cannot.ts";

/** A string or an integer, written as what it is in JavaScript. */
export type BareItem = string | number;

/** The greatest integer that a field can hold (§3.3.1): 15 digits. */
export const GREATEST_INTEGER = 999_999_999_999_999;

/**
 * Writes a String (§4.1.6).
 *
 * @throws {TypeError} On a character that is not printable ASCII.
 */
export function writeString(text: string): string {
  if (!/^[\x20-\x7e]*$/.test(text)) {
    throw new TypeError(cannot("write a field", "a string must be printable ASCII", text));
  }
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/**
 * Writes an Integer (§4.1.4).
 *
 * @throws {RangeError} On a fraction, NaN, an infinity, or more than 15 digits.
 */
export function writeInteger(value: number): string {
  if (!Number.isInteger(value) || Math.abs(value) > GREATEST_INTEGER) {
    throw new RangeError(
      cannot("write a field", "an integer must be whole and have at most 15 digits", value),
    );
  }
  return String(value);
}

function writeBareItem(value: BareItem): string {
  return typeof value === "string" ? writeString(value) : writeInteger(value);
}

/**
 * Writes an Item with its parameters (§4.1.3), in the order given.
 *
 * @param value The item itself.
 * @param parameters By key; undefined ones are left out. Keys are our own literals: lower case (§3.1.2).
 */
export function writeItem(
  value: BareItem,
  parameters: Readonly<Record<string, BareItem | undefined>> = {},
): string {
  let text = writeBareItem(value);
  for (const [key, parameter] of Object.entries(parameters)) {
    if (parameter !== undefined) text += `;${key}=${writeBareItem(parameter)}`;
  }
  return text;
}

/**
 * Writes a List (§4.1.1) of written members.
 *
 * @returns Empty for no members: then the field must not be sent.
 */
export function writeList(members: readonly string[]): string {
  return members.join(", ");
}
