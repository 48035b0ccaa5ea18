/**
 * The rejection as a list of error details, the error model of django-modern-rest (and, nearly, FastAPI).
 *
 * @module
 */

import { jsonRejection } from "./json_rejection.ts";
import type { Rejection } from "./rejection.ts";

const BODIES = {
  429: { detail: [{ msg: "Too many requests", type: "ratelimit" }] },
  503: { detail: [{ msg: "Service temporarily unavailable", type: "ratelimit" }] },
};

const SCHEMA = {
  type: "object",
  required: ["detail"],
  properties: {
    detail: {
      type: "array",
      items: {
        type: "object",
        required: ["msg"],
        properties: {
          msg: { type: "string" },
          type: { type: "string" },
          loc: { type: "array", items: { type: ["integer", "string"] } },
        },
      },
    },
  },
};

/**
 * Answers `{"detail":[{"msg":"Too many requests","type":"ratelimit"}]}`, as django-modern-rest does.
 *
 * @returns The rejection.
 *
 * @example
 * ```ts
 * import { detailJson, withThrottle } from "@weir/throttle";
 * import { deepStrictEqual } from "node:assert/strict";
 *
 * const handler = withThrottle(() => new Response("inside"), "1/min", {
 *   client: { address: () => "203.0.113.9" },
 *   reject: detailJson(),
 * });
 * await handler(new Request("https://example.com/"));
 * const refused = await handler(new Request("https://example.com/"));
 *
 * deepStrictEqual(await refused.json(), { detail: [{ msg: "Too many requests", type: "ratelimit" }] });
 * ```
 */
export function detailJson(): Rejection {
  return jsonRejection((_, status) => BODIES[status], () => SCHEMA);
}
