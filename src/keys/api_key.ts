/**
 * Keys by API key.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { hashFor, type Secret, secretBytes } from "../hash/digest.ts";
import { type MaybePromise, then } from "../maybe.ts";
import { FUNCTION, requireOptions, SECRET } from "../options.ts";
import { warnOnce } from "../warn_once.ts";
import { firstOf } from "./compose.ts";
import { byHeader, HEADER_NAME } from "./header.ts";
import { byIp } from "./ip.ts";
import { type Key, keyOf } from "./key.ts";

/** The options of {@link byApiKey}. */
export interface ByApiKeyOptions {
  /** The request header that holds the key. Default "x-api-key". */
  header?: string;
  /**
   * The key of the hash (HMAC-SHA-256): a reader of the store cannot try API keys against its hashes.
   * Default: plain SHA-256.
   */
  secret?: Secret;
  /**
   * Is this a key that you issued? Called with the key's text for every request that has one, after
   * authentication. Default: every key counts as real, which is right only if `authenticate` rejects unknown
   * ones.
   */
  verify?: (key: string, context: Context) => MaybePromise<boolean>;
  /** The key of a request without a real API key. Default `byIp()`. */
  otherwise?: Key;
}

/**
 * A quota per API key; a request without a key, or with an unknown one, uses the quota of its address. Rules
 * on it run after authentication, so that before-auth rules can limit clients that try keys.
 *
 * A client that can invent keys has unlimited quotas. So reject unknown keys: by `verify`, or by a 401 from
 * `authenticate`. Memory and store keep only a hash of the key.
 *
 * @param options See {@link ByApiKeyOptions}.
 * @returns A key: `api-key:` and 64 hex digits, or the name and the text of `otherwise`.
 * @throws {TypeError} On an unknown option or an invalid value. The message never shows the secret.
 *
 * @example Customers by key, everyone else by address
 * ```ts
 * import { byApiKey, createThrottle } from "@weir/throttle";
 * import { deepStrictEqual } from "node:assert/strict";
 *
 * const customers = new Set(["k-1", "k-2"]);
 * const throttle = createThrottle(
 *   { rate: "1/min", key: byApiKey({ verify: (key) => customers.has(key) }) },
 *   { client: { address: () => "192.0.2.1" } },
 * );
 * const ask = async (key: string) => {
 *   const request = new Request("https://example.com/", { headers: { "x-api-key": key } });
 *   return (await throttle.check(request)).allowed;
 * };
 * deepStrictEqual([await ask("k-1"), await ask("k-2"), await ask("k-1")], [true, true, false]);
 * deepStrictEqual([await ask("made up"), await ask("made up too")], [true, false]);
 * ```
 */
export function byApiKey(options: ByApiKeyOptions = {}): Key {
  requireOptions(
    options,
    { header: HEADER_NAME, secret: SECRET, verify: FUNCTION, otherwise: FUNCTION },
    "make byApiKey()",
  );
  const { header = "x-api-key", verify, otherwise = byIp(), secret } = options;
  const keyIn = byHeader(header);
  const hash = hashFor("api-key", secret === undefined ? null : secretBytes(secret));

  function isReal(key: string, context: Context): MaybePromise<boolean> {
    if (verify !== undefined) return verify(key, context);
    if (context.identity === null) {
      warnOnce(
        `byApiKey() counts unverified keys in "${header}": a client that invents keys is not limited. ` +
          "Pass byApiKey({ verify }), or answer 401 to unknown keys in `authenticate`.",
      );
    }
    return true;
  }

  const byKey = keyOf(
    "api-key",
    "after-auth",
    (context) =>
      then(keyIn(context), (key) => {
        if (key === null) return null;
        return then(isReal(key, context), (real) => real ? hash(key) : null);
      }),
  );
  // Draft 11 has no name for the fallback partition, so only the API key is named.
  return Object.assign(firstOf(byKey, otherwise), { dimensions: ["client_id"] });
}
