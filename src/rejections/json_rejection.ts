/**
 * Rejections with a body of plain JSON.
 *
 * @module
 */

import type { Decision } from "../decision.ts";
import { denialFields } from "./denial.ts";
import { type Rejection, type RejectionDescription, rejectionOf } from "./rejection.ts";
import { rejectionStatus } from "./rejection_status.ts";

/**
 * Makes a rejection whose bodies are JSON.
 *
 * @param bodyOf Makes the body, as JSON, of a refusal with these decisions and this status.
 * @param schema See {@link RejectionDescription.schema}.
 * @returns The rejection.
 */
export function jsonRejection(
  bodyOf: (decisions: readonly Decision[], status: 429 | 503) => unknown,
  schema: RejectionDescription["schema"],
): Rejection {
  const contentType = "application/json";
  const fields = denialFields(contentType);
  return rejectionOf((quotas) => {
    const decisions = quotas.map(({ decision }) => decision);
    const status = rejectionStatus(decisions);
    return { status, body: JSON.stringify(bodyOf(decisions, status)), fields };
  }, { contentType, schema, example: (decisions) => bodyOf(decisions, rejectionStatus(decisions)) });
}
