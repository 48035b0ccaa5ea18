/**
 * From a rule and a request to what the store is asked.
 *
 * @module
 */

import type { Policy } from "../algorithms/algorithm.ts";
import type { Context } from "../context.ts";
import type { Source } from "../decision.ts";
import { EXEMPT, type Partition, partitionOf } from "../keys/key.ts";
import { type MaybePromise, rescue, then } from "../maybe.ts";
import { neverPasses } from "./over_burst.ts";
import { RuleCheck } from "../exchange/rule_check.ts";
import { cannot } from "../cannot.ts";
import { type PreparedRule } from "../rules/rule.ts";
import { isCost, policyOf } from "../rules/prepare_rules.ts";
import { windowWatch } from "./shrinking_window.ts";

/** What a client waits whose request could not be counted. */
const RETRY_MS = 1000;

/** What asking needs of a request. */
export interface Asked extends Context {
  /** Was the client's address asked for in vain, as the client has left? Nobody then waits for an answer, nor for a reason. */
  readonly clientLeft: boolean;
}

/** Asks a rule about a request; null when the rule does not apply to it. */
export type Checker<C extends Asked> = (context: C) => MaybePromise<RuleCheck | null>;

/** Makes a part a refusal by the rule itself, which never lets it pass, or because it could not be counted this time. */
function refused(check: RuleCheck, source: Source, at: number): RuleCheck {
  check.retryAfterMs = source === "rule" ? Infinity : RETRY_MS;
  check.source = source;
  check.at = check.chargedAt = at;
  return check;
}

/**
 * The question about a cost under a policy. The rule itself refuses a cost that can never pass.
 *
 * @param clock Dates what the rule decides by itself, epoch ms.
 */
export function newCheck(
  rule: PreparedRule,
  partition: string,
  policy: Policy,
  cost: number,
  clock: () => number,
): RuleCheck {
  const check = new RuleCheck(rule, partition, policy, cost);
  return neverPasses(rule, policy, cost) ? refused(check, "rule", clock()) : check;
}

/** The refusal of a request that the rule cannot count. */
export function refusedCheck(rule: PreparedRule, partition: string, source: Source, at: number): RuleCheck {
  const policy = rule.policy ?? { name: rule.name, limit: 0, windowMs: 0, mode: rule.mode };
  return refused(new RuleCheck(rule, partition, policy, 0), source, at);
}

/**
 * Compiles a rule into the function that asks it.
 *
 * @param rule The rule.
 * @param clock Dates what the rule decides by itself, epoch ms.
 * @param complain Told of what the user's functions throw, and of a rate or cost from them that cannot be
 * used; the request is then refused.
 */
export function compileCheck<C extends Asked>(
  rule: PreparedRule,
  clock: () => number,
  complain: (rule: PreparedRule, context: C, error: unknown) => void,
): Checker<C> {
  const { key, unless, rate, cost, policy, implementation: { window } } = rule;
  const watch = rate === null || window !== undefined ? null : windowWatch(rule.name, clock);

  /** Per request what `prepareRules` checks once: what cannot be used refuses. */
  function dynamicPolicy(context: C): MaybePromise<Policy | Error | null> {
    if (rate === null) return policy;
    return then(rate(context), (written) => {
      if (written === null) return null;
      try {
        return policyOf(written, rule);
      } catch (error) {
        return error as Error;
      }
    });
  }

  function dynamicCost(context: C): MaybePromise<number | Error> {
    if (typeof cost === "number") return cost;
    return then(
      cost(context),
      (units) =>
        isCost(units) ? units : new RangeError(
          cannot(`use rule "${rule.name}"`, "cost must be an integer of at least 0", units),
        ),
    );
  }

  function askDynamic(context: C, partition: string): MaybePromise<RuleCheck | null> {
    return then(
      dynamicPolicy(context),
      (current) =>
        current === null ? null : then(dynamicCost(context), (units) => {
          const error = current instanceof Error ? current : units instanceof Error ? units : null;
          if (error === null) {
            watch?.(partition, current as Policy);
            return newCheck(rule, partition, current as Policy, units as number, clock);
          }
          complain(rule, context, error);
          return refusedCheck(rule, partition, "denied-by-policy", clock());
        }),
    );
  }

  function askWith(partition: Partition, context: C): MaybePromise<RuleCheck | null> {
    if (context.clientLeft) return refusedCheck(rule, "", "rule", clock());
    if (partition === EXEMPT) return null;
    if (partition === null) {
      return key.refusesNull === true ? refusedCheck(rule, "", "rule", clock()) : null;
    }
    if (typeof partition !== "string") {
      throw new TypeError(
        cannot(`use rule "${rule.name}"`, "its key must give a string or null", partition),
      );
    }
    return policy !== null && typeof cost === "number"
      ? newCheck(rule, partition, policy, cost, clock)
      : askDynamic(context, partition);
  }

  function failed(error: unknown, context: C): RuleCheck {
    if (context.clientLeft) return refusedCheck(rule, "", "rule", clock());
    complain(rule, context, error);
    throw error;
  }

  function askWhenHere(
    partition: MaybePromise<Partition>,
    context: C,
  ): MaybePromise<RuleCheck | null> {
    return rescue(() => then(partition, askWith, context), failed, context);
  }

  /** Whose quota a request uses. */
  const derive = partitionOf(key);
  const whose: (context: C) => MaybePromise<Partition> = unless === null
    ? derive
    : (context) => then(unless(context), (exempt) => exempt ? EXEMPT : derive(context));
  const plain = policy !== null && typeof cost === "number" && !neverPasses(rule, policy, cost)
    ? { policy, cost }
    : null;

  return (context) => {
    let partition: MaybePromise<Partition>;
    try {
      partition = whose(context);
    } catch (error) {
      return failed(error, context);
    }
    // Most rules are so: what is known of them is not found out for each request again.
    return plain !== null && typeof partition === "string" && !context.clientLeft
      ? new RuleCheck(rule, partition, plain.policy, plain.cost)
      : askWhenHere(partition, context);
  };
}
