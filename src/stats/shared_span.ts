/**
 * Reads the statistics of all instances.
 *
 * @module
 */

import type { Mode } from "../decision.ts";
import { addCount, breakdownOf, type Count, emptyCounts, type Kind, type Measure } from "./counts.ts";
import type { StatsBreakdown, StatsRule } from "./report.ts";
import { type Commands, commands } from "./scripts.ts";
import { topOfEachRule } from "./rule_key.ts";
import type { Counted } from "./space_saving.ts";
import { hourOf, HOURS, mergeTop, MINUTE_MS, type Span } from "./timeline.ts";

/** The number of names to read from each hour's lists: enough for the totals of 24 hours. */
const TOP_READ = 200;

/** A rule's limit, window and mode. */
export type RuleFacts = Pick<StatsRule, "limit" | "window_ms" | "mode">;

/** The counts of all instances. */
export interface SharedSpan extends Span {
  /** The last known facts about each rule. */
  readonly rules: ReadonlyMap<string, RuleFacts>;
}

/** The field of a Redis hash for a count. */
export const fieldOf = ([kind, name, measure]: Count): string => `${kind} ${measure} ${name}`;

function countOf(field: string, n: number): Count {
  const [, kind, measure, name] = /^(\w+) (\w+) (.*)$/s.exec(field) ?? [];
  return [kind as Kind, name, measure as Measure, n];
}

/** Stored names begin with "#", because the Upstash client may parse numeric names as numbers. */
const named = (list: unknown): Counted[] =>
  pairs(list).map(([name, count]) => ({ name: name.slice(1), count }));

/** A flat list from Redis, in pairs. */
function pairs(reply: unknown): [string, number][] {
  const list = reply as unknown[];
  return Array.from({ length: list.length / 2 }, (_, i) => [String(list[2 * i]), Number(list[2 * i + 1])]);
}

/** The hours and minutes that are read, each as its number since the epoch, the earliest first. */
interface Times {
  readonly hours: readonly number[];
  readonly minutes: readonly number[];
  /** The hours that these minutes are in. */
  readonly minuteHours: readonly number[];
}

function timesOf(now: number, wanted: number): Times {
  const last = Math.floor(now / MINUTE_MS);
  const first = hourOf(last) - HOURS + 1;
  const minutes = Array.from({ length: wanted }, (_, i) => last - wanted + 1 + i);
  return {
    hours: Array.from({ length: HOURS }, (_, i) => first + i),
    minutes,
    minuteHours: [...new Set(minutes.map(hourOf))],
  };
}

/** The commands that read all of it, in the order in which {@link readSpan} takes their replies. */
function commandsFor({ hours, minutes, minuteHours }: Times, lists: readonly string[]): Commands {
  const todo = commands();
  for (const hour of hours) todo.add("HGETALL", `hour:${hour}`);
  for (const hour of hours) todo.add("PFCOUNT", `clients:${hour}`);
  for (const list of lists) {
    for (const hour of hours) {
      todo.add("ZREVRANGE", `${list}:${hour}`, 0, TOP_READ - 1, "WITHSCORES");
    }
  }
  todo.add("PFCOUNT", hours.map((hour) => `clients:${hour}`));
  todo.add("HGETALL", "rules");
  for (const hour of minuteHours) todo.add("HGETALL", `minutes:${hour}`);
  for (const minute of minutes) {
    todo.add("PFCOUNT", `clients:${hourOf(minute)}:${minute % 60}`);
  }
  return todo;
}

/** The facts of each rule, from the hash that holds it. */
function rulesOf(reply: unknown): Map<string, RuleFacts> {
  const facts = reply as unknown[];
  const known = new Map<string, RuleFacts>();
  for (let i = 0; i < facts.length; i += 2) {
    const [limit, windowMs, mode] = String(facts[i + 1]).split(" ");
    known.set(String(facts[i]), { limit: Number(limit), window_ms: Number(windowMs), mode: mode as Mode });
  }
  return known;
}

/** The counts of each minute, from the hashes of their hours. */
function countsOfMinutes({ minutes, minuteHours }: Times, next: () => unknown): Map<number, StatsBreakdown> {
  const counted = new Map(minutes.map((minute) => [minute, emptyCounts()]));
  for (const hour of minuteHours) {
    for (const [field, n] of pairs(next())) {
      const [, minute, rest] = /^(\d+) (.*)$/s.exec(field) ?? [];
      const totals = counted.get(hour * 60 + Number(minute));
      if (totals !== undefined) addCount(totals, countOf(rest, n));
    }
  }
  return counted;
}

/**
 * @param ask Runs commands; gives their replies.
 * @param lists The names of the lists of clients, of routes and of keys, and of clients and routes that a trial alone would refuse.
 * @param now Epoch ms.
 * @param wanted How many minutes.
 * @param top How many names.
 */
export async function readSpan(
  ask: (todo: Commands) => Promise<unknown>,
  lists: readonly string[],
  now: number,
  wanted: number,
  top: number,
): Promise<SharedSpan> {
  const times = timesOf(now, wanted);
  const { hours, minutes } = times;
  const replies = (await ask(commandsFor(times, lists)) as unknown[]).values();
  const next = (): unknown => replies.next().value;

  const hourCounts = hours.map(() => pairs(next()).map(([field, n]) => countOf(field, n)));
  const hourClients = hours.map(() => Number(next()));
  const [topClients, topRoutes, keys, trialClients, trialRoutes] = lists.map(() =>
    mergeTop(hours.map(() => named(next())))
  );
  const uniqueClients = Number(next());
  const rules = rulesOf(next());
  const counted = countsOfMinutes(times, next);
  return {
    hours: hours.map((hour, i) => ({
      start: hour * 60 * MINUTE_MS,
      ...breakdownOf(hourCounts[i]),
      unique_clients: hourClients[i],
    })),
    minutes: minutes.map((minute) => ({
      start: minute * MINUTE_MS,
      ...counted.get(minute) as StatsBreakdown,
      unique_clients: Number(next()),
    })),
    totals: breakdownOf(hourCounts.flat()),
    uniqueClients,
    topClients: topClients.slice(0, top),
    topRoutes: topRoutes.slice(0, top),
    topKeys: topOfEachRule(keys, top),
    topTrialClients: topOfEachRule(trialClients, top),
    topTrialRoutes: topOfEachRule(trialRoutes, top),
    rules,
  };
}
