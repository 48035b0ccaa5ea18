/**
 * Traefik's access log in JSON.
 *
 * @module
 */

import { numberOf, objectOf, textIn } from "./json_line.ts";
import { timeOf } from "./log_time.ts";
import { isMethod, sizeOf, urlOf, valueOrNull, withoutPort } from "./scan.ts";
import type { LogFormat } from "./format.ts";

/** Traefik's JSON. `Duration` is in nanoseconds, `StartUTC` the start. */
export const traefikJson: LogFormat = {
  name: "traefik-json",
  open: () => (line, entry) => {
    const object = objectOf(line);
    if (object === null) return "broken";
    const method = textIn(object, "RequestMethod");
    const scheme = textIn(object, "RequestScheme") || "http";
    const url = urlOf(textIn(object, "RequestPath"), textIn(object, "RequestAddr"), scheme);
    const started = timeOf(object.StartUTC ?? object.StartLocal);
    if (!isMethod(method) || url === null) return "broken";
    const durationMs = numberOf(object.Duration) / 1e6;
    entry.durationMs = durationMs >= 0 ? durationMs : -1;
    // Without a start, `time` is the time at which the line was written.
    entry.at = Number.isNaN(started)
      ? timeOf(object.time) - Math.round(Math.max(0, entry.durationMs))
      : started;
    if (Number.isNaN(entry.at)) return "broken";
    entry.method = method;
    entry.url = url;
    entry.address = textIn(object, "ClientHost") || withoutPort(textIn(object, "ClientAddr"));
    entry.status = numberOf(object.DownstreamStatus) || 0;
    entry.bytes = sizeOf(object.DownstreamContentSize);
    entry.apiKey = valueOrNull(textIn(object, "request_X-Api-Key"));
    entry.userAgent = valueOrNull(textIn(object, "request_User-Agent"));
    entry.user = valueOrNull(textIn(object, "ClientUsername"));
    return "request";
  },
};
