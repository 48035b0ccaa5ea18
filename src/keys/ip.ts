/**
 * Keys on the client's address.
 *
 * @module
 */

import { ADDRESS_PREFIXES, compileAddressKey } from "../client/address.ts";
import type { ExplainsAddress } from "../client/missing.ts";
import type { Context } from "../context.ts";
import { type Key, keyOf } from "./key.ts";
import { BOOLEAN, oneOf, requireOptions } from "../options.ts";

/** What {@link byIp} takes. */
export interface ByIpOptions {
  /** Bits of an IPv4 address that make the key, 1 to 32. Default 32. */
  ipv4Prefix?: number;
  /** Bits of an IPv6 address that make the key, 1 to 128. Default 64: one network, as one client has all of it. */
  ipv6Prefix?: number;
  /** Skip requests with an identity; the rule then runs after authentication. Default false. */
  anonymousOnly?: boolean;
  /**
   * A request without an address: throw an error that says what was tried and what to configure, let the rule skip it, or refuse
   * it. Default "error". Where there is none as the client has left, the request is refused whatever this says.
   */
  onMissing?: "error" | "skip" | "deny";
}

/**
 * A quota for each client address: IPv4 as it is, IPv6 by its /64.
 *
 * @param options See {@link ByIpOptions}.
 * @returns A key; it runs before authentication, or after it with `anonymousOnly`.
 * @throws {TypeError} On an option that does not exist, or a value that cannot be used; per request, when there is no address and `onMissing` is "error".
 * @throws {RangeError} When a prefix is not an integer in its range.
 *
 * @example A quota for each /56, the usual home
 * ```ts
 * import { byIp, createThrottle } from "@weir/throttle";
 * import { equal } from "node:assert/strict";
 *
 * const throttle = createThrottle({ rate: "60/min", key: byIp({ ipv6Prefix: 56 }) });
 * equal(throttle.rules[0].stage, "before-auth");
 * ```
 */
export function byIp(options: ByIpOptions = {}): Key {
  requireOptions(
    options,
    { ...ADDRESS_PREFIXES, anonymousOnly: BOOLEAN, onMissing: oneOf("error", "skip", "deny") },
    "make byIp()",
  );
  const { ipv4Prefix, ipv6Prefix, anonymousOnly = false, onMissing = "error" } = options;
  const keyOfAddress = compileAddressKey(ipv4Prefix, ipv6Prefix);
  const isOwnKey = ipv4Prefix === undefined || ipv4Prefix === 32;
  const derive = (context: Context): string | null => {
    if (anonymousOnly && context.identity !== null) return null;
    const { address } = context;
    // An IPv4 address is its own key, unless a prefix is given.
    if (address !== null) return isOwnKey && !address.includes(":") ? address : keyOfAddress(address);
    if (onMissing !== "error") return null;
    const why = (context as Context & ExplainsAddress).explainAddress?.() ?? "its context has none";
    throw new TypeError(
      `Cannot throttle by address as ${why}. byIp({ onMissing: "skip" | "deny" }) does without.`,
    );
  };
  const key = keyOf("ip", anonymousOnly ? "after-auth" : "before-auth", derive);
  return onMissing === "deny" ? Object.assign(key, { refusesNull: !anonymousOnly }) : key;
}
