/**
 * The lines of our own `logTo`, and events as JSON.
 *
 * @module
 */

import { numberOf, objectOf, textIn } from "./json_line.ts";
import { timeOf } from "./log_time.ts";
import { setTarget } from "./scan.ts";
import type { LogFormat } from "./format.ts";

/** Lines of `logTo`: refused requests alone, each with its route pattern for a path, and its key for an address. */
export const weir: LogFormat = {
  name: "weir",
  open: () => (line, entry) => {
    const object = objectOf(line);
    if (object === null) return "broken";
    const kind = textIn(object, "event") || textIn(object, "type");
    const at = timeOf(object.at);
    if (kind === "" || Number.isNaN(at)) return "broken";
    // One line for each rule or request: these are the verdicts, and the lines of shadow rules.
    if (!["allowed", "denied", "shadow-denied"].includes(kind) || object.unwritten !== undefined) {
      return "other";
    }
    if (!setTarget(entry, textIn(object, "method"), textIn(object, "route") || "/", "")) return "broken";
    entry.at = at;
    entry.durationMs = numberOf(object.durationMs) >= 0 ? numberOf(object.durationMs) : -1;
    entry.status = kind === "denied" ? 429 : 0;
    entry.address = textIn(object, "key");
    entry.userAgent = null;
    entry.user = textIn(object, "identity") || textIn(object, "key") || null;
    return "request";
  },
};
