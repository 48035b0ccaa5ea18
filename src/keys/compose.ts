/**
 * Keys composed of other keys.
 *
 * @module
 */

import { joined } from "./join.ts";
import type { Context } from "../context.ts";
import { each, type MaybePromise, then } from "../maybe.ts";
import { EXEMPT, exemptingKeyOf, type Key, type Partition, partitionOf, type Stage } from "./key.ts";
import { cannot } from "../cannot.ts";

/** The latest stage of the keys. */
function stageOf(keys: readonly Key[], maker: string): Stage {
  if (keys.length === 0) {
    throw new TypeError(cannot(`make ${maker}()`, "it needs at least one key", keys, "no key"));
  }
  for (const key of keys) {
    if (typeof key !== "function") {
      throw new TypeError(cannot(`make ${maker}()`, "each of its keys must be a function", key));
    }
  }
  return keys.some((key) => key.stage === "after-auth") ? "after-auth" : "before-auth";
}

/** The partition of one of the keys. Undefined is an error: as text it would be one quota for strangers. */
function partitionOfKey(key: Key, context: Context, maker: string): MaybePromise<Partition> {
  return then(partitionOf(key)(context), (partition) => {
    if (typeof partition === "string" || partition === null || partition === EXEMPT) return partition;
    throw new TypeError(
      cannot(`use the key ${key.keyName ?? "key"} of ${maker}()`, "it must give a string or null", partition),
    );
  });
}

/** If one of the keys refuses null, so does the composed key. */
function refusingAs(key: Key, keys: readonly Key[]): Key {
  return keys.some((each) => each.refusesNull) ? Object.assign(key, { refusesNull: true }) : key;
}

/**
 * A quota per combination of keys, such as address and account.
 *
 * @param keys The keys to combine. Different combinations of values never give the same text.
 * @returns A key; null if one of the keys is null. If one of them refuses null (`byIp({ onMissing: "deny"
 * })`), the request is refused, whichever is null. A request that one key exempts (staff, under `byUser()`)
 * is exempt.
 * @throws {TypeError} If there is no key, or one is not a function.
 *
 * @example Each account, from each address
 * ```ts
 * import { byHeader, byIp, compose, createThrottle } from "@weir/throttle";
 * import { equal } from "node:assert/strict";
 *
 * const throttle = createThrottle({ rate: "5/min", key: compose(byIp(), byHeader("x-account")) });
 * equal(throttle.rules.length, 1);
 * ```
 */
export function compose(...keys: readonly Key[]): Key {
  const stage = stageOf(keys, "compose");
  const composed = exemptingKeyOf(
    keys.map((key) => key.keyName ?? "key").join("."),
    stage,
    (context) =>
      then(
        each(keys, (key) => partitionOfKey(key, context, "compose"), undefined),
        (partitions) =>
          partitions.includes(EXEMPT)
            ? EXEMPT
            : partitions.includes(null)
            ? null
            : joined(partitions as readonly string[]),
      ),
  );
  if (keys.some((key) => key.needsIdentity)) Object.assign(composed, { needsIdentity: true });
  if (keys.every((key) => key.dimensions !== undefined)) {
    Object.assign(composed, { dimensions: [...new Set(keys.flatMap(({ dimensions }) => dimensions ?? []))] });
  }
  return refusingAs(composed, keys);
}

/**
 * The first key that is not null: for example the user, or without a user the address. Each value is prefixed
 * with its key's name (`user:42`, `ip:192.0.2.1`), so that a user with the name of an address does not share
 * the address's quota. A request that one key exempts (staff, under `byUser()`) is exempt, and no further key
 * is called.
 *
 * @param keys The alternatives, in order.
 * @returns A key; null if all are null.
 * @throws {TypeError} If there is no key, or one is not a function.
 *
 * @example The tenant's quota, or the address's
 * ```ts
 * import { byHeader, byIp, createThrottle, firstOf } from "@weir/throttle";
 * import { equal } from "node:assert/strict";
 *
 * const throttle = createThrottle({ rate: "5/min", key: firstOf(byHeader("x-tenant"), byIp()) });
 * equal(throttle.rules.length, 1);
 * ```
 */
export function firstOf(...keys: readonly Key[]): Key {
  const stage = stageOf(keys, "firstOf");
  const names = keys.map((key, i) => {
    const name = key.keyName;
    const unique = name !== undefined && keys.findIndex((other) => other.keyName === name) === i;
    // A prefix ends at its colon; numbers are the prefixes of keys without a name.
    return unique && !/:|^\d+$/.test(name) ? name : String(i);
  });
  const from = (i: number, context: Context): MaybePromise<Partition> =>
    i === keys.length ? null : then(
      partitionOfKey(keys[i], context, "firstOf"),
      (partition) =>
        partition === EXEMPT
          ? EXEMPT
          : partition === null
          ? from(i + 1, context)
          : `${names[i]}:${partition}`,
    );
  const first = exemptingKeyOf(
    keys.map((key) => key.keyName ?? "key").join("-or-"),
    stage,
    (context) => from(0, context),
  );
  // If all keys are null, the one that refuses null is null too.
  return refusingAs(first, keys);
}
