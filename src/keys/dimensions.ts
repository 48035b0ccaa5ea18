/**
 * What divides a rule's quota among clients, in the words that headers have for it.
 *
 * @module
 */

import { cannot } from "../cannot.ts";
import type { Key } from "./key.ts";

/** A parameter's name in a structured field (RFC 9651 section 3.1.2). */
const NAME = /^[a-z*][a-z0-9_.*-]*$/;

/**
 * @param key The rule's key.
 * @param methods The methods of each of its patterns; null for one with every method.
 * @param subject Whose they are, for the error's sentence.
 * @returns By name: true where each value has a quota of its own, text where the rule is for this value alone. Undefined where
 * part of the key has no name.
 * @throws {TypeError} When a name is none.
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
