/**
 * A limit as its caller is shown it.
 *
 * @module
 */

import type { RuleCheck } from "../exchange/rule_check.ts";
import { utcText } from "../rejections/utc_text.ts";
import { usedUnits } from "../throttle/used_units.ts";

/** A limit of a caller, and its use. */
export interface CallerLimit {
  /** The rule's name. */
  readonly rule: string;
  /** Units per window. */
  readonly limit: number;
  /** The window in ms; for concurrency the lease. */
  readonly windowMs: number;
  /** Units used now; all of them while a block refuses. */
  readonly used: number;
  /** Units left now. */
  readonly remaining: number;
  /** The time at which all units are free again, if no other request comes: ISO 8601, UTC. Null where none is used. */
  readonly resetsAt: string | null;
  /** The end of the rule's block: ISO 8601, UTC. Null where no block refuses. */
  readonly blockedUntil: string | null;
}

function timeAfter(at: number, ms: number): string | null {
  return ms > 0 ? utcText(at + ms) : null;
}

/** The limit of a check that was decided. */
export function callerLimit(check: RuleCheck): CallerLimit {
  const { name, limit, windowMs, remaining, resetAfterMs, blockedMs, at } = check;
  return {
    ...{ rule: name, limit, windowMs, used: usedUnits(check.rule, check), remaining },
    resetsAt: timeAfter(at, resetAfterMs),
    blockedUntil: timeAfter(at, blockedMs),
  };
}
