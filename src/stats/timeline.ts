/**
 * The counts of one instance over the last 24 hours, in bounded memory: every minute's numbers, every hour's sketches.
 *
 * @module
 */

import { type HyperLogLog, hyperLogLog } from "./hyper_log_log.ts";
import {
  breakdownOf,
  type Count,
  type Kind,
  MEASURES,
  noCounts,
  type StatsBreakdown,
  type StatsSlot,
} from "./report.ts";
import { topOfEachRule } from "./rule_key.ts";
import { byCount, type Counted, type SpaceSaving, spaceSaving } from "./space_saving.ts";
import { subjects } from "./subjects.ts";

/** A minute in ms. */
export const MINUTE_MS = 60_000;
/** Minutes in 24 hours. */
export const MINUTES = 1440;
/** Hours that are reported. */
export const HOURS = 24;

/** Names kept of the clients, the routes and the keys of all rules that were refused within one hour. */
const TOP_CLIENTS = 500;
const TOP_ROUTES = 250;
const TOP_KEYS = 500;

/** What was refused most. */
export interface TopLists {
  /** By client. */
  readonly clients: SpaceSaving;
  /** By route pattern. */
  readonly routes: SpaceSaving;
  /** By rule and key. */
  readonly keys: SpaceSaving;
}

/** One refusal, for the lists of what was refused most. */
export interface Refused {
  /** Who sent the request, where that is known. */
  readonly client: string | null;
  /** Where it went. */
  readonly route: string;
  /** The rules that refused it, each with its key. */
  readonly keys: readonly string[];
}

/** @returns Empty ones. */
export function topLists(): TopLists {
  return {
    clients: spaceSaving(TOP_CLIENTS),
    routes: spaceSaving(TOP_ROUTES),
    keys: spaceSaving(TOP_KEYS),
  };
}

/** Adds a refusal to lists. */
export function addRefused(lists: TopLists, { client, route, keys }: Refused): void {
  if (client !== null) lists.clients.add(client);
  lists.routes.add(route);
  for (const key of keys) lists.keys.add(key);
}

/** One minute. */
export interface Minute {
  /** Which: minutes since the epoch. */
  readonly minute: number;
  /** Its counts, by the ids of subjects. What is beyond its end is 0. */
  counts: Uint32Array;
  /** Those that other instances were told already. */
  told: Uint32Array | null;
  /** How many clients it had; while it lasts, its sketch knows. */
  clients: number;
}

interface Hour {
  /** Which: hours since the epoch. */
  readonly hour: number;
  readonly clients: HyperLogLog;
  readonly refused: TopLists;
}

/** What is reported of a span of time, whoever counted it. */
export interface Span {
  /** The last minutes, the earliest first. */
  readonly minutes: StatsSlot[];
  /** The last hours, the earliest first. */
  readonly hours: StatsSlot[];
  /** The sums of all hours. */
  readonly sums: StatsBreakdown;
  /** Different clients over all hours. */
  readonly uniqueClients: number;
  /** The clients that were refused most. */
  readonly topClients: Counted[];
  /** The routes that were refused most. */
  readonly topRoutes: Counted[];
  /** The keys of each rule that were refused most. */
  readonly topKeys: Counted[];
}

/** The counts of one instance. */
export interface Timeline {
  /** Turns to the time of what is counted next. */
  enter(now: number): Minute;
  /** Where the counts of a name begin. */
  idOf(kind: Kind, name: string): number;
  /** Adds one to a measure of a name, by its place among the measures. */
  add(id: number, measure: number): void;
  /** Notes a client by its hash. */
  seen(low: number, high: number): void;
  /** Notes who was refused where, and by which rules. */
  refused(refusal: Refused): void;
  /** The minute entered last; null at the beginning. */
  readonly current: Minute | null;
  /** The counts of a minute that other instances were not told yet; from now on they were. */
  untold(minute: Minute): readonly Count[];
  /** All that was ever counted. */
  totals(): StatsBreakdown;
  /** The last 24 hours, and so many minutes. */
  span(now: number, minutes: number, top: number): Span;
}

/** The sums of several top lists. */
export function mergeTop(lists: readonly (readonly Counted[])[], most: number): Counted[] {
  const sums = new Map<string, number>();
  for (const { name, count } of lists.flat()) sums.set(name, (sums.get(name) ?? 0) + count);
  return [...sums].map(([name, count]) => ({ name, count })).filter(({ count }) => count > 0).sort(byCount)
    .slice(0, most);
}

/** The counts of all names, as numbers in rows: a row of measures for each name, where its id says. */
function counters() {
  const names = subjects();
  let totals = new Float64Array(64);

  /** Makes room for the counts of names that are new. */
  function grow(minute: Minute): void {
    const { length } = names.all;
    while (totals.length < length * MEASURES.length) {
      const sums = new Float64Array(2 * totals.length);
      sums.set(totals);
      totals = sums;
    }
    const counts = new Uint32Array(totals.length);
    counts.set(minute.counts);
    minute.counts = counts;
  }

  function countsOf(numberAt: (index: number) => number | undefined): Count[] {
    return names.all.flatMap(({ kind, name, id }) =>
      MEASURES.map((measure, i): Count => [kind, name, measure, numberAt(id + i) ?? 0])
    ).filter(([, , , n]) => n > 0);
  }

  return {
    idOf: names.idOf,
    countsOf,
    /** How long a row of all numbers is. */
    get length() {
      return totals.length;
    },
    add(minute: Minute, id: number, measure: number): void {
      if (id >= minute.counts.length) grow(minute);
      minute.counts[id + measure]++;
      totals[id + measure]++;
    },
    breakdown: (numbers: ArrayLike<number>): StatsBreakdown =>
      breakdownOf(countsOf((index) => numbers[index])),
    totals: (): StatsBreakdown => breakdownOf(countsOf((index) => totals[index])),
  };
}

