/**
 * The interface of a key: the partition of a rule's quota that a request belongs to.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { type MaybePromise, then } from "../maybe.ts";

/** When a rule is decided: before authentication, or after it. */
export type Stage = "before-auth" | "after-auth";

/**
 * Says whose quota a request uses: any string, or null when the rule is to skip this request.
 * A plain function will do; its rule then runs before authentication unless it says otherwise.
 */
export type Key = ((context: Context) => MaybePromise<string | null>) & {
  /** When rules on this key run. Default "before-auth". */
  readonly stage?: Stage;
  /** The key's name in derived rule names. */
  readonly keyName?: string;
  /** Refuse the request, rather than skip the rule, where the key is null. Default false. */
  readonly refusesNull?: boolean;
  /** Is the key null for every request without an identity? A rule on it then needs authentication to ever apply. Default false. */
  readonly needsIdentity?: boolean;
  /**
   * All that the key is made of, by the names of RateLimit-Partition's registry: `user_id`, `client_id`. Default: not known, and not
   * told to clients.
   */
  readonly dimensions?: readonly string[];
};

/**
 * Makes a key of a function.
 *
 * @param keyName Its name in derived rule names.
 * @param stage When rules on it run.
 * @param derive The function.
 * @returns The same function, with its name and stage.
 *
 * @example A key by country, as Cloudflare names it
 * ```ts
 * import { createThrottle, keyOf } from "@weir/throttle";
 * import { strictEqual } from "node:assert/strict";
 *
 * const byCountry = keyOf("country", "before-auth", ({ request }) => request.headers.get("cf-ipcountry"));
 * strictEqual(createThrottle({ rate: "1000/min", key: byCountry }).rules[0].name, "country");
 * ```
 */
export function keyOf(
  keyName: string,
  stage: Stage,
  derive: (context: Context) => MaybePromise<string | null>,
): Key {
  return Object.assign(derive, { keyName, stage });
}

/** In the place of a partition: the request is exempt from the rule, so no other key is asked for it, and nothing refuses it. */
export const EXEMPT: unique symbol = /* @__PURE__ */ Symbol.for("@weir/throttle/exempt.v1");

/** A partition; null where the key does not apply to the request; or {@link EXEMPT}. */
export type Partition = string | null | typeof EXEMPT;

/** Where a key keeps the function that tells an exemption from null. For two copies of the package in one process it is one place. */
const PARTITION = /* @__PURE__ */ Symbol.for("@weir/throttle/partition.v1");

interface Exempting {
  [PARTITION]?: (context: Context) => MaybePromise<Partition>;
}

/**
 * {@link keyOf} for a function that can exempt. To who calls the key an exemption is null.
 *
 * @param keyName Its name in derived rule names.
 * @param stage When rules on it run.
 * @param partition The function.
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

/** A key's function, one that tells an exemption from null where the key has such. */
export function partitionOf(key: Key): (context: Context) => MaybePromise<Partition> {
  return (key as Key & Exempting)[PARTITION] ?? key;
}
