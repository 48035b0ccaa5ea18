/**
 * Corrections of a request's charges after its handler: real costs, refunds, slots.
 *
 * @module
 */

import type { Notifier } from "../observers/notify.ts";
import { all, type MaybePromise, rescue, then } from "../maybe.ts";
import { cannot } from "../cannot.ts";
import { isCost } from "../rules/prepare_rules.ts";
import type { Cost } from "../rules/rule.ts";
import type { AnsweringStore } from "../stores/store.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { isResponse } from "../exchange/response.ts";
import { correctionOf, holds, type RuleCheck } from "../exchange/rule_check.ts";
import { waitUntil } from "../exchange/wait_until.ts";

/** The ways in which charges are corrected. */
export interface Settlement {
  /** Sets a charge to its real cost, once; later calls do nothing. */
  settle(exchange: Exchange, check: RuleCheck, cost: number): MaybePromise<void>;
  /** Gives back the concurrency slots that the request held while it ran; those that are held for longer stay. */
  release(exchange: Exchange): MaybePromise<unknown>;
  /** Corrects the charges of rules that count only some responses. */
  settleByResponse(exchange: Exchange, response: Response): MaybePromise<unknown>;
  /** The same for a handler that threw: it answered nothing, so "successes" are given back and other charges stay. */
  settleAfterError(exchange: Exchange): MaybePromise<unknown>;
}

/** Finds out from its response whether a request counts under a rule, or its real cost. */
function counting(check: RuleCheck, response: Response, exchange: Exchange): MaybePromise<boolean | number> {
  const { cost, charged, settled, rule: { count } } = check;
  if (count === "all") return true;
  // A handler that upgraded the connection gives no response: no failure, but no success either.
  if (!isResponse(response)) return typeof count !== "string";
  if (count === "failures") return response.status >= 400 || exchange.failed === true;
  if (count === "successes") return response.ok && !exchange.failed;
  if (typeof count === "function") return count(response, exchange);
  if (!charged || settled) return cost;
  const counted = count.body(exchange.counted ?? response, exchange, cost);
  exchange.counted = counted.response;
  return counted.cost;
}

function realCost({ cost, rule: { name } }: RuleCheck, counts: boolean | number): number {
  if (typeof counts === "boolean") return counts ? cost : 0;
  if (isCost(counts)) return counts;
  throw new RangeError(
    cannot(`use rule "${name}"`, "count must give true, false or an integer of at least 0", counts),
  );
}

/** Ends the hold of a handler that threw: nobody may have got the function that ends it. */
function endHold(exchange: Exchange): void {
  exchange.hold?.end();
  exchange.hold = null;
}

/** @returns The function that makes a charge another cost, at the store. */
function compileCorrect(
  store: AnsweringStore,
  notifier: Notifier | null,
): (exchange: Exchange, check: RuleCheck, cost: number) => MaybePromise<void> {
  return function correct(exchange: Exchange, check: RuleCheck, cost: number): MaybePromise<void> {
    if (cost === check.cost) return;
    const more = cost - check.cost;
    // At once: a slot that is released while this is under way must not be given back twice.
    check.cost = cost;
    return rescue(
      () =>
        then(
          then(check.renewal, () => store.decide([correctionOf(check, more)])),
          ([{ remaining, resetAfterMs, source }]) => {
            check.remaining = remaining;
            check.resetAfterMs = resetAfterMs;
            check.source = source;
            notifier?.settled(exchange, check);
          },
        ),
      (error) => notifier?.error(exchange, check.rule.name, error),
    );
  };
}

/** @returns The corrections of one throttle. */
export function compileSettlement(store: AnsweringStore, notifier: Notifier | null): Settlement {
  const correct = compileCorrect(store, notifier);

  // Where the store fails meanwhile, the charge is corrected when it is back; a charge that cannot be corrected stays, which
  // errs on refusing.
  function settle(exchange: Exchange, check: RuleCheck, cost: number): MaybePromise<void> {
    if (check.settled || !check.charged) return;
    check.settled = true;
    const corrected = correct(exchange, check, cost);
    const { cost: own, trialOf } = check.rule;
    // A cost function that a rule shares with its trial learns of the request once.
    const hasLearned = exchange.checks.some(({ rule }) => rule.name === trialOf && rule.cost === own);
    // It hears, and neither decides nor breaks.
    if (!hasLearned) {
      rescue<unknown>(
        () => (own as Cost).settled?.(exchange, cost),
        (error) => notifier?.error(exchange, check.rule.name, error),
      );
    }
    return corrected;
  }

  function release(exchange: Exchange): MaybePromise<unknown> {
    if (exchange.hold !== null) {
      exchange.hold.isOver = true;
      return;
    }
    return all(
      exchange.checks.filter(holds).map((check) => {
        check.settled = true;
        return correct(exchange, check, 0);
      }),
    );
  }

  function settleByResponse(exchange: Exchange, response: Response): MaybePromise<unknown> {
    return all(
      exchange.checks.filter(({ rule }) => rule.count !== "all").map((check) => {
        const settled = rescue(
          () =>
            then(
              counting(check, response, exchange),
              (counts) => settle(exchange, check, realCost(check, counts)),
            ),
          (error) => notifier?.error(exchange, check.rule.name, error),
        );
        // The body is yet to be sent, so nobody waits for a cost that is in it.
        return typeof check.rule.count === "object" ? waitUntil(exchange.platform, settled) : settled;
      }),
    );
  }

  function settleAfterError(exchange: Exchange): MaybePromise<unknown> {
    endHold(exchange);
    const failed = exchange.checks.filter(({ rule }) => rule.count === "successes");
    return then(all(failed.map((check) => settle(exchange, check, 0))), () => release(exchange));
  }

  return { settle, release, settleByResponse, settleAfterError };
}
