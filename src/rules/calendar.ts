/**
 * Calendar periods: where the days, weeks, months and years of a time zone begin.
 *
 * @module
 */

import type { Every, Policy } from "../algorithms/algorithm.ts";
import { cannot } from "../cannot.ts";
import { ANYTHING, type Demand, integer, oneOf, requireOptions, TEXT } from "../options.ts";

/** A calendar period. */
export interface Period {
  /** Its unit. */
  readonly every: Every;
  /** The time zone whose midnights begin it: "Europe/Berlin". */
  readonly timeZone: string;
  /**
   * The day on which it begins: of the month, of the week (1 is Monday), or of the year. A month or year that lacks the day begins
   * on its last one.
   */
  readonly startsOn: number;
}

/** A period that knows when it begins. */
export interface Calendar extends Period {
  /** Its three values as text without a colon: "month-15-Europe/Berlin". */
  readonly name: string;
  /** The longest period, in ms, but for changes of the clocks. */
  readonly longestMs: number;
  /**
   * The beginnings of the periods around a time.
   *
   * @param now Epoch ms.
   * @returns Four times, epoch ms, ascending: of the period before, of the current one, and of the two after it.
   */
  around(now: number): readonly number[];
}

/** A policy whose windows are the periods of a calendar, if it has one. */
export interface RulePolicy extends Policy {
  /** Absent where the window has a fixed length. */
  readonly calendar?: Calendar | undefined;
}

const DAY_MS = 86_400_000;

/** The mean length of each period, in days. Rounded up, it is the last day that one may start on. */
const DAYS: Readonly<Record<Every, number>> = { day: 1, week: 7, month: 30.436875, year: 365.2425 };

/** A reading of a time zone's clock: the epoch ms at which a clock in UTC reads the same, in whole seconds. */
type Read = (time: number) => number;

/** The latest reader: they take long to make, and much memory. */
let latestReader: { readonly timeZone: string; readonly read: Read } = {
  timeZone: "UTC",
  read: (time) => time,
};

/**
 * The reader of a time zone's clock.
 *
 * @throws {RangeError} When there is no such time zone.
 */
function readerOf(timeZone: string): Read {
  if (timeZone === latestReader.timeZone) return latestReader.read;
  const part = "numeric";
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: part,
    month: part,
    day: part,
    hour: part,
    minute: part,
    second: part,
  });
  const read: Read = (time) => {
    const [month, day, year, ...rest] = format.format(time).match(/\d+/g)!.map(Number);
    return Date.UTC(year, month - 1, day, ...rest);
  };
  latestReader = { timeZone, read };
  return read;
}

/**
 * The first moment of a day, epoch ms: midnight, the first of two midnights, or the end of the gap in which the clock leaves
 * midnight out. Such gaps begin at midnight.
 *
 * @param read The reader of a clock.
 * @param date The day, as the epoch ms of its midnight in UTC.
 */
function startOfDay(read: Read, date: number): number {
  // By the offsets a day before and a day after, on both sides of a change of the clocks that touches this midnight.
  const starts = [date - DAY_MS, date + DAY_MS].map((time) => date - read(time) + time);
  const first = Math.min(...starts);
  return read(first) < date ? Math.max(...starts) : first;
}

/** The first day of a period, as the epoch ms of its midnight in UTC. The periods are numbered from 1970 on. */
function firstDay(every: Every, startsOn: number, number: number): number {
  if (every === "day") return number * DAY_MS;
  // 1970 began on a Thursday.
  if (every === "week") return (7 * number + startsOn - 4) * DAY_MS;
  const months = every === "month" ? 1 : 12;
  return Math.min(Date.UTC(1970, months * number, startsOn), Date.UTC(1970, months * (number + 1), 0));
}

/** @throws {RangeError} When there is no such time zone. */
function newCalendar({ every, timeZone, startsOn }: Period, name: string): Calendar {
  readerOf(timeZone);
  let latest: readonly number[] = [];
  return {
    ...{ every, timeZone, startsOn, name, longestMs: Math.ceil(DAYS[every]) * DAY_MS },
    around(now) {
      if (latest[1] <= now && now < latest[2]) return latest;
      const read = readerOf(timeZone);
      const near = Math.floor(now / DAY_MS / DAYS[every]);
      // A day that was left out, as at the date line, has no length.
      const found = new Set<number>();
      for (let number = near - 3; number < near + 5; number++) {
        found.add(startOfDay(read, firstDay(every, startsOn, number)));
      }
      const starts = [...found];
      const next = starts.findIndex((start) => start > now);
      return latest = starts.slice(next - 2, next + 2);
    },
  };
}

/** Calendars by name: a rate from a function gives one of a few, again and again. */
const known = new Map<string, Calendar>();
const MAX_KNOWN = 10_000;

/**
 * The calendar of a rate.
 *
 * @param rate `{ limit, every, timeZone, startsOn }`.
 * @param what The action that a bad value prevents, for the error: `use rule "login"`.
 * @throws {TypeError | RangeError} When one of its values cannot be used, the limit apart.
 */
export function calendarOf(rate: object, what: string): Calendar {
  const { every, timeZone = "UTC", startsOn = 1 } = rate as Period;
  const demands: Record<string, Demand> = {
    limit: ANYTHING,
    every: oneOf(...Object.keys(DAYS)),
    timeZone: TEXT,
  };
  // Any other value than text is refused by `every`, and may have no text to be looked up by.
  if (every !== "day") demands.startsOn = integer(1, Math.ceil(typeof every === "string" ? DAYS[every] : 1));
  requireOptions(rate as Record<string, unknown>, demands, what, "rate");
  const name = `${every}-${startsOn}-${timeZone}`.replaceAll(":", "");
  let calendar = known.get(name);
  if (calendar !== undefined) return calendar;
  try {
    calendar = newCalendar({ every, timeZone, startsOn }, name);
  } catch {
    throw new RangeError(cannot(what, 'rate.timeZone must be one such as "Europe/Berlin"', timeZone));
  }
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(name, calendar);
  return calendar;
}

/**
 * A policy for now.
 *
 * @param policy The policy of a rule.
 * @param now Epoch ms, by the clock of this process.
 * @returns The policy or, where it is of calendar periods, that with the periods around now. A store picks one by its own clock.
 */
export function policyAt(policy: RulePolicy, now: number): Policy {
  const { calendar, ...rest } = policy;
  if (calendar === undefined) return policy;
  const boundaries = calendar.around(now);
  return { ...rest, windowMs: boundaries[2] - boundaries[1], boundaries, every: calendar.every };
}
