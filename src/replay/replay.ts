/**
 * The rules of production on the requests of a log, by the log's clock.
 *
 * @module
 */

import { Exchange, type ThrottleCore } from "../exchange/exchange.ts";
import { isPromise, type MaybePromise, rescue, then } from "../maybe.ts";
import { ANYTHING, requireOptions } from "../options.ts";
import { compileMatch } from "../rules/match.ts";
import { prepareRules } from "../rules/prepare_rules.ts";
import type { Rate } from "../rules/rate.ts";
import type { PreparedRule, Rule } from "../rules/rule.ts";
import { memoryStore } from "../stores/memory/memory_store.ts";
import type { AnsweringStore } from "../stores/store.ts";
import { compileCheck } from "../throttle/compile_check.ts";
import { compileDecide } from "../throttle/decide.ts";
import { prepareOptions, type ThrottleOptions } from "../throttle/options.ts";
import { compileSettlement } from "../throttle/settle.ts";
import type { Throttle } from "../throttle/throttle.ts";
import { Ends } from "./ends.ts";
import type { LoggedRequest } from "./logged_request.ts";
import type { LoggedRequests } from "./read_log.ts";
import { ReplayedRequest } from "./replayed_request.ts";
import { type ReplayReport, ReplayTally } from "./replay_report.ts";

/** Options of {@link replay}. */
export interface ReplayOptions {
  /** The rules to try, as `createThrottle` takes them; or a throttle, whose rules are tried. */
  rules: Rate | Rule | readonly (Rate | Rule)[] | Pick<Throttle, "rules" | "check">;
  /**
   * The options of the throttle. `exactPaths` decides as in production; the store is always one in memory that goes by the
   * log's clock, the address and the user are those of the log, and nobody is answered.
   */
  options?: ThrottleOptions;
}

/** More keys than a log has clients. */
const MAX_KEYS = 16_000_000;

/** An answer of a status; statuses that no handler can give, and none at all, count as 200. */
function responseOf(status: number | undefined): Response {
  const isFinal = status !== undefined && status >= 200 && status <= 599;
  return new Response(null, { status: isFinal ? status : 200 });
}

function isThrottle(rules: ReplayOptions["rules"]): rules is Pick<Throttle, "rules" | "check"> {
  return typeof (rules as Partial<Throttle> | null)?.check === "function";
}

/** Rules at work on a log. */
interface Replayer {
  /** Decides the next request, which is not earlier than the last one. */
  decide(logged: LoggedRequest): MaybePromise<void>;
  readonly tally: ReplayTally;
}

function compileReplay({ rules, options = {} }: ReplayOptions): Replayer {
  const prepared = isThrottle(rules) ? rules.rules as readonly PreparedRule[] : prepareRules(rules);
  const { exactPaths } = prepareOptions(options);
  let now = 0;
  const clock = (): number => now;
  const store = memoryStore({ clock, maxKeys: MAX_KEYS }) as AnsweringStore;
  store.prepare?.(prepared);
  const match = compileMatch(prepared, exactPaths);
  // An error of a rule's function is thrown, too, and counted there; a rate or a cost that cannot be used refuses.
  const check = compileCheck<Exchange>(prepared, clock, () => {});
  const decideStage = compileDecide({ check, store, notifier: null });
  const { release, settleByResponse } = compileSettlement(store, null);
  const tally = new ReplayTally(prepared);
  const ends = new Ends<() => MaybePromise<unknown>>();
  let current: LoggedRequest;
  const core: ThrottleCore = {
    addressOf: () => current.address,
    explainAddress: () => "the log has none for this request",
    settle: () => undefined,
    release,
    correct: store.decide,
  };

  function decide(logged: LoggedRequest, exchange: Exchange): MaybePromise<void> {
    const { before, after } = exchange.matched;
    exchange.keepAddress();
    const first = decideStage(exchange, before);
    const both = then(first, (refused) => {
      exchange.who = logged.identity ?? null;
      return refused || decideStage(exchange, after);
    });
    return then(both, (refused) => conclude(logged, exchange, refused));
  }

  /** Charges are corrected, and the slots of a request are given back, at its end: others come in between. */
  function conclude(logged: LoggedRequest, exchange: Exchange, refused: boolean): MaybePromise<void> {
    tally.add(logged, exchange, refused);
    const { counts, holds } = exchange.matched;
    if (refused) return holds ? release(exchange) as MaybePromise<void> : undefined;
    if (!counts && !holds) return;
    ends.add(
      logged.at + (logged.durationMs ?? 0),
      () =>
        then(
          counts ? settleByResponse(exchange, responseOf(logged.status)) : undefined,
          () => release(exchange),
        ),
    );
  }

  /** Runs the actions that are due until a time. */
  function endUntil(at: number): MaybePromise<void> {
    while (ends.next <= at) {
      now = Math.max(now, ends.next);
      const done = ends.take()();
      if (isPromise(done)) return done.then(() => endUntil(at));
    }
  }

  function attempt(logged: LoggedRequest): MaybePromise<void> {
    now = Math.max(now, logged.at);
    current = logged;
    const request = new ReplayedRequest(logged) as unknown as Request;
    return rescue(
      () => decide(logged, new Exchange(request, [], match(request), core, true)),
      (error) => tally.addFailed(logged, error),
    );
  }

  return {
    tally,
    decide: (logged) =>
      ends.next <= logged.at ? then(endUntil(logged.at), () => attempt(logged)) : attempt(logged),
  };
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
  requireOptions(options, { rules: ANYTHING, options: ANYTHING }, "replay a log");
  const replayer = compileReplay(options);
  for await (const logged of requests) {
    const decided = replayer.decide(logged);
    if (isPromise(decided)) await decided;
  }
  return replayer.tally.report((requests as Partial<LoggedRequests>).summary);
}
