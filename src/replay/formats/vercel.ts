/**
 * Vercel's log drains, as NDJSON.
 *
 * @module
 */

import { objectIn, objectOf, statusOf, textIn } from "./json_line.ts";
import { timeOf } from "./log_time.ts";
import { setTarget, sizeOf, valueOrNull } from "./scan.ts";
import type { LogFormat } from "./format.ts";

/** How many requests a reader remembers: the lines of one request come close to each other. */
const REMEMBERED = 10_000;

/** Vercel. A request has a line for each message of its function, and counts once. */
export const vercel: LogFormat = {
  name: "vercel",
  open() {
    const seen = new Set<string>();
    return (line, entry) => {
      const object = objectOf(line);
      if (object === null) return "broken";
      if (object.proxy === undefined && textIn(object, "source") !== "") return "other";
      const proxy = objectIn(object, "proxy");
      const method = textIn(proxy, "method");
      const scheme = textIn(proxy, "scheme") || "https";
      const at = timeOf(proxy.timestamp ?? object.timestamp);
      if (Number.isNaN(at)) return "broken";
      if (!setTarget(entry, method, textIn(proxy, "path"), textIn(proxy, "host"), scheme)) return "broken";
      const id = textIn(object, "requestId");
      if (id !== "" && seen.has(id)) return "other";
      if (seen.size >= REMEMBERED) seen.clear();
      seen.add(id);
      entry.at = at;
      entry.durationMs = -1;
      entry.address = textIn(proxy, "clientIp");
      entry.status = statusOf(proxy.statusCode ?? object.statusCode);
      entry.bytes = sizeOf(proxy.responseByteSize);
      entry.userAgent = valueOrNull(textIn(proxy, "userAgent"));
      entry.user = null;
      return "request";
    };
  },
};
