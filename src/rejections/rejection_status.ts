/**
 * The status of a refusal.
 *
 * @module
 */

import { refuses } from "../decision.ts";
import type { DecidedQuota } from "./rejection.ts";

/**
 * 429 if the client used up a quota, or asks for more than a quota ever grants (RFC 6585 §4); 503 if a rule
 * refused because its store is unavailable (RFC 9110 §15.6.4), which is not the client's fault.
 *
 * @param decisions All decisions of the request, shadow ones included.
 */
export function rejectionStatus(
  decisions: readonly Pick<DecidedQuota, "allowed" | "mode" | "retryAfterMs" | "source">[],
): 429 | 503 {
  const refusing = decisions.filter(refuses);
  if (refusing.some(({ retryAfterMs }) => retryAfterMs === Infinity)) return 429;
  return refusing.some(({ source }) => source === "denied-by-policy") ? 503 : 429;
}
