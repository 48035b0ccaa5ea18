/**
 * Rules: what a person writes, and what a throttle runs. All validation and all defaults are here.
 *
 * @module
 */

import type { Algorithm, Policy } from "../algorithms/algorithm.ts";
import { type Block, withBlock } from "../algorithms/block.ts";
import { fixedWindow } from "../algorithms/fixed_window.ts";
import { stateName } from "../algorithms/state.ts";
import type { Context } from "../context.ts";
import type { Mode } from "../decision.ts";
import type { HeaderFormat } from "../headers/format.ts";
import { dimensionsOf } from "../keys/dimensions.ts";
import { byIp } from "../keys/ip.ts";
import type { Key, Stage } from "../keys/key.ts";
import type { MaybePromise } from "../maybe.ts";
import { type Duration, durationMs, parseRate, type Rate } from "./rate.ts";
import { cannot, requireNames, shown } from "../cannot.ts";
import { derivedName, quantityText } from "./default_name.ts";
import { parsePattern, type Pattern } from "./pattern.ts";

/** What a rule does with a request when its store cannot be asked. */
export type FailurePolicy = "local" | "allow" | "deny";

/** Which requests count, found out from the response. */
export type Count =
  | "all"
  | "failures"
  | "successes"
  | ((response: Response, context: Context) => MaybePromise<boolean | number>);

/** A rule as a person writes it. A bare {@link Rate} stands for `{ rate }`. */
export interface Rule {
  /**
   * The policy's name in headers, events and statistics: `/^[A-Za-z0-9_.-]{1,64}$/`, unique in a throttle. Default: made from
   * key, route and rate.
   *
   * On a store that throttles share, rules of one name, one algorithm and one window count together, so that a rule whose
   * limit or burst changes keeps what was used. A rule that gets another algorithm, another window, or a block, or loses
   * one, counts from nothing: during such a deploy, what is left of the old limit and the new one may pass, once. Where the
   * rate is from a function, the window is not part of that: what was used is judged by the window that applies now.
   */
  name?: string;
  /** The quota; or a function that gives it per request. Null: the request is not limited by this rule. */
  rate: Rate | null | ((context: Context) => MaybePromise<Rate | null>);
  /** Whose quota. Default `byIp()`. */
  key?: Key;
  /**
   * Which requests: "POST /login", "GET,HEAD /items/:id", "/api/*", in Hono's patterns. HEAD counts as GET unless the
   * pattern names it. Default: every request. An empty list is no request at all: the rule is for `spend`.
   *
   * A path is found in every spelling that a router may take for the same: dot segments are resolved as `new URL` does
   * and also read as they came, percent-encoded characters are decoded (a slash is read both ways), and a slash at the
   * end, doubled slashes and letter case make no difference, unless `exactPaths` says that the last three do. A regular
   * expression of a parameter (`:id{[0-9]+}`) sees the letters as they were sent.
   *
   * Some frameworks run a handler under addresses of their own: React Router answers `/login.data` with the loader of
   * `/login`, and one call of tRPC runs all of the list in `/trpc/login,logout`. No pattern of one path knows of these.
   * Put the limit at the endpoint (a throttle around the handler, or one in its middleware), or write the path as your
   * router reads it: `["/login", "/login.data"]`, "/trpc/*". Routes of `Bun.serve` and of Express are found by the path that
   * was sent, and a Request tells the resolved one ("/files/../x" is "/x"): where such a route has parameters or a
   * wildcard, put the limit inside it and leave `on` out.
   *
   * CORS preflights count under no rule but one whose pattern names OPTIONS: "OPTIONS,POST /login".
   */
  on?: string | readonly string[];
  /** How it counts. Default `fixedWindow()`. */
  algorithm?: Algorithm;
  /** What a request costs, in units: an integer of at least 0, or a function that gives it. Default 1. */
  cost?: number | ((context: Context) => MaybePromise<number>);
  /**
   * Which requests count in the end. Every request is charged before the handler and corrected after it:
   * "failures" gives back what was not answered with 400 or above, "successes" what was not answered with 2xx; a function's false gives back, its number is the
   * real cost. A handler that throws is a failure. A redirect is no failure: a login that answers a wrong password with one needs a
   * function that says which answer is wrong, `(response) => response.headers.get("location") !== "/home"`. Default "all".
   */
  count?: Count;
  /** Exempts a request. */
  unless?: (context: Context) => MaybePromise<boolean>;
  /** When it is decided. Default: the key's own. */
  stage?: Stage;
  /** "shadow": decided and reported, never refuses. Default "enforce". */
  mode?: Mode;
  /**
   * A penalty: a key refused `after` times within `window` is refused outright for `for`, times `growth` (default 1) on
   * each repeat, at most `max` (default a day, or `for` where that is longer).
   */
  block?: { after: number; window: Duration; for: Duration; growth?: number; max?: Duration };
  /** What to do while the store fails. Default: the throttle's. */
  onStoreFailure?: FailurePolicy;
  /**
   * Header formats, instead of the throttle's, for this rule. A format that is about denials alone, such as `retryAfter()`, speaks
   * whichever rule refuses, so no refusal loses its wait.
   */
  headers?: readonly HeaderFormat[];
}

