/**
 * The status of a refusal.
 *
 * @module
 */

import { type Decision, refuses } from "../decision.ts";

/**
 * 429 when this client used up a quota, or asks for more than a quota ever gives (RFC 6585 §4); 503 when a rule refused
 * because its store cannot be asked (RFC 9110 §15.6.4), which is nothing the client did.
 *
 * @param decisions All decisions of the request, shadow ones included.
 */
export function rejectionStatus(decisions: readonly Decision[]): 429 | 503 {
  const refusing = decisions.filter(refuses);
  if (refusing.some(({ retryAfterMs }) => retryAfterMs === Infinity)) return 429;
  return refusing.some(({ source }) => source === "denied-by-policy") ? 503 : 429;
}
