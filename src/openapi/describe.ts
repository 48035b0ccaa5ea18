/**
 * Describes a throttle as components of an OpenAPI document.
 *
 * @module
 */

import { ANYTHING, requireOptions } from "../options.ts";
import { settingsOf } from "../throttle/settings.ts";
import type { Throttle } from "../throttle/throttle.ts";
import { componentsFrom } from "./components.ts";
import { hasOldSchemas, type OpenApiComponents } from "./document.ts";
import { documenter, isPublic } from "./responses.ts";

/** The options of {@link describe}. */
export interface DescribeOptions {
  /** The OpenAPI version of your document: 3.0, 3.1 or 3.2. Default "3.1.1". */
  readonly openapi?: string;
}

/**
 * The throttle's rate headers, bodies and responses, for references from your own document. They describe a
 * request under all its rules; {@link withThrottleResponses} documents the rules of each operation.
 *
 * Header formats and rejections describe themselves by their `describe` member. Headers of a format without
 * one are omitted, and a rejection without one is a response without a body. The examples come from the
 * rules' own algorithms and formats: headers show a client's first request, `TooManyRequests` its first
 * refused one, if the rate and cost do not depend on the request. A header is `required` in `TooManyRequests`
 * if every 429 has it.
 *
 * @param throttle The result of `createThrottle`.
 * @param options See {@link DescribeOptions}.
 * @returns Components; empty if no rule of the throttle ever refuses.
 * @throws {TypeError} If the throttle is not from this package, or the version is not supported.
 *
 * @example
 * ```ts
 * import { createThrottle } from "@weir/throttle";
 * import { describe } from "@weir/throttle/openapi";
 * import { deepEqual } from "node:assert/strict";
 *
 * const { headers, responses } = describe(createThrottle({ name: "burst", rate: "10/s" }));
 * deepEqual(Object.keys(headers), [
 *   "XRateLimitLimit",
 *   "XRateLimitRemaining",
 *   "XRateLimitReset",
 *   "RetryAfter",
 *   "NoStore",
 * ]);
 * deepEqual(Object.keys(responses), ["TooManyRequests"]);
 * deepEqual(headers.XRateLimitLimit.example, 10);
 * ```
 */
export function describe(throttle: Throttle, options: DescribeOptions = {}): OpenApiComponents {
  requireOptions(options, { openapi: ANYTHING }, "describe a throttle");
  const { openapi = "3.1.1" } = options;
  const settings = settingsOf(throttle);
  const components = componentsFrom(undefined);
  const documentRules = documenter(settings, components, hasOldSchemas(openapi));
  const rules = settings.rules.filter(isPublic);
  if (rules.length > 0) documentRules(rules, true);
  return {
    headers: components.all("headers"),
    schemas: components.all("schemas"),
    responses: components.all("responses"),
  } as unknown as OpenApiComponents;
}
