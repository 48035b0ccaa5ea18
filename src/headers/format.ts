/**
 * The interface of a rate header format: how decisions are told to the client.
 *
 * @module
 */

import type { Algorithm } from "../algorithms/algorithm.ts";
import type { Decision, Standing } from "../decision.ts";

/** One rule's state, to be told: its decision, and how its algorithm counts. */
export interface Quota {
  /** A live decision with real numbers. */
  readonly decision: Decision;
  /** The rule's algorithm; formats read its `gradual` and `unit`. */
  readonly algorithm: Algorithm;
  /**
   * What divides the quota among clients, by the names of RateLimit-Partition: `true` where each value has a quota of its own
   * (`user_id`), a token where the rule is for that value alone (`method: "GET"`). Default: not known.
   */
  readonly dimensions?: Readonly<Record<string, true | string>> | undefined;
}

/** A quota whose decision is made for whoever asks for it: a throttle's own. */
interface LiveQuota extends Quota {
  readonly standing: Standing;
}

/** What is to be told of a quota. */
export function standingOf(quota: Quota): Standing {
  return (quota as Partial<LiveQuota>).standing ?? { ...quota.decision, name: quota.decision.rule };
}

/** What a response says about its request's quotas. */
export interface Report {
  /** Was the request refused? */
  readonly denied: boolean;
  /**
   * The live rules that have this format and numbers, in rule order; on a denial the refusing ones and those that would have
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
  /** Is it for a fresh response, whose headers say nothing of quotas yet? Then there is nothing to join. Default false. */
  readonly fresh?: boolean;
  /** The response's status. Default 200. */
  readonly status?: number;
  /** Did a throttle within this one refuse the request? Then its state is the one to tell. Default false. */
  readonly deniedWithin?: boolean;
}

/** A header that a report may have to be joined to; null where there is none, which `has` says sooner than `get`. */
export function headerThere(headers: Headers, name: string, { fresh }: Report): string | null {
  return fresh === true || !headers.has(name) ? null : headers.get(name);
}

/** How one header is described to an API's users (OpenAPI). */
export interface HeaderDescription {
  /** What the header says, in a sentence. */
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

/** A way to write quotas into response headers. */
export interface HeaderFormat {
  /**
   * Writes the report into a response's headers. What is there already (from a nested throttle or an upstream) is joined, not overwritten.
   *
   * @param headers The response's headers, mutable.
   * @param report What to tell.
   */
  write(headers: Headers, report: Report): void;
  /**
   * The headers this format sends, by name as sent. A format that sends all of them on denials only is about the denial rather
   * than about a rule: it is asked then only, and whichever rule refuses.
   */
  readonly describe?: Readonly<Record<string, HeaderDescription>>;
}
