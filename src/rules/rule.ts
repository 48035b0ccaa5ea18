/**
 * Rules: as a person writes them, as a throttle shows them, and as it runs them.
 *
 * @module
 */

import type { Algorithm } from "../algorithms/algorithm.ts";
import type { Context } from "../context.ts";
import type { Mode } from "../decision.ts";
import type { Duration } from "../duration.ts";
import type { HeaderFormat } from "../headers/format.ts";
import type { Key, Stage } from "../keys/key.ts";
import type { MaybePromise } from "../maybe.ts";
import type { Period, RulePolicy } from "./calendar.ts";
import type { Pattern } from "./pattern.ts";
import type { Rate } from "./rate.ts";

/** The way in which a rule decides when its store cannot be asked. */
export type FailurePolicy = "local" | "allow" | "deny";

/** Which requests count, found out from the response. */
export type Count =
  | "all"
  | "failures"
  | "successes"
  | ((response: Response, context: Context) => MaybePromise<boolean | number>)
  | BodyCount;

/** Finds the real cost of a request in the body of its response, while the body is sent. */
export interface BodyCount {
  /**
   * Called once, with the response to a request that is charged.
   *
   * @param charged The units that the request is charged so far.
   */
  body(response: Response, context: Context, charged: number): CountedBody;
}

/** A response whose body is read on its way. */
export interface CountedBody {
  /** The response to send. */
  readonly response: Response;
  /** The real cost in units, once it is known. If it rejects, the charge stays, and an `error` event has the reason. */
  readonly cost: MaybePromise<number>;
}

/** Gives the cost of a request, in units. */
export interface Cost {
  (context: Context): MaybePromise<number>;
  /** Hears the real cost of a request once it is settled, equal or not, so that the next cost can follow it. */
  readonly settled?: (context: Context, cost: number) => void;
}

/** A rule as a person writes it. A bare {@link Rate} stands for `{ rate }`. */
export interface Rule {
  /**
   * The policy's name in headers, events and statistics: `/^[A-Za-z0-9_.-]{1,64}$/`, unique in a throttle. Default: made from
   * key, route and rate.
   *
   * On a store that throttles share, rules of one name, one algorithm and one window count together, so that a rule whose
   * limit or burst changes keeps its counts. A rule that gets another algorithm, another window, or a block, or loses
   * one, counts from nothing: during such a deploy, the units left of the old limit and the new limit may pass, once. Where the
   * rate is from a function, the window is not part of that: units used are judged by the window that applies now.
   */
  name?: string | undefined;
  /** The quota; or a function that gives it per request. Null: the request is not limited by this rule. */
  rate: Rate | null | ((context: Context) => MaybePromise<Rate | null>);
  /** The function that gives the client whose quota a request uses. Default `byIp()`. */
  key?: Key | undefined;
  /**
   * Which requests: "POST /login", "GET,HEAD /items/:id", "/api/*", in Hono's patterns. HEAD counts as GET unless the
   * pattern names it. Default: every request. An empty list is no request at all: the rule is for `spend`.
   *
   * A path is found in every spelling that a router may take for the same: dot segments are resolved as `new URL` does
   * and also read as they came, percent-encoded characters are decoded (a slash is read both ways), and a slash at the
   * end, doubled slashes and letter case make no difference, unless `exactPaths` makes the last three count. A regular
   * expression of a parameter (`:id{[0-9]+}`) sees the letters as they were sent.
   *
   * Some frameworks run a handler under addresses of their own: React Router answers `/login.data` with the loader of
   * `/login`, and one call of tRPC runs all of the list in `/trpc/login,logout`. No pattern of one path knows of these.
   * Put the limit at the endpoint (a throttle around the handler, or one in its middleware), or write the path as your
   * router reads it: `["/login", "/login.data"]`, "/trpc/*". Routes of `Bun.serve` and of Express are found by the path that
   * was sent, and a Request has the resolved one ("/files/../x" is "/x"): where such a route has parameters or a
   * wildcard, put the limit inside it and leave `on` out.
   *
   * CORS preflights count under no rule but one whose pattern names OPTIONS: "OPTIONS,POST /login".
   */
  on?: string | readonly string[] | undefined;
  /** How it counts. Default `fixedWindow()`. */
  algorithm?: Algorithm | undefined;
  /** The cost of a request, in units: an integer of at least 0, or a function that gives it. Default 1. */
  cost?: number | Cost | undefined;
  /**
   * Which requests count in the end. Every request is charged before the handler and corrected after it: "failures" gives
   * back charges of requests not answered with 400 or above, "successes" of requests not answered with 2xx; a function's
   * false gives the charge back, its number is the real cost. A handler that throws is a failure. A redirect is no failure:
   * a login that answers a wrong password with one needs a function that finds the wrong answers,
   * `(response) => response.headers.get("location") !== "/home"`. `tokenUsage()` of the entry `./tokens` reads the cost
   * in the body. Default "all".
   */
  count?: Count | undefined;
  /** Exempts a request. */
  unless?: ((context: Context) => MaybePromise<boolean>) | undefined;
  /** When it is decided. Default: the key's own. */
  stage?: Stage | undefined;
  /** "shadow": decided and reported, never refuses. Default "enforce". */
  mode?: Mode | undefined;
  /** Another limit to try beside this rule before it replaces it: a rate, or a {@link Trial}. It refuses nothing. Null: none. */
  trial?: Rate | Trial | null | undefined;
  /**
   * A penalty: a key refused `after` times within `window` is refused outright for `for`, times `growth` (default 1) on
   * each repeat, at most `max` (default a day, or `for` where that is longer). A repeat is a block that begins before twice the
   * length of the last one has passed since its end. A block shorter than the rest of the rule's window changes no wait.
   */
  block?: {
    after: number;
    window: Duration;
    for: Duration;
    growth?: number | undefined;
    max?: Duration | undefined;
  } | undefined;
  /** How it decides while the store fails. Default: the throttle's way. */
  onStoreFailure?: FailurePolicy | undefined;
  /**
   * Header formats, instead of the throttle's, for this rule. A format that is about denials alone, such as `retryAfter()`, is sent
   * whichever rule refuses, so no refusal loses its wait.
   */
  headers?: readonly HeaderFormat[] | undefined;
}

