/**
 * The decision on one request under one rule, and how several decisions are read together.
 *
 * @module
 */

/** Whether a rule refuses requests, or only says that it would. */
export type Mode = "enforce" | "shadow";

/**
 * Where a decision came from: the `store`; this instance's cache of certain refusals (`deny-cache`); units
 * taken ahead (`lease`); this instance's own counts while the store is out of reach (`local`); the rule
 * itself, for a cost above its burst (`rule`); or the failure policy (`allowed-by-policy`,
 * `denied-by-policy`), in which case the numbers mean nothing and are not sent.
 */
export type Source =
  | "store"
  | "deny-cache"
  | "lease"
  | "local"
  | "rule"
  | "allowed-by-policy"
  | "denied-by-policy";

/** The verdict of one rule on one request. */
export interface Decision {
  /** The rule's name. */
  rule: string;
  /** The quota: requests (or units of cost) per window. */
  limit: number;
  /** The window in ms. */
  windowMs: number;
  /** The request's cost in units. */
  cost: number;
  /** A `shadow` decision never refuses the request. */
  mode: Mode;
  /** For the decision of a trial: the name of the rule that it is the trial of. Its mode is `shadow`. */
  trialOf?: string;
  /** Would this rule let the request pass? */
  allowed: boolean;
  /** Whole units left. Uncharged when the request was refused, by this rule or by another, and in a peek. */
  remaining: number;
  /** Ms until nothing is used any more, if nothing else comes. */
  resetAfterMs: number;
  /** Ms until this cost passes; 0 when allowed, Infinity when it never can. Exact: 1 ms earlier is refused. */
  retryAfterMs: number;
  /** Ms for which the rule's `block` still refuses whatever comes; the quota may refuse for longer. 0 where no block refuses. */
  blockedMs: number;
  /** Where the verdict came from. */
  source: Source;
  /** When it was decided, epoch ms by the clock that decided it. */
  at: number;
}

/** A decision as a store returns it. The throttle fills in the three that a store may leave out. */
export interface StoreDecision extends Omit<Decision, "blockedMs" | "at" | "trialOf"> {
  /** See {@link Decision.blockedMs}. Default 0. */
  blockedMs?: number;
  /** When it was decided, epoch ms by the store's clock. Default: the time at which the answer arrives. */
  at?: number;
  /**
   * The time under which the charge was recorded, epoch ms: the step's `at` (a window's start, a log entry's time), or the
   * time of the decision where the step has none. A later correction passes it back as `since`, so that it
   * reaches this charge and no other. Handlers never see it. Default: `at`.
   */
  chargedAt?: number;
}

/** A store's decision with nothing left out, as every decision is behind {@link StoreDecision}'s defaults. */
export type ChargedDecision = Required<StoreDecision>;

/** The members of a decision that are unknown before it is made. */
export interface Verdict {
  allowed: boolean;
  remaining: number;
  resetAfterMs: number;
  retryAfterMs: number;
  blockedMs: number;
  /** Null until there is a verdict. */
  source: Source | null;
  at: number;
  chargedAt: number;
}

/** The numbers of a verdict, as a step or a decision has them. */
type Numbers =
  & Pick<Verdict, "allowed" | "remaining" | "resetAfterMs" | "retryAfterMs">
  & { readonly blockedMs?: number | undefined };

/** Writes the numbers of a step or of a decision into a verdict, with the source and the two times. */
export function writeVerdict(
  verdict: Verdict,
  numbers: Numbers,
  source: Source,
  at: number,
  chargedAt: number,
): void {
  verdict.allowed = numbers.allowed;
  verdict.remaining = numbers.remaining;
  verdict.resetAfterMs = numbers.resetAfterMs;
  verdict.retryAfterMs = numbers.retryAfterMs;
  verdict.blockedMs = numbers.blockedMs ?? 0;
  verdict.source = source;
  verdict.at = at;
  verdict.chargedAt = chargedAt;
}

/** Does this decision refuse the request? Shadow decisions never do. */
export function refuses(decision: Pick<Decision, "allowed" | "mode">): boolean {
  return !decision.allowed && decision.mode === "enforce";
}

/**
 * The enforced rule that refuses, by its name: "" where several rules refuse, undefined where none does. A check that allows is
 * charged where none refuses; that of a trial also where the one that refuses is the rule on trial, `trialOf`.
 */
export function refuserOf(
  decisions: readonly Pick<Decision, "rule" | "allowed" | "mode">[],
): string | undefined {
  const [first, second] = decisions.filter(refuses);
  return second ? "" : first?.rule;
}

/** Do this decision's numbers describe the rule's quota? A verdict by failure policy has none. */
export function hasNumbers({ source }: Pick<Verdict, "source">): boolean {
  return source !== "allowed-by-policy" && source !== "denied-by-policy";
}

/** The part of the quota that is left, from 0 to 1. */
export function share({ limit, remaining }: Pick<Decision, "limit" | "remaining">): number {
  return limit === 0 ? 0 : remaining / limit;
}

/**
 * The decision of two that a client must mind first: a refusing one (the longer wait of two), else the one with the
 * smaller remaining share; of equals `first`.
 *
 * @param first A decision, or a quota of a header format's report.
 * @param second Another one.
 * @returns One of them.
 */
export function tighter<T extends Pick<Decision, "allowed" | "retryAfterMs" | "limit" | "remaining">>(
  first: T,
  second: T,
): T {
  if (first.allowed !== second.allowed) return first.allowed ? second : first;
  if (!first.allowed) return second.retryAfterMs > first.retryAfterMs ? second : first;
  return share(second) < share(first) ? second : first;
}

/**
 * The decision that a client must mind first of all. A header format with room for one rule shows this one.
 *
 * @param decisions Decisions, or the quotas of a header format's report, of rules that enforce; at least one.
 * @returns One of them.
 *
 * @example A header format of one's own
 * ```ts
 * import { type HeaderFormat, tightest, withThrottle } from "@weir/throttle";
 * import { strictEqual } from "node:assert/strict";
 *
 * const left: HeaderFormat = {
 *   fields: ({ quotas }) => quotas.length > 0 ? { "X-Left": String(tightest(quotas).remaining) } : {},
 * };
 * const handler = withThrottle(() => new Response("hello"), ["60/min", "1000/day"], {
 *   client: { address: () => "192.0.2.1" },
 *   headers: [left],
 * });
 * strictEqual((await handler(new Request("https://example.com/"))).headers.get("x-left"), "59");
 * ```
 */
export function tightest<T extends Pick<Decision, "allowed" | "retryAfterMs" | "limit" | "remaining">>(
  decisions: readonly T[],
): T {
  let found = decisions[0];
  for (let i = 1; i < decisions.length; i++) found = tighter(found, decisions[i]);
  return found;
}
