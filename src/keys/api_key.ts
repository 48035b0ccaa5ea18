/**
 * Keys by API key.
 *
 * @module
 */

import { cannot } from "../cannot.ts";
import type { Context } from "../context.ts";
import { hashFor, type Secret, secretBytes } from "../hash/digest.ts";
import { type MaybePromise, then } from "../maybe.ts";
import { FUNCTION, HEADER_NAME, hidden, requireOptions, SECRET } from "../options.ts";
import { warnOnce } from "../warn_once.ts";
import { firstOf } from "./compose.ts";
import { byHeader } from "./header.ts";
import { byIp } from "./ip.ts";
import { type Key, keyOf } from "./key.ts";

/** The options of {@link byApiKey}. */
export interface ByApiKeyOptions {
  /**
   * The request header that holds the key. Default "x-api-key". Of "authorization" the key is what follows the scheme and its
   * spaces: `Bearer k-1` and `bearer  k-1` are the key "k-1".
   */
  header?: string;
  /**
   * The key of the hash (HMAC-SHA-256): a reader of the store cannot try API keys against its hashes.
   * Default: plain SHA-256.
   */
  secret?: Secret;
  /**
   * Is this a key that you issued, and whose is it? Called with the key's text for every request that has one, after
   * authentication. Text is the customer whose quota it is: all keys of one customer share it. True: the key has a quota of its
   * own. False, null or undefined: the key is unknown. Anything else is an error. Default: every key counts as real, which is
   * right only if `authenticate` rejects unknown ones.
   */
  verify?: (key: string, context: Context) => MaybePromise<string | boolean | null | undefined>;
  /** The key of a request without a real API key. Default `byIp()`. */
  otherwise?: Key;
}

/** The credentials in an Authorization header: what follows the scheme (RFC 9110 section 11.4), or all where there is none. */
function credentialsIn(value: string | null): string | null {
  return /^(?:\S+\s+)?(\S.*)$/.exec(value ?? "")?.[1] ?? null;
}

/**
 * A quota per API key, or per customer; a request without a key, or with an unknown one, uses the quota of its address. Rules
 * on it run after authentication, so that before-auth rules can limit clients that try keys.
 *
 * A client that can invent keys has unlimited quotas. So reject unknown keys: by `verify`, or by a 401 from
 * `authenticate`. Memory and store keep only a hash of the key.
 *
 * @param options See {@link ByApiKeyOptions}.
 * @returns A key: `api-key:` and 64 hex digits, `api-key:customer:` and the customer that `verify` gave, or the name and the
 * text of `otherwise`.
 * @throws {TypeError} On an unknown option or an invalid value; the message never shows the secret. Per request, if `verify`
 * gives something else than it may.
 *
 * @example Customers by key, everyone else by address
 * ```ts
 * import { byApiKey, createThrottle } from "@weir/throttle";
 * import { deepStrictEqual } from "node:assert/strict";
 *
 * const customers = new Map([["k-1", "acme"], ["k-2", "globex"], ["k-3", "acme"]]);
 * const throttle = createThrottle(
 *   { rate: "1/min", key: byApiKey({ verify: (key) => customers.get(key) }) },
 *   { client: { address: () => "192.0.2.1" } },
 * );
 * const ask = async (key: string) => {
 *   const request = new Request("https://example.com/", { headers: { "x-api-key": key } });
 *   return (await throttle.check(request)).allowed;
 * };
 * deepStrictEqual([await ask("k-1"), await ask("k-2"), await ask("k-3")], [true, true, false]);
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
  const inHeader = byHeader(header);
  const isAuthorization = /^(?:proxy-)?authorization$/i.test(header);
  const hash = hashFor("api-key", secret === undefined ? null : secretBytes(secret));

  function ownerOf(key: string, context: Context): MaybePromise<unknown> {
    if (verify !== undefined) return verify(key, context);
    if (context.identity === null) {
      warnOnce(
        `byApiKey() counts unverified keys in "${header}": a client that invents keys is not limited. ` +
          "Pass byApiKey({ verify }), or answer 401 to unknown keys in `authenticate`.",
      );
    }
    return true;
  }

  /** A key's hash has no colon, so no customer is taken for one. */
  function partition(owner: unknown, key: string): MaybePromise<string | null> {
    if (owner === true) return hash(key);
    if (typeof owner === "string" && owner !== "") return `customer:${owner}`;
    if (owner === false || owner === null || owner === undefined) return null;
    throw new TypeError(
      cannot(
        "use byApiKey()",
        "verify must give the customer as text, true, false or null",
        owner,
        hidden(owner),
      ),
    );
  }

  const byKey = keyOf("api-key", "after-auth", (context) =>
    then(inHeader(context), (value) => {
      const key = isAuthorization ? credentialsIn(value) : value;
      return key === null ? null : then(ownerOf(key, context), partition, key);
    }));
  // Draft 11 has no name for the fallback partition, so only the API key is named.
  return Object.assign(firstOf(byKey, otherwise), { dimensions: ["client_id"] });
}
