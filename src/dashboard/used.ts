/**
 * The units in use, by a decision.
 *
 * @module
 */

import type { Decision } from "../decision.ts";
import { findSettings } from "../throttle/settings.ts";
import type { Throttle } from "../throttle/throttle.ts";
import { usedUnits } from "../throttle/used_units.ts";

/** Whole units in use under the rule of a decision. Of a throttle of another copy of the package no burst is known. */
export function usedOf(throttle: Throttle, decision: Decision): number {
  const rule = findSettings(throttle)?.rules.find(({ name }) => name === decision.rule);
  return usedUnits(rule, decision);
}
