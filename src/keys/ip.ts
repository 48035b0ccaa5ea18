/**
 * Keys by the client's address.
 *
 * @module
 */

import { ADDRESS_PREFIXES, compileAddressKey } from "../client/address.ts";
import type { ExplainsAddress } from "../client/missing.ts";
import type { Context } from "../context.ts";
import { type Key, keyOf } from "./key.ts";
import { BOOLEAN, oneOf, requireOptions } from "../options.ts";

/** The options of {@link byIp}. */
export interface ByIpOptions {
  /** Bits of an IPv4 address that make the key, 1 to 32. Default 32. */
  ipv4Prefix?: number | undefined;
  /** Bits of an IPv6 address that make the key, 1 to 128. Default 64: one client owns the whole network. */
  ipv6Prefix?: number | undefined;
  /** Skip requests with an identity; the rule then runs after authentication. Default false. */
  anonymousOnly?: boolean | undefined;
  /**
   * The treatment of a request without an address: throw an error that explains the cause and the remedy,
   * skip the rule, or deny the request. Default "error". If the address is missing because the client has
   * disconnected, the request is always denied.
   */
  onMissing?: "error" | "skip" | "deny" | undefined;
}

/**
 * A quota per client address: a full IPv4 address, or the /64 of an IPv6 address.
 *
 * @param options See {@link ByIpOptions}.
 * @returns A key. Rules on it run before authentication, or after it with `anonymousOnly`.
 * @throws {TypeError} On an unknown option or an invalid value; per request, if there is no address and
 * `onMissing` is "error".
 * @throws {RangeError} If a prefix is not an integer in its range.
 *
 * @example A quota for each /56, the usual size of a home network
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
  return ipKey(options);
}

/** {@link byIp} with options that are checked. */
export function ipKey(
  { ipv4Prefix, ipv6Prefix, anonymousOnly = false, onMissing = "error" }: ByIpOptions = {},
): Key {
  const keyOfAddress = compileAddressKey(ipv4Prefix, ipv6Prefix);
  const isOwnKey = ipv4Prefix === undefined || ipv4Prefix === 32;
  const derive = (context: Context): string | null => {
    if (anonymousOnly && context.identity !== null) return null;
    const { address } = context;
    if (address !== null) {
      // An IPv4 address is its own key, unless a prefix is given. It alone has an early dot, but for "::1.2.3.4". Not by
      // `includes`, which takes 10 ns, for each rule.
      return isOwnKey && address[0] !== ":" &&
          (address[1] === "." || address[2] === "." || address[3] === ".")
        ? address
        : keyOfAddress(address);
    }
    if (onMissing !== "error") return null;
    const why = (context as Context & ExplainsAddress).explainAddress?.() ?? "its context has none";
    throw new TypeError(
      `Cannot throttle by address as ${why}. byIp({ onMissing: "skip" | "deny" }) skips or denies such requests.`,
    );
  };
  const key = keyOf("ip", anonymousOnly ? "after-auth" : "before-auth", derive);
  return onMissing === "deny" ? Object.assign(key, { refusesNull: !anonymousOnly }) : key;
}
