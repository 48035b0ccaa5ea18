/**
 * Makes the check that the store decides, per rule and request.
 *
 * @module
 */

import type { Context } from "../context.ts";
import type { Source } from "../decision.ts";
import { EXEMPT, type Partition, partitionOf } from "../keys/key.ts";
import { type MaybePromise, rescue, then } from "../maybe.ts";
import { neverPasses } from "./over_burst.ts";
import { RuleCheck } from "../exchange/rule_check.ts";
import { cannot } from "../cannot.ts";
import { type PreparedRule } from "../rules/rule.ts";
import { policyAt, type RulePolicy } from "../rules/calendar.ts";
import { isCost, policyOf } from "../rules/prepare_rules.ts";
import { windowWatch } from "./shrinking_window.ts";
import { complain as print } from "../warn_once.ts";

/** How long a client waits whose request could not be counted, in ms. */
const RETRY_MS = 1000;

/** A request, as checks are made of it. */
export interface CheckContext extends Context {
  /** Has the client left, and with it its address? Nobody then waits for an answer, nor for a reason. */
  readonly clientLeft?: boolean;
}

/** Makes a rule's check of a request; null when the rule does not apply to the request. */
export type Checker<C extends CheckContext> = (
  rule: PreparedRule,
  context: C,
) => MaybePromise<RuleCheck | null>;

/** Makes a check a refusal by the rule itself, which never lets it pass, or because it could not be counted this time. */
function refused(check: RuleCheck, source: Source, at: number): RuleCheck {
  check.retryAfterMs = source === "rule" ? Infinity : RETRY_MS;
  check.source = source;
  check.at = check.chargedAt = at;
  return check;
}

/**
 * The check of a cost under a policy. The rule itself refuses a cost that can never pass.
 *
 * @param clock Dates the decisions that the rule makes by itself, epoch ms.
 */
export function newCheck(
  rule: PreparedRule,
  partition: string,
  policy: RulePolicy,
  cost: number,
  clock: () => number,
): RuleCheck {
  const current = policy.calendar === undefined ? policy : policyAt(policy, clock());
  const check = new RuleCheck(rule, partition, current, cost);
  return neverPasses(rule, policy, cost) ? refused(check, "rule", clock()) : check;
}

/** The refusal of a request that the rule cannot count. */
export function refusedCheck(rule: PreparedRule, partition: string, source: Source, at: number): RuleCheck {
  const policy = rule.policy ?? { name: rule.name, limit: 0, windowMs: 0, mode: rule.mode };
  return refused(new RuleCheck(rule, partition, policy, 0), source, at);
}

/** Hears of an error in a rule's functions, and of a rate or cost from them that cannot be used; the request is then refused. */
type Complain<C> = (rule: PreparedRule, context: C, error: unknown) => void;

/** @returns The function that makes a rule's check where its rate or its cost depends on the request. */
function compileDynamic<C extends CheckContext>(
  rule: PreparedRule,
  clock: () => number,
  complain: Complain<C>,
): (partition: string, context: C) => MaybePromise<RuleCheck | null> {
  const { rate, cost, policy, implementation: { window } } = rule;
  /** One line per rule: a client that can cause it must not fill the console. */
  let isReported = false;
  const watch = rate === null || window !== undefined ? null : windowWatch(rule.name, clock);

  /** Checks per request the values that `prepareRules` checks once: an unusable value refuses. */
  function dynamicPolicy(context: C): MaybePromise<RulePolicy | Error | null> {
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

  return (partition, context) =>
    then(
      dynamicPolicy(context),
      (current) =>
        current === null ? null : then(dynamicCost(context), (units) => {
          const error = current instanceof Error ? current : units instanceof Error ? units : null;
          if (error === null) {
            watch?.(partition, current as RulePolicy);
            return newCheck(rule, partition, current as RulePolicy, units as number, clock);
          }
          complain(rule, context, error);
          if (!isReported) {
            print(`Rule "${rule.name}" refuses requests that it cannot count. ${error.message}`);
          }
          isReported = true;
          return refusedCheck(rule, partition, "denied-by-policy", clock());
        }),
    );
}

/** A rule as checks are made of it. */
interface Compiled<C> {
  /** Gives the partition whose quota a request uses. */
  readonly partition: (context: C) => MaybePromise<Partition>;
  /** Are the policy and the cost the rule's own for every request? Not where the cost can never pass. */
  readonly isConstant: boolean;
  /** Makes the check when the partition is known. */
  readonly checkOf: (partition: MaybePromise<Partition>, context: C) => MaybePromise<RuleCheck | null>;
  /** The check of a request whose partition could not be found. */
  readonly failed: (error: unknown, context: C) => RuleCheck | null;
}

function compileRule<C extends CheckContext>(
  rule: PreparedRule,
  clock: () => number,
  complain: Complain<C>,
): Compiled<C> {
  const { key, unless, cost, policy } = rule;
  const checkDynamically = compileDynamic(rule, clock, complain);

  function checkOf(partition: Partition, context: C): MaybePromise<RuleCheck | null> {
    if (context.clientLeft || (partition === null && key.refusesNull)) {
      return refusedCheck(rule, "", "rule", clock());
    }
    if (partition === null || partition === EXEMPT) return null;
    if (typeof partition !== "string") {
      throw new TypeError(
        cannot(`use rule "${rule.name}"`, "its key must give a string or null", partition),
      );
    }
    return policy !== null && typeof cost === "number"
      ? newCheck(rule, partition, policy, cost, clock)
      : checkDynamically(partition, context);
  }

  function failed(error: unknown, context: C): RuleCheck | null {
    if (context.clientLeft) return refusedCheck(rule, "", "rule", clock());
    complain(rule, context, error);
    // A trial leaves the request as it is.
    if (rule.trialOf) return null;
    throw error;
  }

  const derive = partitionOf(key);
  return {
    partition: unless === null
      ? derive
      : (context) => then(unless(context), (exempt) => exempt ? EXEMPT : derive(context)),
    isConstant: policy !== null && policy.calendar === undefined && typeof cost === "number" &&
      !neverPasses(rule, policy, cost),
    checkOf: (partition, context) => rescue(() => then(partition, checkOf, context), failed, context),
    failed,
  };
}

/**
 * Compiles the rules of a throttle into the function that makes their checks.
 *
 * @param rules The rules.
 * @param clock Dates the decisions that a rule makes by itself, epoch ms.
 * @param complain Hears of errors in the users' functions.
 */
export function compileCheck<C extends CheckContext>(
  rules: readonly PreparedRule[],
  clock: () => number,
  complain: Complain<C>,
): Checker<C> {
  const compiled = rules.map((rule) => compileRule(rule, clock, complain));
  return (rule, context) => {
    const { partition, isConstant, checkOf, failed } = compiled[rule.index];
    let found: MaybePromise<Partition>;
    try {
      found = partition(context);
    } catch (error) {
      return failed(error, context);
    }
    // Most rules are constant: `checkOf` would find their constants again per request.
    return isConstant && typeof found === "string" && !context.clientLeft
      ? new RuleCheck(rule, found, rule.policy!, rule.cost as number)
      : checkOf(found, context);
  };
}
