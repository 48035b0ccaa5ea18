/**
 * The rules of production on the requests of a log.
 *
 * @module
 */

import { each, then } from "../maybe.ts";
import { ANYTHING, OBJECT, requireOptions } from "../options.ts";
import { Comparison } from "./comparison.ts";
import { eachRequest } from "./each_request.ts";
import type { LoggedRequest } from "./logged_request.ts";
import type { LoggedRequests } from "./read_log.ts";
import { compileReplay, type RuleSet } from "./replayer.ts";
import type { ReplayReport } from "./replay_report.ts";

/** Options of {@link replay}. */
export interface ReplayOptions extends RuleSet {
  /** Other sets of rules to try on the same requests, by their names: the report says who differs. Default: none. */
  compare?: Readonly<Record<string, RuleSet>>;
}

/**
 * Replays the requests of a log under rules: which would have been refused, of whom, where and when?
 *
 * The rules are decided by the code of production, on a store in memory that goes by the log's clock. A request that is earlier
 * than the one before it is taken as one of the same time; {@link readLog} puts them in order.
 *
 * @param requests Requests in the order of their times.
 * @param options The rules, and the options of their throttle.
 * @returns The requests that the rules would have refused, and more counts.
 * @throws {TypeError | RangeError} When a rule or an option cannot be used.
 *
 * @example
 * ```ts
 * import { readLog, replay } from "@weir/throttle/replay";
 * import { equal } from "node:assert/strict";
 *
 * const line = '192.0.2.1 - - [29/Nov/2026:04:30:20 +0000] "GET / HTTP/1.1" 200 261 "-" "curl/8"\n';
 * const log = (async function* () {
 *   yield line.repeat(5);
 * })();
 * const { refused, rules } = await replay(readLog(log), { rules: { name: "api", rate: "3/min" } });
 * equal(refused, 2);
 * equal(rules[0].worst[0].key, "192.0.2.1");
 * ```
 */
export async function replay(
  requests: AsyncIterable<LoggedRequest> | Iterable<LoggedRequest>,
  options: ReplayOptions,
): Promise<ReplayReport> {
  requireOptions(options, { rules: ANYTHING, options: ANYTHING, compare: OBJECT }, "replay a log");
  const first = compileReplay(options);
  const others = Object.entries(options.compare ?? {}).map(([name, rules]) => new Comparison(name, rules));
  await eachRequest(
    requests,
    others.length === 0
      ? first.decide
      : (...visited) =>
        then(first.decide(...visited), (refused) =>
          each(others, (other) => other.decide(visited, refused), null)),
  );
  const { summary } = requests as Partial<LoggedRequests>;
  return {
    ...first.tally.report(summary),
    ...others.length === 0 ? {} : { compared: others.map((other) => other.report(summary)) },
  };
}
