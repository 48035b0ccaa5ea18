/**
 * JSON as logs have it: one object to a line, with a prefix before some.
 *
 * @module
 */

/** An object of JSON. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The object of a line, which may stand behind the prefix of a console or of syslog; null where there is none. */
export function objectOf(line: string): JsonObject | null {
  const start = line.indexOf("{");
  if (start === -1) return null;
  try {
    return JSON.parse(start === 0 ? line : line.slice(start));
  } catch {
    return null;
  }
}

/** A member that is an object; an empty one where it is none. */
export function objectIn(object: JsonObject, name: string): JsonObject {
  const value = object[name];
  return typeof value === "object" && value !== null ? value as JsonObject : {};
}

/** A member that is a text, or the first of a list of texts; "" where it is none. */
export function textIn(object: JsonObject, name: string): string {
  const value = object[name];
  const first = Array.isArray(value) ? value[0] : value;
  return typeof first === "string" ? first : "";
}

/** A status; 0 where none is known. */
export function statusOf(value: unknown): number {
  const status = numberOf(value);
  return status > 0 ? status : 0;
}

/** A number, also one that is written as text; NaN for others. */
export function numberOf(value: unknown): number {
  return typeof value === "number" ? value : typeof value === "string" && value !== "" ? Number(value) : NaN;
}
