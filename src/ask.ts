/**
 * From a rule and a request to what the store is asked.
 *
 * @module
 */

import type { Policy } from "./algorithms/algorithm.ts";
import type { Context } from "./context.ts";
import type { DatedDecision, Source } from "./decision.ts";
import { type MaybePromise, rescue, then } from "./maybe.ts";
import { Part } from "./part.ts";
import { shown } from "./refusal.ts";
import { isCost, policyOf, type PreparedRule } from "./rule.ts";

/** What a client waits whose request could not be counted. */
const RETRY_MS = 1000;

/** Asks a rule about a request; null when the rule does not apply to it. */
export type Asker<C extends Context> = (context: C) => MaybePromise<Part | null>;

function refusalOf(policy: Policy, cost: number, source: Source, at: number): DatedDecision {
  return {
    policy: policy.name,
    limit: policy.limit,
    windowMs: policy.windowMs,
    cost,
    mode: policy.mode,
    allowed: false,
    remaining: 0,
    resetAfterMs: 0,
    // A rule that never lets it pass, or one that could not be counted this time.
    retryAfterMs: source === "rule" ? Infinity : RETRY_MS,
    blocked: false,
    source,
    at,
    chargedAt: at,
  };
}

/**
 * The question about a cost under a policy. A cost above the burst can never pass, and a limit of 0 lets
 * nothing pass: the rule says so itself.
 *
 * @param clock Dates what the rule decides by itself, epoch ms.
 */
export function askOf(
  rule: PreparedRule,
  partition: string,
  policy: Policy,
  cost: number,
  clock: () => number,
): Part {
  const { capacity } = rule.implementation;
  const never = policy.limit === 0 || (capacity !== undefined && cost > capacity(policy.limit));
  return new Part(rule, partition, policy, cost, never ? refusalOf(policy, cost, "rule", clock()) : null);
}

/** The refusal of a request that the rule cannot count. */
function refusedPart(rule: PreparedRule, partition: string, source: Source, at: number): Part {
  const policy = rule.policy ?? { name: rule.name, limit: 0, windowMs: 0, mode: rule.mode };
  return new Part(rule, partition, policy, 0, refusalOf(policy, 0, source, at));
}

/**
 * Compiles a rule into the function that asks it.
 *
 * @param rule The rule.
 * @param clock Dates what the rule decides by itself, epoch ms.
 * @param complain Told of what the user's functions throw, and of a rate or cost from them that cannot be
 * used; the request is then refused.
 */
export function compileAsk<C extends Context>(
  rule: PreparedRule,
  clock: () => number,
  complain: (rule: PreparedRule, context: C, error: unknown) => void,
): Asker<C> {
  const { key, unless, rate, cost, policy } = rule;

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
    return then(cost(context), (units) =>
      isCost(units) ? units : new RangeError(
        `Cannot use rule "${rule.name}" as cost must be an integer of at least 0: current value is ${
          shown(units)
        }`,
      ));
  }

  function askDynamic(context: C, partition: string): MaybePromise<Part | null> {
    return then(
      dynamicPolicy(context),
      (current) =>
        current === null ? null : then(dynamicCost(context), (units) => {
          const error = current instanceof Error ? current : units instanceof Error ? units : null;
          if (error === null) return askOf(rule, partition, current as Policy, units as number, clock);
          complain(rule, context, error);
          return refusedPart(rule, partition, "denied-by-policy", clock());
        }),
    );
  }

  function askWith(partition: string | null, context: C): MaybePromise<Part | null> {
    if (partition === null) {
      return key.refusesNull === true ? refusedPart(rule, "", "rule", clock()) : null;
    }
    if (typeof partition !== "string") {
      throw new TypeError(
        `Cannot use rule "${rule.name}" as its key must give a string or null: current value is ${
          shown(partition)
        }`,
      );
    }
    return policy !== null && typeof cost === "number"
      ? askOf(rule, partition, policy, cost, clock)
      : askDynamic(context, partition);
  }

  const ask: Asker<C> = (context) => then(key(context), askWith, context);
  const askUnless: Asker<C> = (context) =>
    then(unless?.(context) ?? false, (exempt) => exempt ? null : ask(context));
  const asker = unless === null ? ask : askUnless;

  function failed(error: unknown, context: C): never {
    complain(rule, context, error);
    throw error;
  }
  return (context) => rescue(asker, failed, context);
}