/** The minutes and hours that are kept, as {@link spanOf} reads them. */
interface Kept {
  readonly numbers: ReturnType<typeof counters>;
  minuteAt(minute: number): Minute | null;
  hourAt(hour: number): Hour | null;
  clientsOf(minute: Minute): number;
}

function slotOfMinute({ numbers, minuteAt, clientsOf }: Kept, minute: number): StatsSlot {
  const found = minuteAt(minute);
  const start = minute * MINUTE_MS;
  if (found === null) return { start, ...noCounts(), unique_clients: 0 };
  return { start, ...numbers.breakdown(found.counts), unique_clients: clientsOf(found) };
}

/** The sums of an hour's minutes. */
function numbersOfHour({ numbers, minuteAt }: Kept, hour: number): Float64Array {
  const sums = new Float64Array(numbers.length);
  for (let minute = hour * 60; minute < hour * 60 + 60; minute++) {
    minuteAt(minute)?.counts.forEach((n, index) => sums[index] += n);
  }
  return sums;
}

/** What is reported of the last 24 hours, and so many minutes. */
function spanOf(kept: Kept, now: number, wanted: number, top: number): Span {
  const { numbers, hourAt } = kept;
  const last = Math.floor(now / MINUTE_MS);
  const first = Math.floor(last / 60) - HOURS + 1;
  const sums = new Float64Array(numbers.length);
  const all = hyperLogLog();
  const lists: TopLists[] = [];
  const hours = Array.from({ length: HOURS }, (_, i): StatsSlot => {
    const ofHour = numbersOfHour(kept, first + i);
    ofHour.forEach((n, index) => sums[index] += n);
    const known = hourAt(first + i);
    if (known !== null) {
      all.merge(known.clients);
      lists.push(known.refused);
    }
    return {
      start: (first + i) * 60 * MINUTE_MS,
      ...numbers.breakdown(ofHour),
      unique_clients: known?.clients.count() ?? 0,
    };
  });
  return {
    minutes: Array.from({ length: wanted }, (_, i) => slotOfMinute(kept, last - wanted + 1 + i)),
    hours,
    sums: numbers.breakdown(sums),
    uniqueClients: all.count(),
    topClients: mergeTop(lists.map(({ clients }) => clients.top(TOP_CLIENTS)), top),
    topRoutes: mergeTop(lists.map(({ routes }) => routes.top(TOP_ROUTES)), top),
    topKeys: topOfEachRule(mergeTop(lists.map(({ keys }) => keys.top(TOP_KEYS)), Infinity), top),
  };
}

/** @returns An empty one. */
export function timeline(): Timeline {
  const numbers = counters();
  const minutes: (Minute | undefined)[] = new Array(MINUTES);
  const hours: (Hour | undefined)[] = new Array(HOURS);
  /** Only the current minute needs a sketch: of those before, the number is known. */
  const minuteClients = hyperLogLog();
  let current: Minute | null = null;
  let hour: Hour | null = null;

  const kept: Kept = {
    numbers,
    minuteAt: (minute) => minutes[minute % MINUTES]?.minute === minute ? minutes[minute % MINUTES]! : null,
    hourAt: (which) => hours[which % HOURS]?.hour === which ? hours[which % HOURS]! : null,
    // A minute that a clock came back to has the clients of one of its two visits at least.
    clientsOf: (minute) =>
      minute === current ? Math.max(minute.clients, minuteClients.count()) : minute.clients,
  };

  function enter(now: number): Minute {
    const minute = Math.floor(now / MINUTE_MS);
    // A clock that is set back a little stays in its minute; one set back far begins anew there.
    if (current !== null && minute <= current.minute && minute > current.minute - 60) return current;
    if (current !== null) current.clients = kept.clientsOf(current);
    minuteClients.clear();
    current = kept.minuteAt(minute) ??
      { minute, counts: new Uint32Array(numbers.length), told: null, clients: 0 };
    minutes[minute % MINUTES] = current;
    const which = Math.floor(minute / 60);
    hour = kept.hourAt(which) ?? { hour: which, clients: hyperLogLog(), refused: topLists() };
    hours[which % HOURS] = hour;
    return current;
  }

  return {
    enter,
    idOf: numbers.idOf,
    add: (id, measure) => numbers.add(current as Minute, id, measure),
    seen(low, high) {
      minuteClients.add(low, high);
      hour?.clients.add(low, high);
    },
    refused(refusal) {
      if (hour !== null) addRefused(hour.refused, refusal);
    },
    get current() {
      return current;
    },
    untold(minute) {
      const { counts, told } = minute;
      minute.told = counts.slice();
      return numbers.countsOf((index) => (counts[index] ?? 0) - (told?.[index] ?? 0));
    },
    totals: numbers.totals,
    span: (now, wanted, top) => spanOf(kept, now, wanted, top),
  };
}
