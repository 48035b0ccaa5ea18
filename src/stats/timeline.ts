/**
 * The counts of one instance over the last 24 hours, in bounded memory: numbers per minute, sketches per
 * hour.
 *
 * @module
 */

import { type HyperLogLog, hyperLogLog } from "./hyper_log_log.ts";
import { breakdownOf, type Count, emptyCounts, type Kind, MEASURES, measuresOf } from "./counts.ts";
import type { StatsBreakdown, StatsSlot } from "./report.ts";
import { ruleKey, topOfEachRule } from "./rule_key.ts";
import { byCount, type Counted, type SpaceSaving, spaceSaving } from "./space_saving.ts";
import { subjects } from "./subjects.ts";

/** A minute in ms. */
export const MINUTE_MS = 60_000;
/** Minutes in 24 hours. */
export const MINUTES = 1440;
/** The number of reported hours. */
export const HOURS = 24;
/** The number of the hour, since the epoch, of a minute's number. */
export const hourOf = (minute: number): number => Math.floor(minute / 60);

/** The number of kept clients, routes and keys that were refused within one hour. */
const TOP_CLIENTS = 500;
const TOP_ROUTES = 250;
const TOP_KEYS = 500;

/** The most refused clients, routes and keys. */
export interface TopLists {
  /** By client. */
  readonly clients: SpaceSaving;
  /** By route pattern. */
  readonly routes: SpaceSaving;
  /** By rule and key. */
  readonly keys: SpaceSaving;
  /** By rule and client: requests that only the rule's trial would refuse. */
  readonly trialClients: SpaceSaving;
  /** By rule and route pattern: the same requests. */
  readonly trialRoutes: SpaceSaving;
}

/** One refusal, or one that trials alone would make, for the top lists. */
export interface Refused {
  /** The sender of the request, if known. */
  readonly client: string | null;
  /** The route pattern of the request. */
  readonly route: string;
  /** The rules that refused it, each with its key. */
  readonly keys: readonly string[];
  /** The rules whose trials alone would refuse it: it was let pass then. */
  readonly trials: readonly string[];
}

/** @returns Empty lists. */
export function topLists(): TopLists {
  return {
    clients: spaceSaving(TOP_CLIENTS),
    routes: spaceSaving(TOP_ROUTES),
    keys: spaceSaving(TOP_KEYS),
    trialClients: spaceSaving(TOP_CLIENTS),
    trialRoutes: spaceSaving(TOP_ROUTES),
  };
}

/** Adds a refusal to lists. */
export function addRefused(lists: TopLists, { client, route, keys, trials }: Refused): void {
  for (const rule of trials) {
    if (client !== null) lists.trialClients.add(ruleKey(rule, client));
    lists.trialRoutes.add(ruleKey(rule, route));
  }
  if (trials.length > 0) return;
  if (client !== null) lists.clients.add(client);
  lists.routes.add(route);
  for (const key of keys) lists.keys.add(key);
}

/** One minute. */
export interface Minute {
  /** Minutes since the epoch. */
  readonly minute: number;
  /** Its counts, by the ids of subjects. An index beyond its end counts 0. */
  counts: Uint32Array;
  /** The counts that are published to other instances already. */
  published: Uint32Array | null;
  /** The number of its clients; the current minute's number is in its sketch. */
  clients: number;
}

interface Hour {
  /** Hours since the epoch. */
  readonly hour: number;
  readonly clients: HyperLogLog;
  readonly refused: TopLists;
}

/** The counts of a time span, of one instance or of all. */
export interface Span {
  /** The last minutes in order. */
  readonly minutes: StatsSlot[];
  /** The last hours in order. */
  readonly hours: StatsSlot[];
  /** The totals of all hours. */
  readonly totals: StatsBreakdown;
  /** Distinct clients over all hours. */
  readonly uniqueClients: number;
  /** The most refused clients. */
  readonly topClients: Counted[];
  /** The most refused routes. */
  readonly topRoutes: Counted[];
  /** The most refused keys of each rule. */
  readonly topKeys: Counted[];
  /** The clients of each rule that most often only its trial would refuse. */
  readonly topTrialClients: Counted[];
  /** The routes of such requests. */
  readonly topTrialRoutes: Counted[];
}

