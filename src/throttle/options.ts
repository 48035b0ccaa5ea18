/**
 * The options of a throttle: validation and defaults.
 *
 * @module
 */

import type { Authenticate } from "../auth/authenticate.ts";
import type { ClientOptions } from "../client/client.ts";
import type { Observer } from "../observers/events.ts";
import type { HeaderFormat } from "../headers/format.ts";
import { plainRetryAfter, retryAfter } from "../headers/retry_after.ts";
import { plainXRateLimit, xRateLimit } from "../headers/x_ratelimit.ts";
import {
  BOOLEAN,
  type Demands,
  FUNCTION,
  having,
  listOf,
  OBJECT,
  oneOf,
  requireOptions,
  typeShown,
} from "../options.ts";
import { plainProblemJson, problemJson } from "../rejections/problem_json.ts";
import type { Rejection } from "../rejections/rejection.ts";
import { FAILURE_POLICY, HEADER_FORMATS } from "../rules/prepare_rules.ts";
import type { FailurePolicy } from "../rules/rule.ts";
import { memoryStore } from "../stores/memory/memory_store.ts";
import type { Store } from "../stores/store.ts";

/** Options of a throttle, beside its rules. One that is undefined is as good as not there. */
export interface ThrottleOptions {
  /** Where the counts are kept. Default `memoryStore()`: this process alone. */
  store?: Store | undefined;
  /** How the client's address is found. Default: the transport peer; no header is trusted. */
  client?: ClientOptions | undefined;
  /** Finds the identity of the client, between the before-auth rules and the after-auth rules. Default: nobody is known. */
  authenticate?: Authenticate | undefined;
  /** Rate headers. Default `[xRateLimit(), retryAfter()]`; an empty list sends none. */
  headers?: readonly HeaderFormat[] | undefined;
  /** Which responses carry them. Default "always". */
  sendHeaders?: "always" | "denied" | "never" | undefined;
  /** The answer to a refused request. Default `problemJson()`. */
  reject?: Rejection | undefined;
  /** How rules without an `onStoreFailure` of their own decide while the store fails. Default "local". */
  onStoreFailure?: FailurePolicy | undefined;
  /**
   * The response to a store that counts for this process alone. "warn", the default: one line on the console where several
   * processes are known to share the traffic, or likely to (`deno serve --parallel` is seen by `DENO_JOBS` alone). "error":
   * such a store is refused, everywhere. "ignore": nothing.
   */
  unsafeStore?: "warn" | "error" | "ignore" | undefined;
  /** Watchers of every decision. */
  observers?: readonly Observer[] | undefined;
  /** Events carry raw partition keys instead of hashes of them. Default false. */
  revealKeys?: boolean | undefined;
  /**
   * Do letter case, a slash at the end and doubled slashes make two paths of one, for the `on` of rules? Default false, as
   * most routers run one handler for all of them, and a limit that a capital letter gets around is none. True is for
   * servers that serve different things there, by a router that distinguishes them. Dot segments and percent-encoding never make a
   * difference.
   *
   * @example Two limits that differ by letter case alone
   * ```ts
   * import { byGlobal, createThrottle } from "@weir/throttle";
   * import { equal } from "node:assert/strict";
   *
   * const rule = { rate: "1/min", key: byGlobal(), on: "/Kelvin" };
   * const asked = new Request("https://example.com/kelvin/");
   * equal((await createThrottle(rule).check(asked)).decisions.length, 1);
   * equal((await createThrottle(rule, { exactPaths: true }).check(asked)).decisions.length, 0);
   * ```
   */
  exactPaths?: boolean | undefined;
}

/** Options with every default filled in. */
export type PreparedOptions =
  & {
    [Name in Exclude<keyof ThrottleOptions, "authenticate" | "client">]-?: NonNullable<ThrottleOptions[Name]>;
  }
  & {
    readonly authenticate: Authenticate | null;
    readonly client: ClientOptions | undefined;
  };

/** The demand on each option. */
export const THROTTLE_DEMANDS: Demands<ThrottleOptions> = {
  store: /* @__PURE__ */ having("decide", "a store, an object with a decide function", typeShown),
  client: OBJECT,
  authenticate: FUNCTION,
  headers: HEADER_FORMATS,
  sendHeaders: /* @__PURE__ */ oneOf("always", "denied", "never"),
  reject: /* @__PURE__ */ Object.assign({}, FUNCTION, { must: "a function that makes a Response" }),
  onStoreFailure: FAILURE_POLICY,
  unsafeStore: /* @__PURE__ */ oneOf("warn", "error", "ignore"),
  observers: /* @__PURE__ */ listOf(FUNCTION, "functions"),
  revealKeys: BOOLEAN,
  exactPaths: BOOLEAN,
};

/** The defaults of the options that a client sees. */
export type ClientDefaults = Pick<PreparedOptions, "headers" | "reject">;

/** The defaults of a throttle that documents may describe. */
export function describedDefaults(): ClientDefaults {
  return { headers: [xRateLimit(), retryAfter()], reject: problemJson() };
}

/** The same without words for documents, which are a good part of a small bundle. */
export function plainDefaults(): ClientDefaults {
  return { headers: [plainXRateLimit(), plainRetryAfter()], reject: plainProblemJson() };
}

/**
 * Checks options and fills in defaults.
 *
 * @param options The options.
 * @param defaults Makes the defaults of what a client sees. Default: {@link plainDefaults}.
 * @throws {TypeError} On an option that does not exist, or a value that cannot be used.
 */
export function prepareOptions(
  options: ThrottleOptions,
  defaults: () => ClientDefaults = plainDefaults,
): PreparedOptions {
  requireOptions(options, THROTTLE_DEMANDS, "create a throttle");
  const { headers, reject } = defaults();
  return {
    store: options.store ?? memoryStore(),
    client: options.client,
    authenticate: options.authenticate ?? null,
    headers: options.headers ?? headers,
    sendHeaders: options.sendHeaders ?? "always",
    reject: options.reject ?? reject,
    onStoreFailure: options.onStoreFailure ?? "local",
    unsafeStore: options.unsafeStore ?? "warn",
    observers: options.observers ?? [],
    revealKeys: options.revealKeys ?? false,
    exactPaths: options.exactPaths ?? false,
  };
}
