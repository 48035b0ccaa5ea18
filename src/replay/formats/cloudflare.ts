/**
 * Cloudflare Logpush, its data set `http_requests`, as NDJSON.
 *
 * @module
 */

import { objectIn, objectOf, statusOf, textIn } from "./json_line.ts";
import { timeOf } from "./log_time.ts";
import { setTarget, sizeOf, valueOrNull } from "./scan.ts";
import type { LogFormat } from "./format.ts";

/** Cloudflare Logpush. Times are ISO 8601, seconds or nanoseconds, as the job is set. */
export const cloudflare: LogFormat = {
  name: "cloudflare",
  open: () => (line, entry) => {
    const object = objectOf(line);
    if (object === null) return "broken";
    const method = textIn(object, "ClientRequestMethod");
    const target = textIn(object, "ClientRequestURI") || textIn(object, "ClientRequestPath");
    const scheme = textIn(object, "ClientRequestScheme") || "https";
    const start = timeOf(object.EdgeStartTimestamp);
    if (Number.isNaN(start)) return "broken";
    if (!setTarget(entry, method, target, textIn(object, "ClientRequestHost"), scheme)) return "broken";
    const end = timeOf(object.EdgeEndTimestamp);
    entry.at = start;
    entry.durationMs = end >= start ? end - start : -1;
    entry.address = textIn(object, "ClientIP");
    entry.status = statusOf(object.EdgeResponseStatus);
    entry.bytes = sizeOf(object.EdgeResponseBytes);
    entry.apiKey = valueOrNull(textIn(objectIn(object, "RequestHeaders"), "x-api-key"));
    entry.userAgent = valueOrNull(textIn(object, "ClientRequestUserAgent"));
    entry.user = null;
    return "request";
  },
};
