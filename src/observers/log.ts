/**
 * An observer that writes log lines.
 *
 * @module
 */

import { ExchangeEvent, type Observer, type ThrottleEvent } from "./events.ts";
import { type Duration, durationMs } from "../duration.ts";
import { cannot, shown } from "../cannot.ts";
import { isIgnored } from "../maybe.ts";
import { ANYTHING, BOOLEAN, integer, requireOptions } from "../options.ts";

/** The target of the lines: `console`, or any object with these two methods. */
export interface LogTarget {
  /** Writes a line that needs attention: a refusal, an error, a store that fails or works again. */
  warn(line: string): void;
  /** Writes a line for information: a request that a rule in shadow mode would have refused. */
  info(line: string): void;
}

/** The options of {@link logTo}. */
export interface LogOptions {
  /** The number of lines per event type and rule within an interval; further ones are only counted. Default 10. */
  first?: number;
  /** The interval. Default "1min". */
  interval?: Duration;
  /** Do lines contain the identity's id? Default false. */
  identity?: boolean;
}

/** The logged events and their levels. */
const LEVELS: { readonly [type in ThrottleEvent["type"]]?: keyof LogTarget } = {
  denied: "warn",
  "shadow-denied": "info",
  store: "warn",
  error: "warn",
};

/** The longest text in a line, in characters: a request may contain long ones. */
const MAX_TEXT_LENGTH = 500;

/** The lines of one event type about one rule within an interval. */
interface Tally {
  readonly type: ThrottleEvent["type"];
  readonly rule: string | undefined;
  readonly since: number;
  lines: number;
  unwritten: number;
}

const isoTime = (at: number): string => new Date(at).toISOString();

/** One line of JSON in printable ASCII: text from a request cannot end a line, move the cursor or reverse text. */
function lineOf(fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(
    fields,
    (_, value) => typeof value === "string" ? value.slice(0, MAX_TEXT_LENGTH) : value,
  )
    .replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function textOf(error: unknown): string {
  try {
    return error instanceof Error ? `${error.name}: ${error.message}` : shown(error);
  } catch {
    return "an error without text";
  }
}

function fieldsOf(event: ThrottleEvent, identity: boolean): Record<string, unknown> {
  const { type, at, rule, route, method, key, error, state, part } = event;
  const head = { event: type, at: isoTime(at) };
  if (type === "store") {
    return { ...head, state, part, ...error === undefined ? {} : { error: textOf(error) } };
  }
  const where = { ...head, rule, route, method };
  if (type === "error") return { ...where, error: textOf(error) };
  const decision = event.decisions.find((each) => each.rule === rule);
  const wait = decision?.retryAfterMs ?? Infinity;
  return {
    ...where,
    ...decision?.trialOf === undefined ? {} : { trial_of: decision.trialOf },
    limit: decision?.limit,
    window: decision === undefined ? undefined : decision.windowMs / 1000,
    retry_after: Number.isFinite(wait) ? Math.ceil(wait / 1000) : null,
    blocked: decision === undefined ? undefined : decision.blockedMs > 0,
    source: decision?.source,
    key,
    ...identity ? { identity: ExchangeEvent.exchange(event)?.who?.id ?? null } : {},
  };
}

/**
 * Logs refusals, errors and changes of the store: one line of JSON each, in printable ASCII. A line about a
 * refusal contains the rule, the route pattern, the method, the limit, the window and the wait in seconds
 * (null: never), and the key as a short keyed hash (with `revealKeys` as it is). The line of a trial's refusal is one of
 * the event "shadow-denied", with the trial's name for a rule and `trial_of`: the name of the rule on trial.
 *
 * Under attack, only the first lines per event type and rule are written; the rest of the interval is
 * counted, and one line with that number follows. As there are no timers, the next event after the interval
 * writes it.
 *
 * @param target `console`, or any object with `warn` and `info`.
 * @param options See {@link LogOptions}.
 * @returns An observer.
 * @throws {TypeError} If the target lacks a function, or on an unknown option or an invalid value.
 * @throws {RangeError} If first is not an integer of at least 0, or interval is not an integer number of ms, at
 * least 1.
 *
 * @example
 * ```ts
 * import { logTo, withThrottle } from "@weir/throttle";
 * import { equal } from "node:assert/strict";
 *
 * const lines: string[] = [];
 * const log = { warn: (line: string) => lines.push(line), info: (line: string) => lines.push(line) };
 * const handler = withThrottle(() => new Response("hello"), { name: "one", rate: "1/min" }, {
 *   client: { address: () => "192.0.2.1" },
 *   observers: [logTo(log)], // or logTo(console)
 * });
 * for (let i = 0; i < 2; i++) await handler(new Request("https://example.com/"));
 *
 * equal(lines.length, 1);
 * const { event, rule, limit, retry_after } = JSON.parse(lines[0]);
 * equal(`${event} ${rule} ${limit} ${retry_after}`, "denied one 1 60");
 * ```
 */
export function logTo(target: LogTarget, options: LogOptions = {}): Observer {
  for (const level of ["warn", "info"] as const) {
    if (typeof target?.[level] === "function") continue;
    throw new TypeError(cannot("make logTo()", "its target must have the functions warn and info", target));
  }
  requireOptions(options, { first: integer(0), interval: ANYTHING, identity: BOOLEAN }, "make logTo()");
  const { first = 10, interval = "1min", identity = false } = options;
  const intervalMs = durationMs(interval, "logTo()", "interval");
  const tallies = new Map<string, Tally>();
  /** The end of the earliest interval, epoch ms. */
  let nextEnd = Infinity;

  /** Ends the intervals that are over, with a line about the lines that were not written. */
  function endIntervals(now: number): void {
    nextEnd = Infinity;
    for (const [name, { type, rule, since, unwritten }] of tallies) {
      const end = since + intervalMs;
      // A clock that was set back ends all intervals, too.
      if (now < end && now >= since) {
        nextEnd = Math.min(nextEnd, end);
        continue;
      }
      tallies.delete(name);
      if (unwritten === 0) continue;
      const times = { since: isoTime(since), until: isoTime(end) };
      const line = lineOf({ event: type, at: isoTime(now), rule, unwritten, ...times });
      // A target that fails later is reported by the lines of events.
      isIgnored(target[LEVELS[type] ?? "info"](line));
    }
  }

  return (event) => {
    const { type, rule, at } = event;
    if (at >= nextEnd) endIntervals(at);
    const level = LEVELS[type];
    if (level === undefined) return;
    const name = `${type} ${rule ?? ""}`;
    let tally = tallies.get(name);
    if (tally !== undefined && at < tally.since) {
      endIntervals(at);
      tally = undefined;
    }
    if (tally === undefined) {
      tally = { type, rule, since: at, lines: 0, unwritten: 0 };
      tallies.set(name, tally);
      nextEnd = Math.min(nextEnd, at + intervalMs);
    }
    if (tally.lines >= first) return void tally.unwritten++;
    tally.lines++;
    // The promise of an asynchronous target is for the throttle, which reports an observer that fails.
    return target[level](lineOf(fieldsOf(event, identity)));
  };
}
