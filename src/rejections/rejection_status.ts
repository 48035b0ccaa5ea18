/**
 * The status of a refusal.
 *
 * @module
 */

import { type Decision, refuses } from "../decision.ts";

/**
 * 429 when this client used up a quota (RFC 6585 §4); 503 when a rule refused because its store cannot be
 * asked (RFC 9110 §15.6.4), which is nothing the client did.
 *
 * @param decisions All decisions of the request, shadow ones included.
 */
export function rejectionStatus(decisions: readonly Decision[]): 429 | 503 {
  return decisions.some((decision) => refuses(decision) && decision.source === "denied-by-policy")
    ? 503
    : 429;
}
