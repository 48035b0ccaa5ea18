/**
 * The check of a store's answer.
 *
 * @module
 */

import type { ChargedDecision, StoreDecision } from "../../decision.ts";
import { cannot } from "../../cannot.ts";
import type { Check } from "../store.ts";

function isDecision(value: StoreDecision | null | undefined, { policy }: Check): value is StoreDecision {
  return typeof value?.allowed === "boolean" && value.rule === policy.name &&
    isAmount(value.remaining) && isAmount(value.resetAfterMs) && isAmount(value.retryAfterMs) &&
    (value.blockedMs === undefined || isAmount(value.blockedMs)) &&
    isTime(value.at) && isTime(value.chargedAt);
}

/** Null compares as 0 does. */
function isAmount(value: number): boolean {
  return typeof value === "number" && value >= 0;
}

function isTime(value: number | undefined): boolean {
  return value === undefined || Number.isFinite(value);
}

function isWhole(decision: StoreDecision): decision is ChargedDecision {
  return decision.at !== undefined && decision.chargedAt !== undefined && decision.blockedMs !== undefined;
}

/** Fills in the members that the store left to the throttle. */
function whole(decision: StoreDecision, now: number): ChargedDecision {
  const { at = now, blockedMs = 0 } = decision;
  return { ...decision, at, blockedMs, chargedAt: decision.chargedAt ?? at };
}

/**
 * A store's answer with nothing left out.
 *
 * @param clock Dates the decisions that the store did not date.
 * @throws {TypeError} When the answer is not one decision per check, in their order.
 */
export function answerOf(
  checks: readonly Check[],
  decisions: readonly StoreDecision[],
  clock: () => number,
): readonly ChargedDecision[] {
  let isAnswer = Array.isArray(decisions) && decisions.length === checks.length;
  for (let i = 0; isAnswer && i < checks.length; i++) isAnswer = isDecision(decisions[i], checks[i]);
  if (!isAnswer) {
    throw new TypeError(
      cannot(
        "use a store's answer",
        `it must be one decision for each of ${checks.length} checks`,
        decisions,
      )
        .slice(0, 300),
    );
  }
  return decisions.every(isWhole) ? decisions : decisions.map((decision) => whole(decision, clock()));
}
