/**
 * What counts as a store's answer.
 *
 * @module
 */

import type { DatedDecision, Decision } from "../../decision.ts";
import { cannot } from "../../cannot.ts";
import type { Check } from "../store.ts";

function isDecision(value: Decision | null | undefined, { policy }: Check): value is Decision {
  return typeof value?.allowed === "boolean" && value.rule === policy.name &&
    isAmount(value.remaining) && isAmount(value.resetAfterMs) && isAmount(value.retryAfterMs) &&
    isTime(value.at) && isTime(value.chargedAt);
}

/** Null compares as 0 does. */
function isAmount(value: number): boolean {
  return typeof value === "number" && value >= 0;
}

function isTime(value: number | undefined): boolean {
  return value === undefined || Number.isFinite(value);
}

function isDated(decision: Decision): decision is DatedDecision {
  return decision.at !== undefined && decision.chargedAt !== undefined;
}

/** A decision of a store that leaves the times to us. */
function dated(decision: Decision, now: number): DatedDecision {
  const { at = now } = decision;
  return { ...decision, at, chargedAt: decision.chargedAt ?? at };
}

/**
 * What a store answered, with its times.
 *
 * @param clock Dates what the store did not.
 * @throws {TypeError} When it is not one decision a check, in their order.
 */
export function answerOf(
  checks: readonly Check[],
  decisions: readonly Decision[],
  clock: () => number,
): readonly DatedDecision[] {
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
  return decisions.every(isDated) ? decisions : decisions.map((decision) => dated(decision, clock()));
}
