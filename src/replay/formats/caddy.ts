/**
 * Caddy's access log: JSON, and the console's form, which ends in JSON.
 *
 * @module
 */

import { numberOf, objectIn, objectOf, statusOf, textIn } from "./json_line.ts";
import { startOf, timeOf } from "./log_time.ts";
import { setTarget, sizeOf, valueOrNull } from "./scan.ts";
import type { LogFormat } from "./format.ts";

/** `2026/11/29 04:30:29.540`, as the console's form has it. */
function consoleTime(line: string): number {
  const [, year, month, day, time] = /^(\d{4})\/(\d\d)\/(\d\d) ([\d:.]+)/.exec(line) ?? [];
  return time === undefined ? NaN : Date.parse(`${year}-${month}-${day}T${time}Z`);
}

/** Caddy. The time is the end. */
export const caddy: LogFormat = {
  name: "caddy",
  open: () => (line, entry) => {
    const object = objectOf(line);
    if (object === null) return "broken";
    const request = objectIn(object, "request");
    const target = encodeRaw(textIn(request, "uri"));
    const scheme = typeof request.tls === "object" ? "https" : "http";
    const end = object.ts === undefined ? consoleTime(line) : timeOf(object.ts);
    if (Number.isNaN(end)) return "broken";
    if (!setTarget(entry, textIn(request, "method"), target, textIn(request, "host"), scheme)) {
      return "broken";
    }
    const seconds = numberOf(object.duration);
    entry.durationMs = seconds >= 0 ? seconds * 1000 : -1;
    entry.at = startOf(end, entry.durationMs);
    entry.address = textIn(request, "client_ip") || textIn(request, "remote_ip");
    // 0: the client left before there was one.
    entry.status = statusOf(object.status);
    entry.bytes = sizeOf(object.size);
    const headers = objectIn(request, "headers");
    entry.apiKey = valueOrNull(textIn(headers, "X-Api-Key"));
    entry.userAgent = valueOrNull(textIn(headers, "User-Agent"));
    entry.user = valueOrNull(textIn(object, "user_id"));
    return "request";
  },
};

/** Bytes that were sent raw, percent-encoded. */
function encodeRaw(uri: string): string {
  return uri.replace(
    /[^\x21-\x7e]+/gu,
    (raw) => encodeURIComponent(raw.replace(/\p{Surrogate}/gu, "\ufffd")),
  );
}
