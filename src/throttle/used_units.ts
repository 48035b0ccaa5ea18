/**
 * The units in use.
 *
 * @module
 */

import type { Decision } from "../decision.ts";
import type { PreparedRule } from "../rules/rule.ts";

/**
 * Whole units in use. The units left are never more than the burst, which may be below the limit.
 *
 * @param rule The rule; undefined where nobody knows its burst.
 */
export function usedUnits(
  rule: PreparedRule | undefined,
  { limit, remaining }: Pick<Decision, "limit" | "remaining">,
): number {
  return Math.max(0, Math.min(limit, rule?.implementation.capacity?.(limit) ?? limit) - remaining);
}
