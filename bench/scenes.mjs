/** The rules that requests meet: an hourly quota alone, or between a burst's and a day's. */

const HOUR = 3_600_000;

/** @param limit Requests per window, of each rule. */
export function scenesOf(limit) {
  const hourly = { name: "hourly", limit, windowMs: HOUR };
  return {
    "1 rule": [hourly],
    "3 rules": [
      { ...hourly, name: "burst", windowMs: HOUR / 4 },
      hourly,
      { ...hourly, name: "daily", windowMs: 24 * HOUR },
    ],
  };
}

/** The same, and one where everything but each client's first request is refused. */
export const scenesWithDenied = (limit) => ({ ...scenesOf(limit), denied: scenesOf(1)["1 rule"] });
