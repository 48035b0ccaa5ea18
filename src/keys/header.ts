/**
 * Keys by request header.
 *
 * @module
 */

import { type Key, keyOf } from "./key.ts";
import { cannot } from "../cannot.ts";
import { HEADER_NAME } from "../options.ts";

/**
 * A quota per value of a request header. Use it only for headers that a trusted proxy sets: a client that can
 * choose the value has unlimited quotas.
 *
 * @param name The header's name, in any case.
 * @returns A key; null if the header is absent or empty.
 * @throws {TypeError} If the name is not a header name (RFC 9110 section 5.1).
 *
 * @example A quota for each tenant that the gateway names
 * ```ts
 * import { byHeader, createThrottle } from "@weir/throttle";
 * import { equal } from "node:assert/strict";
 *
 * const throttle = createThrottle({ rate: "100/min", key: byHeader("x-tenant"), name: "tenant" });
 * equal(throttle.rules[0].name, "tenant");
 * ```
 */
export function byHeader(name: string): Key {
  if (!HEADER_NAME.holds(name)) {
    throw new TypeError(cannot("make byHeader()", "its name must be a header name", name));
  }
  return keyOf(
    `header-${name.toLowerCase()}`,
    "before-auth",
    ({ request }) => request.headers.get(name) || null,
  );
}
