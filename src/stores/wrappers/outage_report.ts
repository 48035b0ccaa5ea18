/**
 * The lines on the console about a store that cannot be used, whether anybody observes the throttle or not.
 *
 * @module
 */

import type { FailurePolicy } from "../../rules/rule.ts";
import { complain } from "../../warn_once.ts";
import type { StoreChange } from "../store.ts";

const LONGEST = 300;

/** The error in one line. */
function reasonOf(error: unknown): string {
  let text = "it gave no reason";
  try {
    if (error instanceof Error) text = error.message || error.name;
    else if (error !== undefined) text = String(error);
  } catch {
    // An error that cannot be shown is no reason to fail.
  }
  const line = text.replace(/\s+/g, " ").trim().slice(0, LONGEST);
  return /[.!?]$/.test(line) ? line : `${line}.`;
}

/**
 * The line on `console.error` about a change.
 *
 * @param name How messages call the store.
 * @param policies The failure policies of the rules meanwhile.
 */
export function report(
  { state, error, part }: StoreChange,
  name: string,
  policies: Iterable<FailurePolicy>,
): void {
  const subject = part === undefined ? name : `${name} (${part})`;
  if (state === "healed") {
    complain(`${subject} works again, and decides again.`);
    return;
  }
  const words = [...policies].map((policy) => `"${policy}"`).sort().join(" or ");
  complain(
    `${subject} cannot be used: ${reasonOf(error)} Until it can, onStoreFailure decides: ${words}.`,
  );
}
