/**
 * Gathers an instance's counts until they are written, in batches of bounded size.
 *
 * @module
 */

import type { Count } from "./counts.ts";
import type { Commands } from "./scripts.ts";
import {
  addRefused,
  hourOf,
  HOURS,
  type Minute,
  MINUTES,
  type Refused,
  type TopLists,
  topLists,
} from "./timeline.ts";

/** The number of clients at which a batch is written at once; writing it takes 1 or 2 ms. */
const MAX_BATCH = 2000;
/** The most clients in a batch that cannot be written yet; further ones are not counted as unique. */
const MAX_CLIENTS = 10_000;
/**
 * The words at which a batch takes no further minute. With the largest minute a batch stays below 65,536: some engines pass no more
 * arguments to a function, and Redis clients get the words as arguments.
 */
const MAX_WORDS = 16_000;
/** The most words for a count, for a client, and for the top lists of an hour. */
const COUNT_WORDS = 12;
const CLIENT_WORDS = 2;
const LISTS_WORDS = 3000;

/** The clients of each minute, and the refusals of each hour. */
interface Seen {
  readonly clients: Map<number, Set<string>>;
  readonly refused: Map<number, TopLists>;
}

/** Counts that are not in a batch yet. */
interface Gathered extends Seen {
  /** The changed minutes. */
  readonly minutes: Set<Minute>;
  /** The number of clients. */
  size: number;
}

/** A batch. It does not change until the store has confirmed it. */
export interface Batch extends Seen {
  readonly number: number;
  readonly counts: readonly (readonly [minute: number, counts: readonly Count[]])[];
  /** Its commands, built once: during an outage it is sent many times. */
  commands: Commands | null;
}

const nothingGathered = (): Gathered => ({
  minutes: new Set(),
  clients: new Map(),
  refused: new Map(),
  size: 0,
});

/** Drops the first entry of a set or a map beyond so many: it is older than any report reads back. */
function dropBeyond<Key>(most: number, kept: Set<Key> | Map<Key, unknown>): void {
  if (kept.size > most) kept.delete(kept.keys().next().value as Key);
}

/** Moves an entry from one map to another; returns it. */
function move<Value>(key: number, from: Map<number, Value>, to: Map<number, Value>): Value | undefined {
  const value = from.get(key);
  if (value === undefined) return undefined;
  from.delete(key);
  to.set(key, value);
  return value;
}

/**
 * Gathers minutes, clients and refusals until they are sealed into batches.
 *
 * @param unpublished Returns the counts of a minute that are in no batch yet.
 */
export function gatherer(unpublished: (minute: Minute) => readonly Count[]) {
  let gathered = nothingGathered();
  let batches = 0;

  /** A batch of the first of these minutes, with their clients and the refusals of their hours. */
  function batchOf(minutes: Minute[], { clients, refused }: Seen): Batch {
    const counts: [minute: number, counts: readonly Count[]][] = [];
    const batch = { number: ++batches, counts, clients: new Map(), refused: new Map(), commands: null };
    for (let words = 0; words < MAX_WORDS;) {
      const minute = minutes.shift();
      if (minute === undefined) break;
      const changed = unpublished(minute);
      counts.push([minute.minute, changed]);
      words += COUNT_WORDS * changed.length;
      words += CLIENT_WORDS * (move(minute.minute, clients, batch.clients)?.size ?? 0);
      if (move(hourOf(minute.minute), refused, batch.refused) !== undefined) words += LISTS_WORDS;
    }
    return batch;
  }

  return {
    touch(minute: Minute): void {
      gathered.minutes.add(minute);
      dropBeyond(MINUTES, gathered.minutes);
    },
    /** Notes a client, and how it was refused, if it was. Is a batch full with that? */
    note(minute: number, client: string | null, refused: Refused | null): boolean {
      let isFull = false;
      if (client !== null && gathered.size < MAX_CLIENTS) {
        let set = gathered.clients.get(minute);
        if (set === undefined) gathered.clients.set(minute, set = new Set());
        const { size } = set;
        gathered.size += set.add(client).size - size;
        isFull = set.size > size && gathered.size === MAX_BATCH;
      }
      if (refused === null) return isFull;
      const hour = hourOf(minute);
      let lists = gathered.refused.get(hour);
      if (lists === undefined) {
        gathered.refused.set(hour, lists = topLists());
        dropBeyond(HOURS, gathered.refused);
      }
      addRefused(lists, refused);
      return isFull;
    },
    /** The gathered counts in batches, each made when it is asked for: after an outage there are many. */
    *seal(): Generator<Batch, void> {
      const sealed = gathered;
      const minutes = [...sealed.minutes];
      gathered = nothingGathered();
      while (minutes.length > 0) yield batchOf(minutes, sealed);
    },
  };
}
