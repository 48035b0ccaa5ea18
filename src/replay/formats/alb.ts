/**
 * Access logs of AWS Application Load Balancers.
 *
 * @module
 */

import { startOf, timeOf } from "./log_time.ts";
import { endOfQuoted, readRequestLine, sizeOf, unescaped, valueOrNull, withoutPort } from "./scan.ts";
import type { LineReader, LogFormat } from "./format.ts";

const TYPES = ["http", "https", "h2", "grpcs", "ws", "wss"];

function albReader(): LineReader {
  return (line, entry) => {
    const start = line.indexOf(' "');
    if (start === -1) return "broken";
    const words = line.slice(0, start).split(" ");
    if (words.length !== 12 || !TYPES.includes(words[0])) return "broken";
    const end = endOfQuoted(line, start + 2);
    if (end === -1 || !readRequestLine(line, start + 2, end, "", entry)) return "broken";
    const agentEnd = endOfQuoted(line, end + 3);
    entry.userAgent = agentEnd === -1 ? null : valueOrNull(unescaped(line.slice(end + 3, agentEnd)));
    entry.address = withoutPort(words[3]);
    entry.status = Number(words[8]) || 0;
    entry.bytes = sizeOf(words[11]);
    entry.user = null;
    const seconds = words.slice(5, 8).map(Number);
    const isTimed = seconds.every((each) => each >= 0);
    entry.durationMs = isTimed ? 1000 * (seconds[0] + seconds[1] + seconds[2]) : -1;
    // The second word is the end. The start stands behind the rule's priority.
    const created = / \d+ (\d{4}-\d\d-\d\dT[\d:.]+Z) "/.exec(line.slice(agentEnd === -1 ? end : agentEnd));
    entry.at = created ? timeOf(created[1]) : startOf(timeOf(words[1]), entry.durationMs);
    return Number.isNaN(entry.at) ? "broken" : "request";
  };
}

/** AWS Application Load Balancer. */
export const alb: LogFormat = { name: "alb", open: albReader };
