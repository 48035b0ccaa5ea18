/**
 * Rate headers on responses.
 *
 * @module
 */

import { hasNumbers, refuses } from "../decision.ts";
import {
  type HeaderFields,
  type HeaderFormat,
  type Report,
  setFields,
  type WritableFields,
} from "../headers/format.ts";
import { InitFields } from "../headers/init_fields.ts";
import type { Denial } from "../rejections/denial.ts";
import type { PreparedRule } from "../rules/rule.ts";
import { onBodyEnd } from "../exchange/body_end.ts";
import type { Exchange } from "../exchange/exchange.ts";
import {
  exposing,
  type Marked,
  markRefusal,
  newResponse,
  REFUSAL,
  type Refusal,
  withHeaders,
} from "../exchange/response.ts";
import { holds, type RuleCheck } from "../exchange/rule_check.ts";
import { waitUntil } from "../exchange/wait_until.ts";
import type { MaybePromise } from "../maybe.ts";
import type { Notifier } from "../observers/notify.ts";
import { surroundings } from "../runtime.ts";

/** A response as reports need it: one that is made, or is to be. */
type Reported = Pick<Refusal, "status" | typeof REFUSAL>;

/**
 * Writes decisions into the fields of `response`, or, without one, into those of a response with status 200.
 *
 * @param add Adds fields to others and gives both. Default: sets them in place.
 */
export type HeaderWriter = <F extends WritableFields>(
  fields: F,
  checks: readonly RuleCheck[],
  response?: Reported,
  add?: (fields: F, given: HeaderFields) => F,
) => F;

/** The headers that one client was sent, and the next must not be. */
const OF_ONE_CLIENT = /^(x-)?ratelimit(-|$)/;

/** A copy without the headers that another client was sent; Retry-After is ours too on a refusal. */
function copyForNextClient(response: Response, denied: boolean): Response {
  const copy = new Response(response.body, response);
  for (const name of [...copy.headers.keys()]) {
    if (OF_ONE_CLIENT.test(name) || (denied && name === "retry-after")) copy.headers.delete(name);
  }
  return copy;
}

interface RequestReport extends Report {
  readonly quotas: readonly RuleCheck[];
}

/** The report of a request's checks, of which there is one at least. */
function reportOf(checks: readonly RuleCheck[], response: Reported | undefined): RequestReport {
  // Once one is not shown, those that are. Not by `filter`, which takes as long as the rest of a report.
  let shown: RuleCheck[] | null = null;
  let refused = false;
  let waitMs = 0;
  for (let i = 0; i < checks.length; i++) {
    const check = checks[i];
    const { mode, windowMs } = check.policy;
    // Shadow rules are not shown to clients, nor numbers that mean nothing, as those of a rate that nobody asked for.
    if (mode !== "shadow" && windowMs > 0 && hasNumbers(check)) shown?.push(check);
    else shown ??= checks.slice(0, i);
    if (!refuses(check)) continue;
    refused = true;
    waitMs = Math.max(waitMs, check.retryAfterMs);
  }
  return {
    denied: refused,
    quotas: shown ?? checks,
    // Where waiting cannot help, no wait is sent.
    retryAfterMs: waitMs > 0 && waitMs < Infinity ? waitMs : null,
    at: checks[0].at,
    status: response?.status ?? 200,
    deniedWithin: !refused && response?.[REFUSAL] === true,
  };
}

/** Is the format about denials as such, as Retry-After is, rather than about rules? Then it is sent whichever rule refuses. */
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

/** A format, and the rules that have it: null where all have. */
interface Plan {
  readonly format: HeaderFormat;
  readonly users: readonly PreparedRule[] | null;
  readonly ofDenials: boolean;
}

/**
 * The report of the rules that have a format; null where none of them was asked. In a function of its own, as one that may make
 * a closure pays for its variables at every call.
 */
function reportFor(
  { ofDenials }: Plan,
  users: readonly PreparedRule[],
  report: RequestReport,
  checks: readonly RuleCheck[],
): RequestReport | null {
  if (!ofDenials && !checks.some(({ rule }) => users.includes(rule))) return null;
  return { ...report, quotas: report.quotas.filter(({ rule }) => users.includes(rule)) };
}

/**
 * Compiles the formats of a throttle and of its rules.
 *
 * @param rules The rules; those with formats of their own use these instead.
 * @param formats The throttle's formats.
 */
