/**
 * Vercel's log drains, as NDJSON.
 *
 * @module
 */

import { numberOf, objectIn, objectOf, textIn } from "./json_line.ts";
import { timeOf } from "./log_time.ts";
import { isMethod, sizeOf, urlOf, valueOrNull } from "./scan.ts";
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
      const host = textIn(proxy, "host");
      const url = urlOf(textIn(proxy, "path"), host, textIn(proxy, "scheme") || "https");
      const at = timeOf(proxy.timestamp ?? object.timestamp);
      if (!isMethod(method) || url === null || Number.isNaN(at)) return "broken";
      const id = textIn(object, "requestId");
      if (id !== "" && seen.has(id)) return "other";
      if (seen.size >= REMEMBERED) seen.clear();
      seen.add(id);
      entry.at = at;
      entry.durationMs = -1;
      entry.method = method;
      entry.url = url;
      entry.address = textIn(proxy, "clientIp");
      const status = numberOf(proxy.statusCode ?? object.statusCode);
      entry.status = status > 0 ? status : 0;
      entry.bytes = sizeOf(proxy.responseByteSize);
      entry.userAgent = valueOrNull(textIn(proxy, "userAgent"));
      entry.user = null;
      return "request";
    };
  },
};