/** The counts of one instance. */
export interface Timeline {
  /** Moves to the minute of the next counts. */
  enter(now: number): Minute;
  /** The index of the first count of a name. */
  idOf(kind: Kind, name: string): number;
  /** Adds one to a measure of a name. */
  add(id: number, measure: number): void;
  /** Counts a client by its hash. */
  seen(low: number, high: number): void;
  /** Records a refusal. */
  refused(refusal: Refused): void;
  /** The current minute; null at the beginning. */
  readonly current: Minute | null;
  /** The counts of a minute that are not published yet, and marks them as published. */
  unpublished(minute: Minute): readonly Count[];
  /** The totals since the start. */
  totals(): StatsBreakdown;
  /** The last 24 hours, and the last minutes. */
  span(now: number, minutes: number, top: number): Span;
}

/** Merges several top lists to one, in descending order. */
export function mergeTop(lists: readonly (readonly Counted[])[]): Counted[] {
  const counts = new Map<string, number>();
  for (const { name, count } of lists.flat()) counts.set(name, (counts.get(name) ?? 0) + count);
  return [...counts].map(([name, count]) => ({ name, count })).filter(({ count }) => count > 0).sort(byCount);
}

/** The counts of all names, as numbers in rows: a row of measures for each name, at the index of its id. */
function counters() {
  const names = subjects();
  let allTime = new Float64Array(64);

  /** Extends the counts for new names. */
  function grow(minute: Minute): void {
    const { length } = names.all;
    while (allTime.length < length * MEASURES.length) {
      const larger = new Float64Array(2 * allTime.length);
      larger.set(allTime);
      allTime = larger;
    }
    const counts = new Uint32Array(allTime.length);
    counts.set(minute.counts);
    minute.counts = counts;
  }

  function countsOf(numberAt: (index: number) => number | undefined): Count[] {
    return names.all.flatMap(({ kind, name, id }) =>
      measuresOf(kind).map((measure, i): Count => [kind, name, measure, numberAt(id + i) ?? 0])
    ).filter(([, , , n]) => n > 0);
  }

  return {
    idOf: names.idOf,
    countsOf,
    /** How long a row of all numbers is. */
    get length() {
      return allTime.length;
    },
    add(minute: Minute, id: number, measure: number): void {
      if (id >= minute.counts.length) grow(minute);
      minute.counts[id + measure]++;
      allTime[id + measure]++;
    },
    breakdown: (numbers: ArrayLike<number>): StatsBreakdown =>
      breakdownOf(countsOf((index) => numbers[index])),
    totals: (): StatsBreakdown => breakdownOf(countsOf((index) => allTime[index])),
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
  if (found === null) return { start, ...emptyCounts(), unique_clients: 0 };
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

/** The report of the last 24 hours, and of so many minutes. */
function spanOf(kept: Kept, now: number, wanted: number, top: number): Span {
  const { numbers, hourAt } = kept;
  const last = Math.floor(now / MINUTE_MS);
  const first = hourOf(last) - HOURS + 1;
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
    totals: numbers.breakdown(sums),
    uniqueClients: all.count(),
    topClients: mergeTop(lists.map(({ clients }) => clients.top(TOP_CLIENTS))).slice(0, top),
    topRoutes: mergeTop(lists.map(({ routes }) => routes.top(TOP_ROUTES))).slice(0, top),
    topKeys: topOfEachRule(mergeTop(lists.map(({ keys }) => keys.top(TOP_KEYS))), top),
    topTrialClients: topOfEachRule(
      mergeTop(lists.map(({ trialClients }) => trialClients.top(TOP_CLIENTS))),
      top,
    ),
    topTrialRoutes: topOfEachRule(mergeTop(lists.map(({ trialRoutes }) => trialRoutes.top(TOP_ROUTES))), top),
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
      { minute, counts: new Uint32Array(numbers.length), published: null, clients: 0 };
    minutes[minute % MINUTES] = current;
    const which = hourOf(minute);
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
    unpublished(minute) {
      const { counts, published } = minute;
      minute.published = counts.slice();
      return numbers.countsOf((index) => (counts[index] ?? 0) - (published?.[index] ?? 0));
    },
    totals: numbers.totals,
    span: (now, wanted, top) => spanOf(kept, now, wanted, top),
  };
}
