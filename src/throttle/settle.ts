/**
 * What happens to a request's charges after its handler: real costs, refunds, slots.
 *
 * @module
 */

import type { Notifier } from "../observers/notify.ts";
import type { Source } from "../decision.ts";
import { isResponse } from "./write_headers.ts";
import { all, type MaybePromise, rescue, then, whenPromise } from "../maybe.ts";
import { cannot } from "../cannot.ts";
import { isCost } from "../rules/rule.ts";
import type { DatedStore } from "../stores/store.ts";
import type { Exchange, RuleCheck } from "../exchange/exchange.ts";

/** The ways in which charges are corrected. */
export interface Settlement {
  /** Makes a charge what it really is, once; later calls do nothing. */
  settle(trip: Exchange, part: RuleCheck, cost: number): MaybePromise<void>;
  /** Gives back what the request held while it ran: its concurrency slots. */
  release(trip: Exchange): MaybePromise<unknown>;
  /** Corrects the charges of rules that count only some responses. */
  settleByResponse(trip: Exchange, response: Response): MaybePromise<unknown>;
  /** The same for a handler that threw: it answered nothing, so "successes" are given back and all else stays. */
  settleAfterError(trip: Exchange): MaybePromise<unknown>;
}

/** Does the request hold something of this rule until its end? */
export function holds({ rule, charged, cost }: RuleCheck): boolean {
  return charged && cost > 0 && rule.implementation.heldWhileRunning === true;
}

/** What keeps the platform alive until background work is done, where it offers that (Workers' ctx, Netlify's context). */
export function keeperOf(platform: readonly unknown[]): ((work: Promise<unknown>) => void) | null {
  for (const item of platform) {
    const keeper = item as { waitUntil?(work: Promise<unknown>): void } | null | undefined;
    if (typeof keeper?.waitUntil === "function") return (work) => keeper.waitUntil?.(work);
  }
  return null;
}

/** Keeps the platform alive until the work is done. */
export function waitUntil(platform: readonly unknown[], work: MaybePromise<unknown>): void {
  whenPromise(work, (promise) => keeperOf(platform)?.(promise));
}

/** What a request really cost under a rule, by its response. */
function realCost(part: RuleCheck, response: Response, trip: Exchange): MaybePromise<number> {
  const { cost, rule: { count, name } } = part;
  if (count === "all") return cost;
  // What a handler gives to say that it upgraded the connection is no response: no failure, but no success either.
  if (!isResponse(response)) return typeof count === "function" ? cost : 0;
  if (count === "failures") return trip.failed || response.status >= 400 ? cost : 0;
  if (count === "successes") return response.ok && !trip.failed ? cost : 0;
  return then(count(response, trip), (counts) => {
    if (typeof counts === "boolean") return counts ? cost : 0;
    if (isCost(counts)) return counts;
    throw new RangeError(
      cannot(`use rule "${name}"`, "count must give true, false or an integer of at least 0", counts),
    );
  });
}

/** @returns The corrections of one throttle. */
export function compileSettlement(store: DatedStore, announcer: Notifier | null): Settlement {
  // Where the store fails meanwhile it is corrected when it is back; what cannot be corrected stays charged, which errs on refusing.
  function settle(trip: Exchange, part: RuleCheck, cost: number): MaybePromise<void> {
    if (part.settled || !part.charged) return;
    part.settled = true;
    return correct(trip, part, cost);
  }

  function correct(trip: Exchange, part: RuleCheck, cost: number): MaybePromise<void> {
    if (cost === part.cost) return;
    const { key, stateName, partition, policy, algorithm, chargedAt: since, source } = part;
    const correction = {
      ...{ key, stateName, partition, policy, algorithm, since },
      cost: cost - part.cost,
      source: source as Source,
    };
    // At once: a slot that is released while this is under way must not be given back twice.
    part.cost = cost;
    return rescue(
      () =>
        then(store.decide([correction]), ([{ remaining, resetAfterMs, source }]) => {
          part.remaining = remaining;
          part.resetAfterMs = resetAfterMs;
          part.source = source;
          announcer?.settled(trip, part);
        }),
      (error) => announcer?.error(trip, part.rule.name, error),
    );
  }

  function release(trip: Exchange): MaybePromise<unknown> {
    return all(
      trip.checks.filter(holds).map((part) => {
        part.settled = true;
        return correct(trip, part, 0);
      }),
    );
  }

  function count(trip: Exchange, response: Response): MaybePromise<unknown> {
    return all(
      trip.checks.filter(({ rule }) => rule.count !== "all").map((part) =>
        rescue(
          () => then(realCost(part, response, trip), (cost) => settle(trip, part, cost)),
          (error) => announcer?.error(trip, part.rule.name, error),
        )
      ),
    );
  }

  function fail(trip: Exchange): MaybePromise<unknown> {
    const failed = trip.checks.filter(({ rule }) => rule.count === "successes");
    return then(all(failed.map((part) => settle(trip, part, 0))), () => release(trip));
  }

  return { settle, release, settleByResponse: count, settleAfterError: fail };
}
