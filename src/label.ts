/**
 * Rate headers on responses.
 *
 * @module
 */

import { hasNumbers, refuses } from "./decision.ts";
import type { HeaderFormat, Report } from "./headers/format.ts";
import type { PreparedRule } from "./rule.ts";
import type { Part } from "./trip.ts";

/** Writes what was decided into headers. */
export type Labeller = (headers: Headers, parts: readonly Part[]) => void;

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

/** Applies a change to headers: in place where they can be changed, else on a copy of the response with the same body. */
function changed<A>(
  response: Response,
  headers: Headers,
  change: (headers: Headers, arg: A) => void,
  arg: A,
): Response {
  try {
    change(headers, arg);
    return response;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const copy = new Response(response.body, response);
    change(copy.headers, arg);
    return copy;
  }
}

/**
 * Applies a change to a response's headers: in place where they can be changed, else on a copy with the
 * same body. Headers of a fetched response and of `Response.redirect()` cannot on most runtimes.
 */
export function withHeaders<A>(
  response: Response,
  change: (headers: Headers, arg: A) => void,
  arg?: A,
): Response {
  const headers = openHeaders(response);
  return headers === null ? response : changed(response, headers, change, arg as A);
}

/** What one client was told, and the next must not be. */
const TOLD = /^(x-)?ratelimit(-|$)/;

/**
 * {@link withHeaders}, for what tells one client only. A handler may give one and the same object time and again
 * (`const NOT_FOUND = new Response(...)`), and its headers are written in place: from the second time on they are written
 * on a copy, without what was told the first time.
 *
 * @param mark The throttle's own: several throttles label one response.
 * @param denied Is it a refusal? Its Retry-After is then ours too.
 */
export function withOwnHeaders<A>(
  response: Response,
  mark: symbol,
  denied: boolean,
  change: (headers: Headers, arg: A) => void,
  arg: A,
): Response {
  const headers = openHeaders(response);
  if (headers === null) return response;
  const marked = response as Response & Record<symbol, true | undefined>;
  if (marked[mark] === undefined) {
    marked[mark] = true;
    return changed(response, headers, change, arg);
  }
  const copy = new Response(response.body, response);
  for (const name of [...copy.headers.keys()]) {
    if (TOLD.test(name) || (denied && name === "retry-after")) copy.headers.delete(name);
  }
  change(copy.headers, arg);
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

/** Is this part told to clients? Shadow rules are not, nor numbers that mean nothing. */
function isTold(part: Part): boolean {
  return part.mode === "enforce" && hasNumbers(part);
}

/** What to say of some of a request's parts; `denied` where others of them refused it, `fresh` for the headers of a fresh response. */
function reportOf(parts: readonly Part[], denied: boolean, fresh: boolean): Report {
  let told = 0;
  let refused = denied;
  let waitMs = 0;
  for (const part of parts) {
    if (isTold(part)) told++;
    if (!refuses(part)) continue;
    refused = true;
    waitMs = Math.max(waitMs, part.retryAfterMs);
  }
  return {
    denied: refused,
    quotas: told === parts.length ? parts : parts.filter(isTold),
    // Where waiting cannot help, nothing is said.
    retryAfterMs: waitMs > 0 && waitMs < Infinity ? waitMs : null,
    at: parts[0].at,
    fresh,
  };
}

/** How a throttle's responses are labelled. */
export interface Labels {
  /** Writes into headers that may tell of quotas already. */
  readonly join: Labeller;
  /** Writes into those of a fresh response, which do not. */
  readonly fresh: Labeller;
}

/**
 * Compiles the formats of a throttle and of its rules.
 *
 * @param rules The rules; those with formats of their own use these instead.
 * @param formats The throttle's formats.
 */
export function compileLabels(rules: readonly PreparedRule[], formats: readonly HeaderFormat[]): Labels {
  const used = new Map<HeaderFormat, Set<PreparedRule>>();
  for (const rule of rules) {
    for (const format of rule.headers ?? formats) {
      used.set(format, (used.get(format) ?? new Set()).add(rule));
    }
  }
  const plans = [...used].map(([format, users]) => ({
    format,
    users: users.size === rules.length ? null : users,
    described: Object.entries(format.describe ?? {}),
  }));
  // Of a request that may pass some have nothing to say.
  const always = plans.filter(({ described }) =>
    described.length === 0 || described.some(([, { on }]) => on !== "denied")
  );
  const written = plans.flatMap(({ described }) => described.map(([name]) => name));
  const names = [...new Set(written)];
  // Of two formats that write one header the second finds what the first wrote.
  const isOnceEach = plans.every(({ described }) => described.length > 0) &&
    new Set(written.map((name) => name.toLowerCase())).size === written.length;

  function labeller(fresh: boolean): Labeller {
    return (headers, parts) => {
      if (parts.length === 0) return;
      const whole = reportOf(parts, false, fresh);
      for (const { format, users } of whole.denied ? plans : always) {
        const own = users === null ? parts : parts.filter(({ rule }) => users.has(rule));
        if (own.length > 0) format.write(headers, own === parts ? whole : reportOf(own, whole.denied, fresh));
      }
      if (!fresh) expose(headers, names);
    };
  }
  return { join: labeller(false), fresh: labeller(isOnceEach) };
}
