/**
 * Spending a quota without a request: by the message, the job, the e-mail.
 *
 * @module
 */

import { cannot } from "../cannot.ts";
import type { Decision } from "../decision.ts";
import { Exchange, type ThrottleCore } from "../exchange/exchange.ts";
import { all, type MaybePromise, then } from "../maybe.ts";
import { UNTOUCHED } from "../rules/match.ts";
import { isCost, unlimited } from "../rules/prepare_rules.ts";
import type { PreparedRule } from "../rules/rule.ts";
import { checkByKey, ruleNamed } from "./check_by_key.ts";
import { compileDecide } from "./decide.ts";
import type { Asking } from "./settings.ts";

/** The result of {@link Throttle.spend}. */
export interface Spent {
  /** May it be done? When false, nothing was charged. */
  readonly allowed: boolean;
  /** One per rule, in the order of the names, shadow rules included; none for a rule whose rate is null. */
  readonly decisions: readonly Decision[];
  /**
   * Sets the real cost under each of the rules, in units: the difference to the charge is refunded or added, in the charged
   * window. 0 gives all of it back, a concurrency slot too. The first call settles, later ones do nothing.
   *
   * @throws {RangeError} If the cost is not an integer of at least 0.
   */
  settle(cost: number): MaybePromise<void>;
}

/** Spends quotas of one key; see {@link Throttle.spend}. */
export type Spend = (rule: string | readonly string[], key: string, cost?: number) => MaybePromise<Spent>;

/** The parts of its throttle that spending uses. */
export interface SpendOptions extends Pick<Asking, "store" | "clock" | "notifier" | "core" | "settle"> {
  readonly rules: readonly PreparedRule[];
}

function requireCost(cost: unknown): void {
  if (!isCost(cost)) throw new RangeError(cannot("spend", "cost must be an integer of at least 0", cost));
}

/** @returns The function that spends quotas of one throttle. */
export function compileSpend({ rules, store, clock, notifier, core, settle }: SpendOptions): Spend {
  // Observers ask every exchange for its address.
  const spending: ThrottleCore = { ...core, addressOf: () => null };

  function conclude(refused: boolean, exchange: Exchange): Spent {
    notifier?.verdict(exchange, refused);
    return {
      allowed: !refused,
      decisions: exchange.checks.map(({ decision }) => decision),
      settle(cost) {
        requireCost(cost);
        return then(all(exchange.checks.map((check) => settle(exchange, check, cost))), () => {});
      },
    };
  }

  return (names, key, cost) => {
    const before = [...new Set([names].flat())].map((name) => ruleNamed(rules, name));
    if (before.length === 0) throw new TypeError(cannot("spend", "it needs at least one rule", names));
    if (typeof key !== "string") throw new TypeError(cannot("spend", "key must be text", key));
    if (cost !== undefined) requireCost(cost);
    const check = (rule: PreparedRule) => rule.rate === unlimited ? null : checkByKey(rule, key, cost, clock);
    const request = { method: "SPEND" } as Request;
    const exchange = new Exchange(request, [], { ...UNTOUCHED, before }, spending, true);
    notifier?.start(exchange);
    return then(compileDecide({ check, store, notifier })(exchange, before), conclude, exchange);
  };
}
