/**
 * Envoy's default access log, Istio's form of it too.
 *
 * @module
 */

import { timeOf } from "./log_time.ts";
import { readRequestLine, sizeOf, valueOrNull, withoutPort } from "./scan.ts";
import type { LineReader, LogFormat } from "./format.ts";

/** The words of a line from an index on; a quoted text is one. */
function wordsOf(line: string, from: number): string[] {
  return Array.from(line.slice(from).matchAll(/"([^"]*)"|(\S+)/g), ([, quoted, plain]) => quoted ?? plain);
}

const isWhole = (text: string): boolean => /^\d+$/.test(text);

function envoyReader(): LineReader {
  return (line, entry) => {
    const close = line.indexOf('] "');
    if (line.charCodeAt(0) !== 0x5b || close === -1) return "broken";
    entry.at = timeOf(line.slice(1, close));
    const end = line.indexOf('"', close + 3);
    if (Number.isNaN(entry.at) || end === -1) return "broken";
    const words = wordsOf(line, end + 1);
    // After status and flags Istio has details, then as Envoy: received, sent, duration, upstream time, four headers.
    const first = words.findIndex((word, i) =>
      i >= 2 && isWhole(word) && isWhole(words[i + 1] ?? "") && isWhole(words[i + 2] ?? "")
    );
    if (first === -1 || !isWhole(words[0])) return "broken";
    const [, sent, duration, , forwarded = "-", agent = "-", , authority = "-"] = words.slice(first);
    const host = authority === "-" ? "" : authority;
    if (!readRequestLine(line, close + 3, end, host, entry)) return "broken";
    entry.status = Number(words[0]);
    entry.durationMs = Number(duration);
    entry.bytes = sizeOf(sent);
    entry.userAgent = valueOrNull(agent);
    entry.user = null;
    // Envoy adds its own client to the end of X-Forwarded-For. Istio has the client's socket as well, before the last two words.
    const socket = words.length > first + 12 ? withoutPort(words[first + 12]) : "";
    const last = forwarded.slice(forwarded.lastIndexOf(",") + 1).trim();
    entry.address = last === "-" ? socket : last;
    return "request";
  };
}

/** Envoy's default format. */
export const envoy: LogFormat = { name: "envoy", open: envoyReader };