/**
 * The members of a rule that its trial changes. `on`, `unless`, `count`, `onStoreFailure` and all others are those of the rule.
 *
 * The trial is decided beside the rule, on states of its own, in the same question to the store. It refuses nothing, changes no
 * state or header of the rule, and clients learn nothing of it. Its decisions have the mode "shadow", the name of the rule with
 * `+trial` behind it, and `trialOf`, the name of the rule. It is charged as if it were in the place of its rule:
 *
 * - A request that another rule refuses is charged to neither the rule nor its trial.
 * - A request that the rule alone refuses is charged to the trial where that allows it. As such a request never reaches the
 *   handler, no response corrects the charge, and a concurrency slot is given back at once.
 * - A request that the trial refuses passes, if the rules allow it, and is charged to the rules: the units that they would have
 *   left without it are not known. Two trials know nothing of each other.
 *
 * A function of the rule, such as its key, runs once more for the trial. One that throws for the trial alone is reported to
 * observers, and the trial leaves the request out. `settle` of the rule settles the trial too, by the same cost;
 * `usage` and `reset` know the trial by its own name. It is decided in the stage of its rule, or after authentication
 * if its key needs an identity: it sees no request then that its rule refuses before. A store with `lease` takes no
 * units ahead for a request with a trial.
 *
 * @example Half the limit, on trial
 * ```ts
 * import { createThrottle } from "@weir/throttle";
 * import { equal } from "node:assert/strict";
 *
 * const throttle = createThrottle({ name: "api", rate: "2/min", trial: "1/min" }, {
 *   client: { address: () => "192.0.2.1" },
 * });
 * const request = new Request("https://example.com/");
 * await throttle.check(request);
 * const { allowed, decisions } = await throttle.check(request);
 * equal(allowed, true);
 * equal(`${decisions[1].trialOf} ${decisions[1].allowed}`, "api false");
 * ```
 */
export interface Trial {
  /** The quota to try. Default: the rule's. */
  rate?: Rule["rate"] | undefined;
  /** The algorithm to try. Default: the rule's. */
  algorithm?: Algorithm | undefined;
  /** The key to try. Default: the rule's. */
  key?: Key | undefined;
  /** The cost to try. Default: the rule's. */
  cost?: Rule["cost"] | undefined;
  /** The penalty to try. Default: the rule's, which the trial's own refusals start. */
  block?: Rule["block"];
}

/** A rule as a throttle shows it. */
export interface CompiledRule {
  /** Its name, given or derived. */
  readonly name: string;
  /** Units per window; null when decided per request, or unlimited. */
  readonly limit: number | null;
  /** The window in ms, of a calendar period the longest; null when decided per request, or unlimited. */
  readonly windowMs: number | null;
  /** The calendar period that is its window; null where it has none, or it is decided per request. */
  readonly period: Period | null;
  /** The algorithm's name. */
  readonly algorithm: string;
  /** When it is decided. */
  readonly stage: Stage;
  /** Whether it refuses. */
  readonly mode: Mode;
  /** Of a trial: the name of its rule, which precedes it. */
  readonly trialOf?: string | undefined;
  /** Its patterns; empty: every request, or none where the rule was given an empty list. */
  readonly on: readonly string[];
  /**
   * The name that its states are kept under: its name, its algorithm and, where that is static, its window: in ms, as in
   * `login/gcra/900000`, or by the calendar, as in `plan/fixed-window/month-1-UTC`.
   */
  readonly stateName: string;
  /** The algorithm itself, its block included: a store that runs scripts takes the Lua twin from here. */
  readonly implementation: Algorithm;
  /** How it decides while the store fails; null: as the throttle does. */
  readonly onStoreFailure: FailurePolicy | null;
  /** Can a charge be given back later, by `count` or as a concurrency slot is? */
  readonly refundable: boolean;
  /** The key function, which gives the client whose quota a request uses. */
  readonly key: Key;
}

/** A rule as a throttle runs it. */
export interface PreparedRule extends CompiledRule {
  /** Its index in the list of rules. */
  readonly index: number;
  /** Was its name given, rather than derived? */
  readonly isNamed: boolean;
  /** Null: it is about every request. */
  readonly patterns: readonly Pattern[] | null;
  /** The static policy; null when decided per request. */
  readonly policy: RulePolicy | null;
  /** Gives the rate per request; null when it is static. */
  readonly rate: ((context: Context) => MaybePromise<Rate | null>) | null;
  readonly cost: number | Cost;
  readonly count: Count;
  readonly unless: ((context: Context) => MaybePromise<boolean>) | null;
  readonly headers: readonly HeaderFormat[] | null;
  /** The dimensions that divide the quota among clients, by the names that headers have for it; undefined where they have none. */
  readonly dimensions: Readonly<Record<string, true | string>> | undefined;
}
