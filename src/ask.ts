/**
 * From a rule and a request to what the store is asked.
 *
 * @module
 */

import type { Policy } from "./algorithms/algorithm.ts";
import type { Context } from "./context.ts";
import type { Decision, Source } from "./decision.ts";
import { type MaybePromise, then } from "./maybe.ts";
import { shown } from "./rate.ts";
import { isCost, policyOf, type PreparedRule } from "./rule.ts";
import type { Check } from "./stores/store.ts";

/** One rule's question about one request, or its answer where the store need not be asked. */
export interface Ask {
  readonly rule: PreparedRule;
  /** Whose quota: what the rule's key gave. */
  readonly partition: string;
  readonly check: Check;
  /** Set when the rule refuses by itself. */
  readonly refusal: Decision | null;
}

/** Asks a rule about a request; null when the rule does not apply to it. */
export type Asker = (context: Context) => MaybePromise<Ask | null>;

/** Where a rule's state for a partition key is kept. A name holds no colon, so no two pairs share a place. */
export function storageKey(rule: PreparedRule, partition: string): string {
  return `${rule.name}:${partition}`;
}

/** The policy of a rule that none could be made for. */
function unusable(rule: PreparedRule): Policy {
  return { name: rule.name, limit: 0, windowMs: 0, mode: rule.mode };
}

function refusalOf(policy: Policy, cost: number, source: Source, at: number): Decision {
  return {
    policy: policy.name,
    limit: policy.limit,
    windowMs: policy.windowMs,
    cost,
    mode: policy.mode,
    allowed: false,
    remaining: 0,
    resetAfterMs: 0,
    retryAfterMs: Infinity,
    blocked: false,
    source,
    at,
    chargedAt: at,
  };
}

/**
 * The question about a cost under a policy. A cost above the burst can never pass, and a limit of 0 lets
 * nothing pass: the rule says so itself.
 */
export function askOf(
  rule: PreparedRule,
  partition: string,
  policy: Policy,
  cost: number,
  clock: () => number,
): Ask {
  const algorithm = rule.implementation;
  const check = { key: storageKey(rule, partition), policy, algorithm, cost, since: null };
  const never = policy.limit === 0 || cost > (algorithm.capacity?.(policy.limit) ?? Infinity);
  return { rule, partition, check, refusal: never ? refusalOf(policy, cost, "rule", clock()) : null };
}

/** The refusal of a request that the rule cannot count. */
function refusedAsk(rule: PreparedRule, partition: string, source: Source, clock: () => number): Ask {
  const policy = rule.policy ?? unusable(rule);
  return { ...askOf(rule, partition, policy, 0, clock), refusal: refusalOf(policy, 0, source, clock()) };
}

function partitionOf(rule: PreparedRule, context: Context): MaybePromise<string | null> {
  return then(rule.key(context), (partition) => {
    if (typeof partition === "string" || partition === null) return partition;
    throw new TypeError(
      `Cannot use rule "${rule.name}" as its key must give a string or null: current value is ${
        shown(partition)
      }`,
    );
  });
}

/**
 * Compiles a rule into the function that asks it.
 *
 * @param rule The rule.
 * @param clock Dates what the rule decides by itself, epoch ms.
 * @param complain Told of a rate or cost, from a function, that cannot be used; the request is then refused.
 */
export function compileAsk(
  rule: PreparedRule,
  clock: () => number,
  complain: (rule: PreparedRule, context: Context, error: unknown) => void,
): Asker {
  const { unless, rate, cost, policy } = rule;

  /** Per request what {@link prepareRules} checks once: a rate that cannot be used refuses. */
  function dynamicPolicy(context: Context): MaybePromise<Policy | Error | null> {
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

  function dynamicCost(context: Context): MaybePromise<number | Error> {
    if (typeof cost === "number") return cost;
    return then(cost(context), (units) =>
      isCost(units) ? units : new RangeError(
        `Cannot use rule "${rule.name}" as cost must be an integer of at least 0: current value is ${
          shown(units)
        }`,
      ));
  }

  function askWith(context: Context, partition: string): MaybePromise<Ask | null> {
    if (policy !== null && typeof cost === "number") return askOf(rule, partition, policy, cost, clock);
    return then(
      dynamicPolicy(context),
      (current) =>
        current === null ? null : then(dynamicCost(context), (units) => {
          const error = current instanceof Error ? current : units instanceof Error ? units : null;
          if (error === null) return askOf(rule, partition, current as Policy, units as number, clock);
          complain(rule, context, error);
          return refusedAsk(rule, partition, "denied-by-policy", clock);
        }),
    );
  }

  const ask: Asker = (context) =>
    then(partitionOf(rule, context), (partition) => {
      if (partition !== null) return askWith(context, partition);
      return rule.key.refusesNull === true ? refusedAsk(rule, "", "rule", clock) : null;
    });
  return unless === null ? ask : (context) => then(unless(context), (exempt) => exempt ? null : ask(context));
}
