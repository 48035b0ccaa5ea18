import { type Algorithm, type Check, fixedWindow, type Mode } from "../../mod.ts";

/** The parts of a check that a test sets; the rest has defaults. */
export interface CheckText {
  readonly key?: string;
  readonly limit?: number;
  readonly windowMs?: number;
  readonly mode?: Mode;
  readonly algorithm?: Algorithm;
  readonly cost?: number;
  readonly since?: number | null;
}

/** A check: by default one request by a client, under the rule "rule" with three per minute. */
export function checkOf(text: CheckText = {}): Check {
  const { key = "rule:somebody", limit = 3, windowMs = 60_000, mode = "enforce" } = text;
  const { algorithm = fixedWindow(), cost = 1, since = null } = text;
  const name = key.slice(0, key.indexOf(":"));
  return { key, policy: { name, limit, windowMs, mode }, algorithm, cost, since };
}

/** Checks of several rules for one client. */
export function checksOf(count: number, text: CheckText = {}): Check[] {
  return Array.from({ length: count }, (_, i) => checkOf({ ...text, key: `rule${i}:somebody` }));
}
