/**
 * Traefik's access log in JSON.
 *
 * @module
 */

import { numberOf, objectOf, statusOf, textIn } from "./json_line.ts";
import { startOf, timeOf } from "./log_time.ts";
import { setTarget, sizeOf, valueOrNull, withoutPort } from "./scan.ts";
import type { LogFormat } from "./format.ts";

/** Traefik's JSON. `Duration` is in nanoseconds, `StartUTC` the start. */
export const traefikJson: LogFormat = {
  name: "traefik-json",
  open: () => (line, entry) => {
    const object = objectOf(line);
    if (object === null) return "broken";
    const method = textIn(object, "RequestMethod");
    const scheme = textIn(object, "RequestScheme") || "http";
    const [target, host] = [textIn(object, "RequestPath"), textIn(object, "RequestAddr")];
    if (!setTarget(entry, method, target, host, scheme)) return "broken";
    const started = timeOf(object.StartUTC ?? object.StartLocal);
    const durationMs = numberOf(object.Duration) / 1e6;
    entry.durationMs = durationMs >= 0 ? durationMs : -1;
    // Without a start, `time` is the time at which the line was written.
    entry.at = Number.isNaN(started) ? startOf(timeOf(object.time), entry.durationMs) : started;
    if (Number.isNaN(entry.at)) return "broken";
    entry.address = textIn(object, "ClientHost") || withoutPort(textIn(object, "ClientAddr"));
    entry.status = statusOf(object.DownstreamStatus);
    entry.bytes = sizeOf(object.DownstreamContentSize);
    entry.apiKey = valueOrNull(textIn(object, "request_X-Api-Key"));
    entry.userAgent = valueOrNull(textIn(object, "request_User-Agent"));
    entry.user = valueOrNull(textIn(object, "ClientUsername"));
    return "request";
  },
};
