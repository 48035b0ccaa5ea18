/**
 * Rate headers on responses.
 *
 * @module
 */

import { hasNumbers, refuses } from "../decision.ts";
import type { HeaderFormat, Report } from "../headers/format.ts";
import type { PreparedRule } from "../rules/rule.ts";
import type { RuleCheck } from "../exchange/exchange.ts";

/** Writes what was decided into headers: those of `response`, or, without one, those of a response with status 200. */
export type HeaderWriter = (headers: Headers, checks: readonly RuleCheck[], response?: Response) => void;

/** Marks the refusals of throttles: a throttle around one has nothing to add to what they tell. */
const REFUSAL = Symbol("weir.refusal");
type Marked = Response & Record<symbol, unknown>;

/** The headers of a response; null for what is none. Not by `instanceof`: servers put classes of their own in the place of the global one. */
function headersOf(value: unknown): Headers | null {
  const headers = (value as Response | null | undefined)?.headers;
  return typeof headers?.set === "function" ? headers : null;
}

/** Is this a response? */
export function isResponse(value: unknown): value is Response {
  return headersOf(value) !== null;
}

/**
 * The headers of a response that may be labelled; null for what stays as it is. A 101 and what has status 0
 * (`Response.error()`) cannot be copied, and what a handler returns to say that it upgraded the connection is no response.
 */
function openHeaders(response: Response): Headers | null {
  const headers = headersOf(response);
  return headers === null || response.status < 200 ? null : headers;
}

/** A change to the headers of a response. */
type Change<A> = (headers: Headers, arg: A, response: Response) => void;

/** Applies a change to headers: in place where they can be changed, else on a copy of the response with the same body. */
function changed<A>(response: Response, headers: Headers, change: Change<A>, arg: A): Response {
  try {
    change(headers, arg, response);
    return response;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const copy = new Response(response.body, response);
    change(copy.headers, arg, copy);
    return copy;
  }
}

/**
 * Applies a change to a response's headers: in place where they can be changed, else on a copy with the
 * same body. Headers of a fetched response and of `Response.redirect()` cannot on most runtimes.
 */
export function withHeaders<A>(response: Response, change: Change<A>, arg?: A): Response {
  const headers = openHeaders(response);
  return headers === null ? response : changed(response, headers, change, arg as A);
}

/** What one client was told, and the next must not be. */
const TOLD = /^(x-)?ratelimit(-|$)/;

/**
 * {@link withHeaders}, for what tells one client only. A handler may give one and the same object time and again
 * (`const NOT_FOUND = new Response(...)`), and its headers are written in place: for every passage but the first they are
 * written on a copy, without what was told on that one. What the same throttle told earlier on the same passage, where it is
 * around another use of itself, is joined.
 *
 * @param mark The throttle's own: several throttles label one response.
 * @param passage The exchange's: which request this is, through however many throttles.
 * @param denied Is it a refusal? Its Retry-After is then ours too.
 */
export function withOwnHeaders<A>(
  response: Response,
  mark: symbol,
  passage: number,
  denied: boolean,
  change: Change<A>,
  arg: A,
): Response {
  const headers = openHeaders(response);
  if (headers === null) return response;
  const marked = response as Marked;
  const last = marked[mark];
  if (last === undefined || last === passage) {
    marked[mark] = passage;
    return changed(response, headers, change, arg);
  }
  const copy = new Response(response.body, response);
  for (const name of [...copy.headers.keys()]) {
    if (TOLD.test(name) || (denied && name === "retry-after")) copy.headers.delete(name);
  }
  change(copy.headers, arg, copy);
  return copy;
}

/** Lets scripts of other origins read the rate headers, where the response is theirs to read at all (Fetch, CORS-safelisted response names). */
export function expose(headers: Headers, names: readonly string[]): void {
  if (!headers.has("access-control-allow-origin")) return;
  const shown = headers.get("access-control-expose-headers")?.split(",").map((name) => name.trim()) ?? [];
  const known = new Set(shown.map((name) => name.toLowerCase()));
  const missing = names.filter((name) => !known.has(name.toLowerCase()) && headers.has(name));
  if (missing.length > 0) headers.set("access-control-expose-headers", [...shown, ...missing].join(", "));
}

