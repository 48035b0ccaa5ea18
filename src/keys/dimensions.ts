/**
 * The partition parameters of a rule, in the names of the RateLimit headers.
 *
 * @module
 */

import { cannot } from "../cannot.ts";
import type { Key } from "./key.ts";

/** A parameter's name in a structured field (RFC 9651 section 3.1.2). */
const NAME = /^[a-z*][a-z0-9_.*-]*$/;

/**
 * @param key The rule's key.
 * @param methods The methods of each of the rule's patterns; null for a pattern with every method.
 * @param subject The owner of the key, for the error: `rule "login"`.
 * @returns By name: true if each value has its own quota, text if the rule applies to this value alone.
 * Undefined if the key does not declare its dimensions.
 * @throws {TypeError} If a name is not a parameter name.
 */
export function dimensionsOf(
  { dimensions }: Key,
  methods: readonly (readonly string[] | null)[],
  subject: string,
): Readonly<Record<string, true | string>> | undefined {
  if (dimensions === undefined) return undefined;
  if (
    !Array.isArray(dimensions) || !dimensions.every((name) => typeof name === "string" && NAME.test(name))
  ) {
    throw new TypeError(
      cannot(`use ${subject}`, "its key's dimensions must be names such as user_id", dimensions),
    );
  }
  const [method, ...others] = new Set(methods.flatMap((listed) => listed ?? [""]));
  const isForOne = method !== undefined && method !== "" && others.length === 0;
  return Object.fromEntries([
    ...[...dimensions].sort().map((name) => [name, true] as const),
    ...isForOne ? [["method", method] as const] : [],
  ]);
}
