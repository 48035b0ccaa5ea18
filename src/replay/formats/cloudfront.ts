/**
 * Standard logs of CloudFront: tabs, and a heading that names the fields.
 *
 * @module
 */

import { startOf } from "./log_time.ts";
import { setTarget, sizeOf, valueOrNull } from "./scan.ts";
import type { LineReader, LogFormat } from "./format.ts";

/** A header's value, percent-encoded twice by some edges. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(decodeURIComponent(text).replace(/%(?![0-9A-Fa-f]{2})/g, "%25"));
  } catch {
    return text;
  }
}

function cloudfrontReader(): LineReader {
  let names: ReadonlyMap<string, number> | null = null;
  return (line, entry) => {
    if (line.startsWith("#")) {
      if (line.startsWith("#Fields:")) {
        names = new Map(line.slice(8).trim().split(/\s+/).map((name, index) => [name, index]));
      }
      return "other";
    }
    if (names === null) return "broken";
    const words = line.split("\t");
    const known = names;
    const word = (name: string): string => words[known.get(name) ?? -1] ?? "-";
    const end = Date.parse(`${word("date")}T${word("time")}Z`);
    const query = word("cs-uri-query");
    const host = valueOrNull(word("x-host-header")) ?? valueOrNull(word("cs(Host)")) ?? "";
    const scheme = valueOrNull(word("cs-protocol")) ?? "https";
    const target = word("cs-uri-stem") + (query === "-" ? "" : `?${query}`);
    if (Number.isNaN(end) || !setTarget(entry, word("cs-method"), target, host, scheme)) return "broken";
    const seconds = Number(word("time-taken"));
    entry.durationMs = seconds >= 0 ? seconds * 1000 : -1;
    entry.at = startOf(end, entry.durationMs);
    entry.address = word("c-ip");
    entry.status = Number(word("sc-status")) || 0;
    entry.bytes = sizeOf(word("sc-bytes"));
    const agent = valueOrNull(word("cs(User-Agent)"));
    entry.userAgent = agent === null ? null : decoded(agent);
    entry.user = null;
    return "request";
  };
}

/** CloudFront's standard logs. */
export const cloudfront: LogFormat = { name: "cloudfront", open: cloudfrontReader };
