/**
 * The verdicts of a rule and of its trial on one request, side by side.
 *
 * @module
 */

import { type Decision, refuses } from "../decision.ts";

/** Which of a rule and its trial refuse a request. */
export type TrialOutcome = "both" | "liveOnly" | "trialOnly" | "neither";

/** A trial's outcome on one request. */
export interface TriedRequest {
  /** The name of the rule on trial. */
  readonly rule: string;
  readonly outcome: TrialOutcome;
}

function outcomeOf(isLiveRefusing: boolean, isTrialRefusing: boolean): TrialOutcome {
  if (isLiveRefusing) return isTrialRefusing ? "both" : "liveOnly";
  return isTrialRefusing ? "trialOnly" : "neither";
}

/**
 * The outcome of each trial on a request. A request that another rule refuses has none: it is refused with either of the two, so
 * it says nothing of them. A rule without a decision, as one that is unlimited for the request, refuses nothing.
 *
 * @param decisions All decisions on the request.
 */
export function trialOutcomes(decisions: readonly Decision[]): readonly TriedRequest[] {
  const outcomes: TriedRequest[] = [];
  for (const { trialOf: rule, allowed } of decisions) {
    if (rule === undefined || decisions.some((other) => refuses(other) && other.rule !== rule)) continue;
    const live = decisions.find((other) => other.rule === rule);
    outcomes.push({ rule, outcome: outcomeOf(live !== undefined && !live.allowed, !allowed) });
  }
  return outcomes;
}