export function compileHeaders(
  rules: readonly PreparedRule[],
  formats: readonly HeaderFormat[],
): HeaderWriter {
  const used = new Set([
    ...rules.flatMap(({ headers }) => headers ?? formats),
    ...formats.filter(isOfDenials),
  ]);
  const plans: readonly Plan[] = [...used].map((format) => {
    const users = rules.filter(({ headers }) => (headers ?? formats).includes(format));
    return { format, users: users.length === rules.length ? null : users, ofDenials: isOfDenials(format) };
  });
  // Formats for requests that pass.
  const always = plans.filter(({ ofDenials }) => !ofDenials);
  const names = [...new Set(plans.flatMap(({ format }) => Object.keys(format.describe ?? {})))];

  return (fields, checks, response, add = setFields) => {
    if (checks.length === 0) return fields;
    const report = reportOf(checks, response);
    const asked = report.denied ? plans : always;
    // Not by `for of`, which takes Bun some 30 ns longer.
    for (let i = 0; i < asked.length; i++) {
      const plan = asked[i];
      const own = plan.users === null ? report : reportFor(plan, plan.users, report, checks);
      // A format finds the fields of those before it.
      if (own !== null) fields = add(fields, plan.format.fields(own, fields));
    }
    return fields.has("access-control-allow-origin") ? add(fields, exposing(fields, names)) : fields;
  };
}

/**
 * Puts the rate headers on a response, and frees the slots of its request when the response ends.
 *
 * @param denied Is the response our refusal?
 */
export type Label = (response: Response, exchange: Exchange, denied?: boolean) => Response;

/** The functions that put rate headers where they belong. */
export interface Labels {
  readonly label: Label;
  /** Makes the response to a refused request, labelled. */
  readonly refuse: (denial: Denial, exchange: Exchange) => Response;
  /** Writes the rate headers alone. */
  readonly write: (headers: Headers, exchange: Exchange, denied: boolean) => void;
}

/** The parts of a throttle that label responses. */
export interface LabelOptions {
  readonly rules: readonly PreparedRule[];
  readonly headers: readonly HeaderFormat[];
  readonly sendHeaders: "always" | "denied" | "never";
  readonly notifier: Notifier | null;
  /** Gives back the slots that the request holds while it runs. */
  readonly release: (exchange: Exchange) => MaybePromise<unknown>;
}

function releaseAtEnd(
  response: Response,
  exchange: Exchange,
  release: LabelOptions["release"],
): Response {
  const end = (): void => waitUntil(exchange.platform, release(exchange));
  const body = exchange.request.method !== "HEAD" && response?.body;
  if (body) return onBodyEnd(response, body.getReader(), end);
  end();
  return response;
}

/** @returns The functions that label the responses of a throttle. */
export function compileLabel(
  { rules, headers: formats, sendHeaders, notifier, release }: LabelOptions,
): Labels {
  const writeHeaders = compileHeaders(rules, formats);
  const sendsAlways = sendHeaders === "always";
  const sendsDenied = sendHeaders !== "never";
  const copies = ["Bun", "Deno"].some(surroundings.has);
  /** Where a response has the passage that this throttle labelled it for: several throttles label one response. */
  const mark = Symbol("weir.labelled");

  function write(headers: Headers, exchange: Exchange, denied: boolean): void {
    if (denied ? sendsDenied : sendsAlways) writeHeaders(headers, exchange.checks);
  }

  function writeMarked(headers: Headers, exchange: Exchange, response: Response): void {
    (response as Marked)[mark] = exchange.passage;
    writeHeaders(headers, exchange.checks, response);
  }

  return {
    label(given, exchange, denied = false) {
      const response = exchange.counted ?? given;
      exchange.ended = true;
      if (response) notifier?.answered(response.status);
      let labelled = response;
      if (denied ? sendsDenied : sendsAlways) {
        // A handler may give one object time and again (`const NOT_FOUND = new Response(...)`), and its headers are written in
        // place: for every passage but the first they are written on a copy, without those of the first. Headers that the same
        // throttle wrote on the same passage, where it is around another use of itself, are joined. A frozen response, which
        // takes no mark, is always copied.
        const last = (response as Marked | undefined)?.[mark] ?? exchange.passage;
        const own = last === exchange.passage ? response : copyForNextClient(response, denied);
        labelled = withHeaders(own, writeMarked, exchange);
      }
      if (denied) markRefusal(labelled);
      return exchange.matched.holds && exchange.checks.some(holds)
        ? releaseAtEnd(labelled, exchange, release)
        : labelled;
    },
    refuse(denial, exchange) {
      exchange.ended = true;
      notifier?.answered(denial.status);
      const fields = sendsDenied
        ? writeHeaders(denial.fields, exchange.checks, denial, InitFields.with)
        : denial.fields;
      const response = newResponse(denial, fields, exchange.request, copies);
      response[mark] = exchange.passage;
      // Not by `markRefusal`: whoever reads a response's headers makes the server send them the slow way.
      response[REFUSAL] = true;
      return response;
    },
    write,
  };
}
