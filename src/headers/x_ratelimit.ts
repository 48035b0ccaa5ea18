/**
 * The X-RateLimit headers: no standard, but the headers that most clients know.
 *
 * @module
 */

import { tightest } from "../decision.ts";
import { oneOf, requireOptions } from "../options.ts";
import { type HeaderDescription, type HeaderFormat, isSent, NO_FIELDS } from "./format.ts";
import { decimal } from "./numbers.ts";

/** The two meanings of X-RateLimit-Reset, in seconds either way. */
const RESETS = {
  delta: {
    description: "The number of seconds until the current rate limit window resets.",
    example: "60",
  },
  epoch: {
    description: "When the current rate limit window resets, in Unix time: seconds since 1970, UTC.",
    example: "1795323576",
  },
};

/** Options of {@link xRateLimit}. */
export interface XRateLimitOptions {
  /**
   * The meaning of X-RateLimit-Reset: seconds from now (`delta`), or whole seconds of Unix time, as GitHub's
   * does (`epoch`). Default "delta".
   */
  readonly reset?: "delta" | "epoch";
}

/** The format, as it writes; in Unix time, or in seconds from now. */
function formatOf(isEpoch: boolean, describe: NonNullable<HeaderFormat["describe"]>): HeaderFormat {
  return {
    fields(report, there) {
      const { quotas, at } = report;
      if (quotas.length === 0) return NO_FIELDS;
      const ours = tightest(quotas);
      if (!isSent("x-ratelimit-limit", "x-ratelimit-remaining", ours, report, there)) return NO_FIELDS;
      const end = (isEpoch ? at : 0) + ours.resetAfterMs;
      return {
        "x-ratelimit-limit": decimal(ours.limit),
        // `remainingUnits`, without the rounding that `decimal` does.
        "x-ratelimit-remaining": decimal(ours.blockedMs > 0 ? 0 : Math.min(ours.remaining, ours.limit)),
        "x-ratelimit-reset": Number.isFinite(end) ? decimal(Math.ceil(end / 1000)) : "",
      };
    },
    describe,
  };
}

/** {@link xRateLimit} for throttles that no document describes. */
export function plainXRateLimit(): HeaderFormat {
  const wordless: HeaderDescription = { description: "", on: "every", example: "" };
  return formatOf(false, {
    "X-RateLimit-Limit": wordless,
    "X-RateLimit-Remaining": wordless,
    "X-RateLimit-Reset": wordless,
  });
}

/**
 * Sends `X-RateLimit-Limit`, `X-RateLimit-Remaining` and `X-RateLimit-Reset` of the tightest rule: one that
 * refuses, else the one with the least share left. Headers that a nested throttle or an upstream sent stay
 * when theirs are tighter.
 *
 * @param options The meaning of Reset.
 * @returns The format.
 * @throws {TypeError} On an option that does not exist, or any other `reset`.
 *
 * @example With Unix time, as GitHub sends it
 * ```ts
 * import { withThrottle, xRateLimit } from "@weir/throttle";
 * import { strictEqual } from "node:assert/strict";
 *
 * const handler = withThrottle(() => new Response("inside"), "100/hour", {
 *   client: { address: () => "203.0.113.9" },
 *   headers: [xRateLimit({ reset: "epoch" })],
 * });
 * const response = await handler(new Request("https://example.com/"));
 *
 * strictEqual(response.headers.get("X-RateLimit-Limit"), "100");
 * strictEqual(response.headers.get("X-RateLimit-Remaining"), "99");
 * ```
 */
export function xRateLimit(options: XRateLimitOptions = {}): HeaderFormat {
  requireOptions(options, { reset: oneOf(...Object.keys(RESETS)) }, "send X-RateLimit headers");
  const { reset = "delta" } = options;
  const { description, example } = RESETS[reset];
  const count = { type: "integer", minimum: 0 };
  return formatOf(reset === "epoch", {
    "X-RateLimit-Limit": {
      description: "The maximum number of requests permitted in the current rate limit window.",
      on: "every",
      schema: count,
      example: "100",
    },
    "X-RateLimit-Remaining": {
      description: "The number of requests remaining in the current rate limit window.",
      on: "every",
      schema: count,
      example: "99",
    },
    "X-RateLimit-Reset": { description, on: "every", schema: count, example },
  });
}
