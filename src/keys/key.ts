/**
 * The interface of a key: the partition of a rule's quota that a request belongs to.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { type MaybePromise, then } from "../maybe.ts";
import { FUNCTION, required, requireOptions } from "../options.ts";

/** The stage of a rule: before authentication, or after it. */
export type Stage = "before-auth" | "after-auth";

/**
 * Returns the partition of a request: any string, or null to skip the rule. A plain function is a key; its
 * rule then runs before authentication unless the rule sets `stage`.
 */
export type Key = ((context: Context) => MaybePromise<string | null>) & {
  /** The stage of rules on this key. Default "before-auth". */
  readonly stage?: Stage;
  /** The key's name in derived rule names. */
  readonly keyName?: string;
  /** Is a request with a null key refused, instead of skipping the rule? Default false. */
  readonly refusesNull?: boolean;
  /**
   * Is the key null for every request without an identity? Then a rule on it needs authentication. Default
   * false.
   */
  readonly needsIdentity?: boolean;
  /**
   * The names of all values that the key depends on, from the registry of RateLimit-Partition: `user_id`,
   * `client_id`. Default: unknown, so headers do not name them.
   */
  readonly dimensions?: readonly string[];
};

/**
 * Names a key function and sets its stage.
 *
 * @param keyName Its name in derived rule names.
 * @param stage The stage of rules on it.
 * @param derive The key function.
 * @returns The same function, with its name and stage.
 * @throws {TypeError} If it is no function.
 *
 * @example A key by country, as Cloudflare names it
 * ```ts
 * import { createThrottle, keyOf } from "@weir/throttle";
 * import { strictEqual } from "node:assert/strict";
 *
 * const byCountry = keyOf("country", "before-auth", ({ request }) => request.headers.get("cf-ipcountry"));
 * strictEqual(createThrottle({ rate: "1000/min", key: byCountry }).rules[0].name, "country.1000-per-1min");
 * ```
 */
export function keyOf(
  keyName: string,
  stage: Stage,
  derive: (context: Context) => MaybePromise<string | null>,
): Key {
  requireOptions({ derive }, { derive: required(FUNCTION) }, "make a key");
  return Object.assign(derive, { keyName, stage });
}

/**
 * Returned instead of a partition: the request is exempt from the rule, so no other key is called for it, and
 * nothing refuses it.
 */
export const EXEMPT: unique symbol = /* @__PURE__ */ Symbol.for("@weir/throttle/exempt.v1");

/** A partition; null if the key does not apply to the request; or {@link EXEMPT}. */
export type Partition = string | null | typeof EXEMPT;

/**
 * The property of a key for the function that distinguishes an exemption from null. The registered symbol is
 * the same for two copies of the package in one process.
 */
const PARTITION = /* @__PURE__ */ Symbol.for("@weir/throttle/partition.v1");

interface Exempting {
  [PARTITION]?: (context: Context) => MaybePromise<Partition>;
}

/**
 * {@link keyOf} for a function that can exempt. A direct call of the key returns null for an exemption.
 *
 * @param keyName Its name in derived rule names.
 * @param stage The stage of rules on it.
 * @param partition The partition function.
 * @returns The key.
 */
export function exemptingKeyOf(
  keyName: string,
  stage: Stage,
  partition: (context: Context) => MaybePromise<Partition>,
): Key {
  const withoutExempt = (found: Partition): string | null => found === EXEMPT ? null : found;
  const key = keyOf(keyName, stage, (context) => then(partition(context), withoutExempt));
  return Object.assign(key, { [PARTITION]: partition });
}

/** A key's partition function: it distinguishes an exemption from null if the key can exempt. */
export function partitionOf(key: Key): (context: Context) => MaybePromise<Partition> {
  return (key as Key & Exempting)[PARTITION] ?? key;
}
