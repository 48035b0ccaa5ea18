/**
 * What a throttle says about itself, as components of an OpenAPI document.
 *
 * @module
 */

import { ANYTHING, requireOptions } from "../options.ts";
import { settingsOf } from "../throttle/settings.ts";
import type { Throttle } from "../throttle/throttle.ts";
import { componentsFrom } from "./components.ts";
import { hasOldSchemas, type OpenApiComponents } from "./document.ts";
import { documenter, isPublic } from "./responses.ts";

/** What {@link describe} can be told. */
export interface DescribeOptions {
  /** The OpenAPI version of the document they are for: 3.0, 3.1 or 3.2. Default "3.1.1". */
  readonly openapi?: string;
}

/**
 * The throttle's rate headers, bodies and responses, to be referred to from your own document. They are those of
 * a request that is under all its rules; {@link withThrottleResponses} tells of each operation what applies to it.
 *
 * Header formats and rejections describe themselves by their `describe`; headers of a format without one are
 * left out, and a rejection without one is a response without a body. The examples are what the rules' own
 * algorithms and formats make of a client's first request (in the headers) and of its first one too many (in
 * `TooManyRequests`), where the rate and cost are known beforehand. A header is `required` in `TooManyRequests`
 * when every 429 has it.
 *
 * @param throttle What `createThrottle` gave.
 * @param options The version.
 * @returns Components; empty for a throttle whose rules never refuse.
 * @throws {TypeError} When the throttle is another's, the version is not supported, or on an option that does not exist.
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
  const documented = documenter(settings, components, hasOldSchemas(openapi));
  const rules = settings.rules.filter(isPublic);
  if (rules.length > 0) documented(rules, true);
  return {
    headers: components.all("headers"),
    schemas: components.all("schemas"),
    responses: components.all("responses"),
  } as unknown as OpenApiComponents;
}
