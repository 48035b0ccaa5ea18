/**
 * The interface of a rate header format: how decisions are written for the client.
 *
 * @module
 */

import type { Algorithm, Policy } from "../algorithms/algorithm.ts";
import { type Decision, share } from "../decision.ts";
import { AT_ONCE, requireResult } from "../options.ts";
import { remainingUnits, whole } from "./numbers.ts";

/** One rule's quota as headers show it: the numbers of its decision, and how its algorithm counts. */
export interface Quota extends
  Pick<
    Decision,
    "limit" | "windowMs" | "cost" | "allowed" | "remaining" | "resetAfterMs" | "retryAfterMs"
  > {
  /** The time for which the rule's block still refuses outright, in ms; 0 when there is none. */
  readonly blockedMs: number;
  /** The rule's name. */
  readonly name: string;
  /** The algorithm's unit. Default "requests". */
  readonly unit?: Algorithm["unit"];
  /** The unit of the calendar whose current period is the window. Default: the window has a fixed length. */
  readonly every?: Policy["every"];
  /** Do units come back one by one, rather than all at the window's end? Default false. */
  readonly refillsGradually?: boolean | undefined;
  /**
   * The dimensions that divide the quota among clients, by the names of RateLimit-Partition: `true` where each value has a
   * quota of its own (`user_id`), a token where the rule is for that value alone (`method: "GET"`). Default: not known.
   */
  readonly dimensions?: Readonly<Record<string, true | string>> | undefined;
}

/** The quotas and the wait that a response reports for its request. */
export interface Report {
  /** Was the request refused? */
  readonly denied: boolean;
  /**
   * The enforced rules that have this format and numbers, in rule order; on a denial the refusing ones and those that would have
   * passed. None where only rules without this format refuse, or nothing has numbers.
   */
  readonly quotas: readonly Quota[];
  /**
   * Ms the refused client must wait: the longest wait of all refusing rules, whichever formats they have. Null when allowed, or
   * when waiting cannot help.
   */
  readonly retryAfterMs: number | null;
  /** Epoch ms at which the report is made. */
  readonly at: number;
  /** The response's status. Default 200. */
  readonly status?: number;
  /** Did a throttle within this one refuse the request? Then its state is the one to send. Default false. */
  readonly deniedWithin?: boolean;
}

/** The fields that a response has already: from a nested throttle, an upstream, or an earlier format. */
export type HeadersThere = Pick<Headers, "get" | "has">;

/** Fields to send: the text of each by its name. */
export type HeaderFields = Readonly<Record<string, string>>;

/** Fields that can be changed: the headers of a response, or those of one that is not made yet. */
export type WritableFields = Pick<Headers, "get" | "has" | "set" | "delete">;

/**
 * Sets fields, each in the place of the field of its name; one without text is removed.
 *
 * @returns The fields that were changed.
 * @throws {TypeError} Where they are a promise: nobody waits for it.
 */
export function setFields<F extends WritableFields>(fields: F, given: HeaderFields): F {
  let isEmpty = true;
  for (const name in given) {
    isEmpty = false;
    // A format that is written in JavaScript may give undefined, too.
    const text = given[name];
    if (text) fields.set(name, text);
    else fields.delete(name);
  }
  // A promise has no names.
  if (isEmpty) requireResult(given, AT_ONCE, "a header format");
  return fields;
}

/** No fields. */
export const NO_FIELDS: HeaderFields = {};

/** A field that ours may have to be joined to; null where there is none, which `has` finds sooner than `get`. */
export function fieldThere(there: HeadersThere, name: string): string | null {
  return there.has(name) ? there.get(name) : null;
}

/** The description of one header for an API's users (OpenAPI). */
export interface HeaderDescription {
  /** The meaning of the header, in a sentence. */
  readonly description: string;
  /** Sent on which responses. */
  readonly on: "every" | "denied";
  /** Sent on redirects (3xx) too? Default true. */
  readonly redirects?: boolean;
  /** May it be missing on one of those whose quotas have numbers? Default false. */
  readonly optional?: boolean;
  /** A JSON schema of the value, when it has no parameters; else the value is described as text. */
  readonly schema?: Readonly<Record<string, unknown>>;
  /** A value as the server sends it. */
  readonly example: string;
}

/** A way to write quotas as response headers. */
export interface HeaderFormat {
  /**
   * Gives the fields to send, by name: the throttle sets them, each in the place of the field of that name that is there. Where
   * a nested throttle or an upstream sent one, give both joined, or leave yours out. An empty text removes the field.
   *
   * @param report The report to write.
   * @param there The fields that the response has already, to be read alone: refusals share them.
   */
  fields(report: Report, there: HeadersThere): HeaderFields;
  /**
   * The headers this format sends, by name as sent. A format that sends all of them on denials only is about the denial rather
   * than about a rule: it is asked then only, and whichever rule refuses.
   */
  readonly describe?: Readonly<Record<string, HeaderDescription>>;
}

/**
 * Do the headers that a nested throttle or an upstream wrote stay, rather than `ours`?
 *
 * @param there The fields that the response has.
 * @param limit The limit of those headers, as text.
 * @param remaining The remaining units of those headers, as text.
 * @param ours The quota that we would write.
 */
export function isTighter(
  there: HeadersThere,
  limit: string,
  remaining: string | null,
  ours: Quota,
): boolean {
  if (remaining === null || !ours.allowed) return false;
  // A text that is no number (two joined by a comma, say) no client can read: ours is better.
  if (!/^\d+$/.test(limit) || !/^\d+$/.test(remaining)) return false;
  // A wait that we did not ask for: the response is the other one's refusal, and so are its numbers.
  if (there.has("retry-after")) return true;
  return share({ limit: Number(limit), remaining: Number(remaining) }) <=
    share({ limit: whole(ours.limit), remaining: remainingUnits(ours) });
}

/**
 * May a format that writes one quota write this one? Not on a denial by something else: a client that is refused would read
 * that it has units left.
 */
export function mayBeSent(ours: Quota, { denied, deniedWithin }: Report): boolean {
  return denied ? !ours.allowed : deniedWithin !== true;
}

/**
 * Does the response get the three fields of a quota? Not where it is a denial by something else, nor where the fields that are
 * there describe a tighter quota.
 *
 * @param limit The name of the field with the limit.
 * @param remaining The name of the field with the remaining units.
 * @param ours The quota.
 * @param report The report that is being written.
 * @param there The fields that the response has.
 */
export function isSent(
  limit: string,
  remaining: string,
  ours: Quota,
  report: Report,
  there: HeadersThere,
): boolean {
  if (!mayBeSent(ours, report)) return false;
  // `has` finds sooner than `get` that there is none.
  return !there.has(limit) || !isTighter(there, there.get(limit) ?? "", there.get(remaining), ours);
}
