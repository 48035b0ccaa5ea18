/**
 * Looking a key up, and giving back the units it used: an operator's questions, apart from the path of a request.
 *
 * @module
 */

import { checkByKey, ruleNamed } from "./check_by_key.ts";
import type { Decision } from "../decision.ts";
import { type MaybePromise, then } from "../maybe.ts";
import { askStoreAbout } from "./over_burst.ts";
import type { Asking } from "./settings.ts";
import { type RuleCheck, storageKey } from "../exchange/rule_check.ts";
import { cannot } from "../cannot.ts";
import { isResponse } from "../exchange/response.ts";
import { requireRequest } from "../exchange/require_request.ts";
import type { PreparedRule } from "../rules/rule.ts";
import { exchangeOf } from "../exchange/exchange.ts";

/** The parts of its throttle that a look-up uses. */
export interface UsageReaderOptions extends Asking {
  readonly rules: readonly PreparedRule[];
}

/** The look-ups of a throttle. */
export interface UsageReader {
  /** The decision of a rule on one more request of a key. */
  usage(rule: string, key: string | Request): MaybePromise<Decision>;
  /** Forgets the units that a key used under a rule. */
  reset(rule: string, key: string | Request): MaybePromise<void>;
}

/** @returns The look-ups of one throttle. */
export function usageReader(
  { rules, check: checkOf, store, clock, authenticate, newExchange }: UsageReaderOptions,
): UsageReader {
  function askByKey(rule: PreparedRule, partition: string): RuleCheck {
    return checkByKey(rule, partition, typeof rule.cost === "number" ? rule.cost : 1, clock);
  }

  function askByRequest(rule: PreparedRule, request: Request): MaybePromise<RuleCheck> {
    requireRequest(request);
    const exchange = newExchange(request, exchangeOf(request)?.platform ?? [], false);
    exchange.keepAddress();
    const isEarly = rule.stage === "before-auth";
    return then(isEarly ? undefined : authenticate?.(exchange), (found) => {
      if (!isEarly) exchange.who = isResponse(found) ? null : found || null;
      return then(checkOf(rule, exchange), (check) => {
        if (check !== null) return check;
        throw new TypeError(cannot(`look up rule "${rule.name}"`, "it skips this request", request.url));
      });
    });
  }

  return {
    usage(name, key) {
      const rule = ruleNamed(rules, name);
      return then(
        typeof key === "string" ? askByKey(rule, key) : askByRequest(rule, key),
        (check) => then(askStoreAbout(store, [check], false), () => check.decision),
      );
    },
    reset(name, key) {
      const rule = ruleNamed(rules, name);
      if (store.forget === undefined) {
        throw new TypeError(cannot(`reset rule "${name}"`, "its store cannot forget", key));
      }
      return then(
        typeof key === "string" ? storageKey(rule, key) : then(askByRequest(rule, key), ({ key }) => key),
        (key) => store.forget?.(key),
      );
    },
  };
}