/** Marks a throttle's refusal, so that the throttles around it tell nothing else in its place. */
export function markRefusal(response: Response): Response {
  if (isResponse(response)) (response as Marked)[REFUSAL] = true;
  return response;
}

/** Is this part told to clients? Shadow rules are not, nor numbers that mean nothing. */
function isTold(check: RuleCheck): boolean {
  return check.mode === "enforce" && hasNumbers(check);
}

/** What to say of a request's parts, of which there is one at least; `fresh` for the headers of a fresh response. */
function reportOf(checks: readonly RuleCheck[], fresh: boolean, response: Response | undefined): Report {
  let told = 0;
  let refused = false;
  let waitMs = 0;
  for (const check of checks) {
    if (isTold(check)) told++;
    if (!refuses(check)) continue;
    refused = true;
    waitMs = Math.max(waitMs, check.retryAfterMs);
  }
  return {
    denied: refused,
    quotas: told === checks.length ? checks : checks.filter(isTold),
    // Where waiting cannot help, nothing is said.
    retryAfterMs: waitMs > 0 && waitMs < Infinity ? waitMs : null,
    at: checks[0].at,
    fresh,
    status: response?.status ?? 200,
    deniedWithin: !refused && (response as Marked | undefined)?.[REFUSAL] === true,
  };
}

/** How a throttle's responses are labelled. */
export interface Labels {
  /** Writes into headers that may tell of quotas already. */
  readonly join: HeaderWriter;
  /** Writes into those of a fresh response, which do not. */
  readonly fresh: HeaderWriter;
}

/** Is the format about denials as such, as Retry-After is, rather than about rules? Then it speaks whichever rule refuses. */
function isOfDenials({ describe = {} }: HeaderFormat): boolean {
  const described = Object.values(describe);
  return described.length > 0 && described.every(({ on }) => on === "denied");
}

/**
 * The formats that write something where a rule refuses: its own or else the throttle's, and whatever of the throttle is about
 * denials as such. A client must read how long to wait, also where the rule that refuses it has formats of its own.
 *
 * @param rule The rule.
 * @param rules All rules of the throttle.
 * @param formats The throttle's formats.
 */
export function formatsOf(
  { headers }: PreparedRule,
  rules: readonly PreparedRule[],
  formats: readonly HeaderFormat[],
): readonly HeaderFormat[] {
  const all = [...formats, ...rules.flatMap(({ headers }) => headers ?? [])];
  return [...new Set([...headers ?? formats, ...all.filter(isOfDenials)])];
}

/**
 * Compiles the formats of a throttle and of its rules.
 *
 * @param rules The rules; those with formats of their own use these instead.
 * @param own The throttle's formats.
 */
export function compileHeaders(rules: readonly PreparedRule[], own: readonly HeaderFormat[]): Labels {
  const used = new Map<HeaderFormat, Set<PreparedRule>>();
  for (const rule of rules) {
    for (const format of rule.headers ?? own) used.set(format, (used.get(format) ?? new Set()).add(rule));
  }
  for (const format of own.filter(isOfDenials)) used.set(format, used.get(format) ?? new Set());
  const plans = [...used].map(([format, users]) => ({
    format,
    users: users.size === rules.length ? null : users,
    ofDenials: isOfDenials(format),
    described: Object.entries(format.describe ?? {}),
  }));
  // Formats for requests that pass.
  const always = plans.filter(({ ofDenials }) => !ofDenials);
  const written = plans.flatMap(({ described }) => described.map(([name]) => name));
  const names = [...new Set(written)];
  // Of two formats that write one header the second finds what the first wrote.
  const isOnceEach = plans.every(({ described }) => described.length > 0) &&
    new Set(written.map((name) => name.toLowerCase())).size === written.length;

  function labeller(fresh: boolean): HeaderWriter {
    return (headers, checks, response) => {
      if (checks.length === 0) return;
      const whole = reportOf(checks, fresh, response);
      for (const { format, users, ofDenials } of whole.denied ? plans : always) {
        if (users === null) {
          format.write(headers, whole);
          continue;
        }
        const own = checks.filter(({ rule }) => users.has(rule));
        if (own.length > 0 || ofDenials) format.write(headers, { ...whole, quotas: own.filter(isTold) });
      }
      if (!fresh) expose(headers, names);
    };
  }
  return { join: labeller(false), fresh: labeller(isOnceEach) };
}
