/**
 * Rate limits in OpenAPI documents: the limited operations, their refusals, and the rate headers. This entry
 * needs no other package.
 *
 * @example The document at `/openapi.json`
 * ```ts
 * import { createThrottle } from "@weir/throttle";
 * import { withThrottleResponses } from "@weir/throttle/openapi";
 * import { equal } from "node:assert/strict";
 *
 * const throttle = createThrottle({ name: "login", rate: "5/15min", on: "POST /login" });
 * const document = {
 *   openapi: "3.2.0",
 *   info: { title: "Accounts", version: "1" },
 *   paths: { "/login": { post: { responses: { 204: { description: "Logged in" } } } } },
 * };
 *
 * const { paths } = withThrottleResponses(document, throttle);
 * const responses: Record<string, object> = paths["/login"].post.responses;
 * equal(JSON.stringify(responses["429"]), '{"$ref":"#/components/responses/TooManyRequests"}');
 * ```
 *
 * @module
 */

export { describe, type DescribeOptions } from "./describe.ts";
export { type ThrottleResponsesOptions, withThrottleResponses } from "./with_throttle_responses.ts";
export type {
  OpenApiComponents,
  OpenApiDocument,
  OpenApiHeader,
  OpenApiMediaType,
  OpenApiReference,
  OpenApiResponse,
  OpenApiSchema,
} from "./document.ts";
