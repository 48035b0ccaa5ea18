/**
 * Keys made of keys.
 *
 * @module
 */

import { joined } from "./join.ts";
import type { Context } from "../context.ts";
import { each, type MaybePromise, then } from "../maybe.ts";
import { EXEMPT, exemptingKeyOf, type Key, type Partition, partitionOf, type Stage } from "./key.ts";
import { cannot } from "../cannot.ts";

/** The latest stage that any of the keys needs. */
function stageOf(keys: readonly Key[], maker: string): Stage {
  if (keys.length === 0) {
    throw new TypeError(`Cannot make ${maker}() as it needs at least one key: current value is no key`);
  }
  for (const key of keys) {
    if (typeof key !== "function") {
      throw new TypeError(
        `Cannot make ${maker}() as each of its keys must be a function: current value is ${String(key)}`,
      );
    }
  }
  return keys.some((key) => key.stage === "after-auth") ? "after-auth" : "before-auth";
}

/** What one of the keys gives: never the text "undefined", which strangers would share. */
function partOf(key: Key, context: Context, maker: string): MaybePromise<Partition> {
  return then(partitionOf(key)(context), (part) => {
    if (typeof part === "string" || part === null || part === EXEMPT) return part;
    throw new TypeError(
      cannot(`use the key ${key.keyName ?? "key"} of ${maker}()`, "it must give a string or null", part),
    );
  });
}

/** Keeps a part's wish that requests without it be refused rather than skipped. */
function refusingAs(key: Key, parts: readonly Key[]): Key {
  return parts.some((part) => part.refusesNull) ? Object.assign(key, { refusesNull: true }) : key;
}

/**
 * A quota for each combination of keys, such as address and account.
 *
 * @param keys The parts. Different parts never give the same key, whatever they hold.
 * @returns A key; null as soon as one part is null. With a part that refuses null (`byIp({ onMissing: "deny" })`)
 * such requests are refused, whichever part is null. Whoever is exempt from one part (staff, under `byUser()`) is exempt.
 * @throws {TypeError} When there is no key, or one is not a function.
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
  const composed = exemptingKeyOf(
    keys.map((key) => key.keyName ?? "key").join("."),
    stageOf(keys, "compose"),
    (context) =>
      then(
        each(keys, (key) => partOf(key, context, "compose"), undefined),
        (parts) =>
          parts.includes(EXEMPT) ? EXEMPT : parts.includes(null) ? null : joined(parts as readonly string[]),
      ),
  );
  if (keys.some((key) => key.needsIdentity)) Object.assign(composed, { needsIdentity: true });
  if (keys.every((key) => key.dimensions !== undefined)) {
    Object.assign(composed, { dimensions: [...new Set(keys.flatMap(({ dimensions }) => dimensions ?? []))] });
  }
  return refusingAs(composed, keys);
}

/**
 * The first key that is not null: the user where there is one, else the address. What each key gives is
 * marked with that key's name (`user:42`, `ip:192.0.2.1`), so that a user called like an address has no part
 * in the address's quota. Whoever is exempt under one key (staff, under `byUser()`) is exempt, and no key after it is asked.
 *
 * @param keys The alternatives, in order.
 * @returns A key; null where all are null.
 * @throws {TypeError} When there is no key, or one is not a function.
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
    // A mark ends at its colon, and numbers are the marks of keys without a name.
    return unique && !/:|^\d+$/.test(name) ? name : String(i);
  });
  const from = (i: number, context: Context): MaybePromise<Partition> =>
    i === keys.length ? null : then(
      partOf(keys[i], context, "firstOf"),
      (part) => part === EXEMPT ? EXEMPT : part === null ? from(i + 1, context) : `${names[i]}:${part}`,
    );
  const first = exemptingKeyOf(
    keys.map((key) => key.keyName ?? "key").join("-or-"),
    stage,
    (context) => from(0, context),
  );
  // Where all are null, so is the one that wants such requests refused.
  return refusingAs(first, keys);
}
