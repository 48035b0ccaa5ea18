/**
 * The lines on the console about a store that cannot be used, whether anybody observes the throttle or not.
 *
 * @module
 */

import type { FailurePolicy } from "../../rules/rule.ts";
import { complain, reasonOf } from "../../warn_once.ts";
import type { StoreChange } from "../store.ts";

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