/** A rule as a throttle shows it. */
export interface CompiledRule {
  /** Its name, given or derived. */
  readonly name: string;
  /** Units a window; null when decided per request, or unlimited. */
  readonly limit: number | null;
  /** The window in ms; null when decided per request, or unlimited. */
  readonly windowMs: number | null;
  /** The algorithm's name. */
  readonly algorithm: string;
  /** When it is decided. */
  readonly stage: Stage;
  /** Whether it refuses. */
  readonly mode: Mode;
  /** Its patterns; empty: every request, or none where the rule was given an empty list. */
  readonly on: readonly string[];
  /** What its states are kept under: its name, its algorithm and, where that is static, its window in ms, as in `login/gcra/900000`. */
  readonly stateName: string;
  /** The algorithm itself, its block included: a store that runs scripts takes the Lua twin from here. */
  readonly implementation: Algorithm;
  /** What it does while the store fails; null: what the throttle says. */
  readonly onStoreFailure: FailurePolicy | null;
  /** Can what was charged be given back later, by `count` or as a concurrency slot is? */
  readonly refundable: boolean;
  /** Whose quota a request uses. */
  readonly key: Key;
}

/** A rule as a throttle runs it. */
export interface PreparedRule extends CompiledRule {
  /** Its place in the list of rules. */
  readonly index: number;
  /** Was its name given, rather than derived? */
  readonly isNamed: boolean;
  /** Null: it is about every request. */
  readonly patterns: readonly Pattern[] | null;
  /** The static policy; null when decided per request. */
  readonly policy: Policy | null;
  /** Gives the rate per request; null when it is static. */
  readonly rate: ((context: Context) => MaybePromise<Rate | null>) | null;
  readonly cost: number | ((context: Context) => MaybePromise<number>);
  readonly count: Count;
  readonly unless: ((context: Context) => MaybePromise<boolean>) | null;
  readonly headers: readonly HeaderFormat[] | null;
  /** What divides the quota among clients, by the names that headers have for it; undefined where they have none. */
  readonly dimensions: Readonly<Record<string, true | string>> | undefined;
}

const NAME = /^[A-Za-z0-9_.-]{1,64}$/;

const PROPERTIES: readonly (keyof Rule)[] = [
  "name",
  "rate",
  "key",
  "on",
  "algorithm",
  "cost",
  "count",
  "unless",
  "stage",
  "mode",
  "block",
  "onStoreFailure",
  "headers",
];

const BLOCK_PROPERTIES = ["after", "window", "for", "growth", "max"];

/** The words a property may be, where it has such. */
const CHOICES: readonly (readonly [keyof Rule, readonly string[]])[] = [
  ["stage", ["before-auth", "after-auth"]],
  ["mode", ["enforce", "shadow"]],
  ["onStoreFailure", ["local", "allow", "deny"]],
];

