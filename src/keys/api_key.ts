/**
 * Keys on API keys.
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

/** What {@link byApiKey} takes. */
export interface ByApiKeyOptions {
  /** The request header that holds the key. Default "x-api-key". */
  header?: string;
  /** Keys the hash (HMAC-SHA-256): who reads the store cannot try API keys against what is in it. Default: plain SHA-256. */
  secret?: Secret;
  /**
   * Is this one of the keys that were given out? Called with the key's text for every request that has one, after
   * authentication. Default: every key is taken for real, which is right only where `authenticate` refuses unknown ones.
   */
  verify?: (key: string, context: Context) => MaybePromise<boolean>;
  /** Whose quota a request without a real key uses. Default `byIp()`. */
  otherwise?: Key;
}

/**
 * A quota for each API key; a request that has none, or one that is not real, uses its address's. Rules on it
 * run after authentication, so that before-auth rules can limit who tries keys.
 *
 * Whoever can make up keys has as many quotas as they like. So say which keys are real: by `verify`, or by
 * answering 401 to unknown ones in `authenticate`. What remains of a key is its hash, here and in the store.
 *
 * @param options See {@link ByApiKeyOptions}.
 * @returns A key: `api-key:` and 64 hex digits, or the name and the text of `otherwise`.
 * @throws {TypeError} On an option that does not exist, or a value that cannot be used. No secret is shown.
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
        `byApiKey() counts keys in "${header}" that nobody checked: a client that makes up keys is not limited. ` +
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
  // The text after draft 11 has no word for who has no key.
  return Object.assign(firstOf(byKey, otherwise), { dimensions: ["client_id"] });
}
