/**
 * Keys made of keys.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { all, type MaybePromise, then } from "../maybe.ts";
import { type Key, keyOf, type Stage } from "./key.ts";

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

/** The parts in one text, the separator escaped: no two lists of parts give the same. */
export function joined(parts: readonly string[]): string {
  return parts.map((part) => part.replace(/[\\|]/g, "\\$&")).join("|");
}

/**
 * A quota for each combination of keys, such as address and account.
 *
 * @param keys The parts. Different parts never give the same key, whatever they hold.
 * @returns A key; null as soon as one part is null.
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
  return keyOf(
    keys.map((key) => key.keyName ?? "key").join("."),
    stageOf(keys, "compose"),
    (context) =>
      then(
        all(keys.map((key) => key(context))),
        (parts) => parts.includes(null) ? null : joined(parts as readonly string[]),
      ),
  );
}

/**
 * The first key that is not null: the user where there is one, else the address. What each key gives is
 * marked with that key's name (`user:42`, `ip:192.0.2.1`), so that a user called like an address has no part
 * in the address's quota.
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
    return unique ? name : String(i);
  });
  const from = (i: number, context: Context): MaybePromise<string | null> =>
    i === keys.length
      ? null
      : then(keys[i](context), (key) => key === null ? from(i + 1, context) : `${names[i]}:${key}`);
  const first = keyOf(
    keys.map((key) => key.keyName ?? "key").join("-or-"),
    stage,
    (context) => from(0, context),
  );
  // Where all are null, so is the one that wants such requests refused.
  return keys.some((key) => key.refusesNull) ? Object.assign(first, { refusesNull: true }) : first;
}