/** The rate of a rule that limits nothing: `rate: null`. */
export const unlimited = (): null => null;

/** A refusal of a rule, in one sentence. */
function refuse(subject: string, demand: string, value: unknown): never {
  throw new TypeError(cannot(`use ${subject}`, demand, value));
}

/** Is this a cost that can be charged? */
export function isCost(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/**
 * The policy of a rate under an algorithm: at construction for a static rate, per request for one from a function.
 *
 * @throws {TypeError | RangeError} When the rate is unusable, or the algorithm cannot do it exactly.
 */
export function policyOf(
  rate: unknown,
  { name, mode, implementation }: Pick<CompiledRule, "name" | "mode" | "implementation">,
  subject = `rule "${name}"`,
): Policy {
  const { limit, windowMs: own } = parseRate(rate, subject);
  const brought = implementation.window;
  if (own === null && brought === undefined) refuse(subject, "rate must have a window", rate);
  if (own !== null && brought !== undefined) {
    refuse(subject, `rate must be { limit } alone for ${implementation.name ?? "this algorithm"}`, rate);
  }
  const windowMs = own ?? brought as number;
  const cannot = implementation.unsupported?.(limit, windowMs) ?? null;
  if (cannot !== null) throw new RangeError(`Cannot use ${subject} as ${cannot}`);
  return { name, limit, windowMs, mode };
}

function blockOf(block: NonNullable<Rule["block"]>, subject: string): Block {
  if (typeof block !== "object" || block === null) {
    refuse(subject, "block must be { after, window, for }", block);
  }
  requireNames(block, BLOCK_PROPERTIES, `use ${subject}`, "block");
  const { after, growth = 1 } = block;
  if (!(Number.isSafeInteger(after) && after >= 1 && after <= 1000)) {
    refuse(subject, "block.after must be an integer from 1 to 1000", after);
  }
  if (!(typeof growth === "number" && growth >= 1 && Number.isFinite(growth))) {
    refuse(subject, "block.growth must be a number of at least 1", growth);
  }
  const forMs = durationMs(block.for, subject, "block.for");
  const maxMs = block.max === undefined
    ? Math.max(forMs, 86_400_000)
    : durationMs(block.max, subject, "block.max");
  if (maxMs < forMs) refuse(subject, "block.max must be at least block.for", block.max);
  return { after, windowMs: durationMs(block.window, subject, "block.window"), forMs, growth, maxMs };
}

function prepareRule(
  written: Rate | Rule,
  index: number,
  taken: Set<string>,
): PreparedRule {
  const place = `rule ${index + 1}`;
  if (written === null) refuse(place, "it must be a rate or a rule ({ rate: null } is unlimited)", written);
  const isRule = typeof written === "object" && "rate" in written;
  const rule: Rule = isRule ? written : { rate: written };
  const { name: given, rate, cost = 1, count = "all", unless, mode = "enforce", headers } = rule;
  if (given !== undefined && !(typeof given === "string" && NAME.test(given))) {
    refuse(place, `its name must match ${NAME}`, given);
  }
  const subject = given === undefined ? place : `rule "${given}"`;
  if (given !== undefined && taken.has(given)) {
    refuse(subject, "its name must be unique in the throttle", given);
  }
  requireNames(rule, PROPERTIES, `use ${subject}`);
  for (const [property, words] of CHOICES) {
    const value = rule[property];
    if (value !== undefined && !words.includes(value as string)) {
      refuse(subject, `${property} must be one of ${words.map(shown).join(", ")}`, value);
    }
  }
  const { key = byIp(), algorithm = fixedWindow() } = rule;
  if (typeof key !== "function") refuse(subject, "key must be a function", key);
  if (typeof algorithm !== "object" || algorithm === null || typeof algorithm.step !== "function") {
    refuse(subject, "algorithm must be an object with a step function", algorithm);
  }
  const stage = rule.stage ?? key.stage ?? "before-auth";
  if (stage === "before-auth" && key.stage === "after-auth") {
    refuse(
      subject,
      `its key (${key.keyName ?? "key"}) needs an identity, so stage must be "after-auth"`,
      stage,
    );
  }
  if (typeof cost !== "function" && !isCost(cost)) {
    refuse(subject, "cost must be an integer of at least 0, or a function", cost);
  }
  if (typeof count !== "function" && !["all", "failures", "successes"].includes(count)) {
    refuse(subject, `count must be "all", "failures", "successes" or a function`, count);
  }
  if (unless !== undefined && typeof unless !== "function") {
    refuse(subject, "unless must be a function", unless);
  }
  if (
    headers !== undefined && !(Array.isArray(headers) && headers.every((h) => typeof h?.write === "function"))
  ) {
    refuse(subject, "headers must be a list of header formats", headers);
  }
  if (algorithm.window !== undefined && !(Number.isSafeInteger(algorithm.window) && algorithm.window >= 1)) {
    refuse(subject, "its algorithm's window must be a whole number of ms, at least 1", algorithm.window);
  }
  if (count !== "all" && algorithm.heldWhileRunning === true) {
    refuse(subject, `count must be "all" where every request gives back what it holds at its end`, count);
  }

  const listed = typeof rule.on === "string" ? [rule.on] : rule.on;
  if (listed !== undefined && !Array.isArray(listed)) {
    refuse(subject, "on must be a pattern or a list of patterns", rule.on);
  }
  const patterns = listed?.map((text) => parsePattern(text, subject)) ?? null;
  const on = patterns?.map((pattern) => pattern.text) ?? [];

  const implementation = rule.block === undefined
    ? algorithm as Algorithm
    : withBlock(algorithm, blockOf(rule.block, subject)) as Algorithm;

  let name = given;
  if (name === undefined) {
    const base = derivedName(key, on, quantityText(rate, algorithm, subject));
    name = base;
    for (let n = 2; taken.has(name); n++) name = `${base.slice(0, 60)}-${n}`;
  }
  taken.add(name);
  const policy = typeof rate === "function" || rate === null
    ? null
    : policyOf(rate, { name, mode, implementation }, subject);
  return {
    index,
    isNamed: given !== undefined,
    name,
    limit: policy?.limit ?? null,
    windowMs: policy?.windowMs ?? null,
    algorithm: algorithm.name ?? "custom",
    stage,
    mode,
    on,
    stateName: stateName(name, implementation, policy?.windowMs ?? null),
    implementation,
    onStoreFailure: rule.onStoreFailure ?? null,
    refundable: count !== "all" || algorithm.heldWhileRunning === true,
    key,
    patterns,
    policy,
    rate: typeof rate === "function" ? rate : rate === null ? unlimited : null,
    cost,
    count,
    unless: unless ?? null,
    headers: headers ?? null,
    dimensions: dimensionsOf(key, (patterns ?? []).map(({ methods }) => methods), subject),
  };
}

/**
 * Rules made ready to run.
 *
 * @param rules One rule or rate, or a list of at least one.
 * @throws {TypeError | RangeError} On the first thing that is wrong, in a sentence with the rule and the value.
 */
export function prepareRules(rules: Rate | Rule | readonly (Rate | Rule)[]): readonly PreparedRule[] {
  const list: readonly (Rate | Rule)[] = Array.isArray(rules) ? rules : [rules as Rate | Rule];
  if (list.length === 0) {
    throw new TypeError(cannot("create a throttle", "it needs at least one rule", list));
  }
  // Given names first: a derived one must not take the name that a later rule was given.
  const taken = new Set<string>();
  const given = new Set(list.map((rule) => (rule as Rule | null)?.name).filter((name) => name !== undefined));
  return list.map((rule, index) => {
    const name = (rule as Rule | null)?.name;
    const others = name === undefined ? new Set([...taken, ...given as Set<string>]) : taken;
    const prepared = prepareRule(rule, index, others);
    taken.add(prepared.name);
    return prepared;
  });
}
