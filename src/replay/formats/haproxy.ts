/**
 * HAProxy's `option httplog` and `option httpslog`. Its `clf` is read by {@link combined}, JSON of its own by {@link json}.
 *
 * @module
 */

import { commonTimeReader } from "./log_time.ts";
import { readRequestLine, sizeOf, withoutPort } from "./scan.ts";
import type { LineReader, LogFormat } from "./format.ts";

/** HAProxy escapes bytes as `#C3`. */
function withPercents(line: string): string {
  return line.includes("#") ? line.replace(/#([0-9A-F]{2})/g, "%$1") : line;
}

function haproxyReader(): LineReader {
  const timeOf = commonTimeReader();
  return (line, entry) => {
    const close = line.indexOf("] ", line.indexOf("/20"));
    const open = line.lastIndexOf(" [", close);
    // A time with milliseconds and no zone: it is that of the request, on a connection that was kept too.
    if (open === -1 || close - open !== 26) return "broken";
    entry.at = timeOf(line, open + 2);
    if (Number.isNaN(entry.at)) return "broken";
    entry.address = withoutPort(line.slice(line.lastIndexOf(" ", open - 1) + 1, open));
    const start = line.indexOf('"', close);
    const end = line.lastIndexOf('"');
    if (start === -1 || end === start) return "broken";
    // Frontend, backend and server, timers, status, size.
    const words = line.slice(close + 2, start).split(" ", 5);
    const request = withPercents(line.slice(start + 1, end));
    if (!readRequestLine(request, 0, request.length, "", entry)) return "broken";
    // `option logasap` writes a plus before a number that is not complete yet.
    const total = words[2]?.slice(words[2].lastIndexOf("/") + 1) ?? "";
    entry.durationMs = /^\d+$/.test(total) ? Number(total) : -1;
    const status = Number(words[3]);
    if (!Number.isInteger(status)) return "broken";
    entry.status = Math.max(0, status);
    entry.bytes = sizeOf(words[4]);
    entry.userAgent = null;
    entry.user = null;
    return "request";
  };
}

/** HAProxy's `option httplog`. */
export const haproxy: LogFormat = { name: "haproxy", open: haproxyReader };
