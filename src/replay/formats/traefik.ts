/**
 * Traefik's access log in its common log format. Its JSON is read by {@link json}.
 *
 * @module
 */

import { combined } from "./combined.ts";
import type { LogFormat } from "./format.ts";

/** Traefik's CLF: combined, then the number of the request, router, server and duration. The time is the start. */
export const traefik: LogFormat = {
  name: "traefik",
  open(targets) {
    const read = combined.open(targets);
    return (line, entry) => {
      if (!line.endsWith("ms")) return "broken";
      const space = line.lastIndexOf(" ");
      const durationMs = Number(line.slice(space + 1, -2));
      if (Number.isNaN(durationMs) || line[space - 1] !== '"') return "broken";
      const kind = read(line, entry);
      entry.durationMs = durationMs;
      return kind;
    };
  },
};
