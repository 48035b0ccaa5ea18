/**
 * Shares the statistics of several instances through their store: in batches, in the background.
 *
 * @module
 */

import { randomSeed, type Seed, shortHash } from "../hash/half_sip_hash.ts";
import { within } from "../maybe.ts";
import { keeperOf } from "../exchange/wait_until.ts";
import type { Store } from "../stores/store.ts";
import { warn } from "../warn_once.ts";
import type { Count } from "./counts.ts";
import { CHUNK, type Commands, commands, EXPIRY_S, readScript, writeScript } from "./scripts.ts";
import { fieldOf, readSpan, type RuleFacts, type SharedSpan } from "./shared_span.ts";
import { shownTrialClient } from "./rule_key.ts";
import {
  addRefused,
  HOURS,
  type Minute,
  MINUTES,
  type Refused,
  type TopLists,
  topLists,
} from "./timeline.ts";

/** The time between two batches, in ms. */
const INTERVAL_MS = 5000;
/** The deadline of the store, in ms: only a reader waits for it. */
const DEADLINE_MS = 2000;
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
/** The number of names that a batch adds to a top list, and the length of the stored list. */
const TOP_WRITTEN = 100;
const TOP_STORED = 1000;

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
interface Batch extends Seen {
  readonly number: number;
  readonly counts: readonly (readonly [minute: number, counts: readonly Count[]])[];
  /** Its commands, built once: during an outage it is sent many times. */
  commands: Commands | null;
}

/** Statistics shared with other instances. */
export interface Sharing {
  /** Marks a minute as changed. The first change after a batch schedules the next one. */
  touch(minute: Minute, now: number, platform: readonly unknown[]): void;
  /** Records a client, and its refusal if it was refused. */
  note(minute: Minute, client: string | null, refused: Refused | null): void;
  /** The seed of all instances' hashes; null before the store has returned it. */
  readonly seed: Seed | null;
  /** Writes the gathered counts now; rejects if that fails. */
  flush(): Promise<void>;
  /** The counts of all instances. */
  read(now: number, minutes: number, top: number): Promise<SharedSpan>;
}

/** The parts of the statistics that sharing needs. */
export interface SharingOptions {
  /** Runs the scripts. */
  readonly run: NonNullable<Store["run"]>;
  /** Are addresses written in plain text? */
  readonly showAddresses: boolean;
  /** Are keys written in plain text? */
  readonly revealKeys: boolean;
  /** Returns the counts of a minute that are not published yet. */
  readonly unpublished: (minute: Minute) => readonly Count[];
  /** The known facts about each rule. */
  readonly rules: ReadonlyMap<string, RuleFacts>;
  /** The published name of a client. */
  readonly shownClient: (client: string, seed: Seed) => string;
  /** The published name of a rule's key. */
  readonly shownKey: (name: string, seed: Seed) => string;
}

/** Raw names and hashes are kept in lists of their own, so that a reader sees only what it asked for. */
const listsOf = ({ showAddresses, revealKeys }: SharingOptions) => ({
  clients: `refused-${showAddresses ? "addresses" : "clients"}`,
  routes: "refused-routes",
  keys: `refused-${revealKeys ? "raw-keys" : "keys"}`,
  trialClients: `trial-${showAddresses ? "addresses" : "clients"}`,
  trialRoutes: "trial-routes",
});

/** A number since the epoch, of a minute, as that of its hour. */
const hourOf = (minute: number): number => Math.floor(minute / 60);

/** Commands that note which keys live on. */
type Add = (name: string, key: string, ...words: (string | number)[]) => void;

function addCounts(add: Add, { counts, clients }: Batch, seed: Seed): void {
  for (const [minute, list] of counts) {
    for (const count of list) {
      add("HINCRBY", `hour:${hourOf(minute)}`, fieldOf(count), count[3]);
      add("HINCRBY", `minutes:${hourOf(minute)}`, `${minute % 60} ${fieldOf(count)}`, count[3]);
    }
  }
  for (const [minute, set] of clients) {
    const names = Array.from(set, (client) => shortHash(client, seed));
    for (let i = 0; i < names.length; i += CHUNK) {
      add("PFADD", `clients:${hourOf(minute)}`, ...names.slice(i, i + CHUNK));
      add("PFADD", `clients:${hourOf(minute)}:${minute % 60}`, ...names.slice(i, i + CHUNK));
    }
  }
}

function addTopLists(add: Add, { refused }: Batch, seed: Seed, options: SharingOptions): void {
  const { shownClient, shownKey } = options;
  const names = listsOf(options);
  for (const [hour, lists] of refused) {
    const tops = [
      [names.clients, lists.clients, (name: string) => shownClient(name, seed)],
      [names.routes, lists.routes, (name: string) => name],
      [names.keys, lists.keys, (name: string) => shownKey(name, seed)],
      [names.trialClients, lists.trialClients, (name: string) => shownTrialClient(name, shownClient, seed)],
      [names.trialRoutes, lists.trialRoutes, (name: string) => name],
    ] as const;
    for (const [list, counted, shown] of tops) {
      const key = `${list}:${hour}`;
      const top = counted.top(TOP_WRITTEN).filter(({ count }) => count > 0);
      for (const { name, count } of top) add("ZINCRBY", key, count, `#${shown(name)}`);
      if (top.length > 0) add("ZREMRANGEBYRANK", key, 0, -TOP_STORED - 1);
    }
  }
}

/** The commands that write a batch. */
function commandsOf(batch: Batch, seed: Seed, instance: string, options: SharingOptions): Commands {
  const todo = commands(["seed", instance]);
  const living = new Set<string>();
  const add: Add = (name, key, ...words) => {
    living.add(key);
    todo.add(name, key, ...words);
  };
  addCounts(add, batch, seed);
  addTopLists(add, batch, seed, options);
  for (const [name, { limit, window_ms, mode }] of options.rules) {
    add("HSET", "rules", name, `${limit} ${window_ms} ${mode}`);
  }
  for (const key of living) todo.add("EXPIRE", key, EXPIRY_S);
  return todo;
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

/** Gathers clients and refusals until they are sealed into batches. */
function gatherer(unpublished: SharingOptions["unpublished"]) {
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

/** Runs the scripts on the store, under a deadline. */
function sender(options: SharingOptions) {
  let instance: string | null = null;
  let seed: Seed | null = null;

  const ask = async (
    script: string,
    { keys, words }: Commands,
    first: readonly string[] = [],
  ): Promise<unknown> =>
    await within(
      options.run(script, keys, [...first, ...words]),
      DEADLINE_MS,
      () => new Error(`The store did not take statistics within ${DEADLINE_MS} ms`),
    );

  return {
    get seed() {
      return seed;
    },
    ask,
    /** Sends a batch until it is known to have arrived. Sent again, it is not counted again. */
    async send(sealed: Batch): Promise<void> {
      instance ??= `batch:${crypto.randomUUID()}`;
      // The first answer may be the seed that other instances agreed on; it changes only when Redis loses it.
      for (let tries = 0; tries < 3; tries++) {
        seed ??= randomSeed();
        sealed.commands ??= commandsOf(sealed, seed, instance, options);
        const answer = await ask(writeScript(), sealed.commands, [seed.join(), String(sealed.number)]);
        if (answer === "done") return;
        const [a, b] = String(answer).split(",").map(Number);
        if (!Number.isInteger(a) || !Number.isInteger(b)) {
          throw new TypeError(`Cannot share statistics as the store must answer "done" or a seed: ${answer}`);
        }
        seed = [a, b];
        sealed.commands = null;
      }
      throw new Error("Cannot share statistics as the seed of their hashes changes all the time");
    },
  };
}

/** Plans writes: some time after something happened, in the background, without an error. */
function planner(flush: () => Promise<void>) {
  let plannedUntil = -Infinity;
  let failing = false;

  async function flushQuietly(): Promise<void> {
    try {
      await flush();
      failing = false;
    } catch (error) {
      if (!failing) {
        // As text, since the errors of Redis clients contain the whole command.
        warn("Statistics are not shared at the moment; nothing else is touched by that.", String(error));
      }
      failing = true;
    }
  }

  function plan(ms: number, keeper: ReturnType<typeof keeperOf>): void {
    const written = new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        plannedUntil = -Infinity;
        resolve(flushQuietly());
      }, ms);
      // Only statistics depend on this timer, so the process may exit.
      if (keeper === null) (timer as { unref?(): void }).unref?.();
    });
    keeper?.(written);
  }

  return {
    atOnce: () => plan(0, null),
    later(now: number, platform: readonly unknown[]): void {
      if (now < plannedUntil) return;
      // A platform may stop a timer with the request that started it, so the next event starts another.
      plannedUntil = now + 2 * INTERVAL_MS;
      plan(INTERVAL_MS, keeperOf(platform));
    },
  };
}

/** @returns Statistics shared through a store. Nothing is drawn, planned or sent before the first event. */
export function sharing(options: SharingOptions): Sharing {
  const { touch, note, seal } = gatherer(options.unpublished);
  const store = sender(options);
  const planned = planner(flush);
  let batch: Batch | null = null;
  /** The batches after it. */
  let waiting = seal();
  let writing: Promise<void> | null = null;

  async function writeWaiting(): Promise<void> {
    while ((batch ??= waiting.next().value ?? null) !== null) {
      await store.send(batch);
      batch = null;
    }
  }

  async function write(): Promise<void> {
    await writeWaiting();
    waiting = seal();
    await writeWaiting();
  }

  async function flush(): Promise<void> {
    if (writing !== null) await writing.catch(() => {});
    writing ??= write().finally(() => writing = null);
    await writing;
  }

  return {
    get seed() {
      return store.seed;
    },
    flush,
    touch(minute, now, platform) {
      touch(minute);
      planned.later(now, platform);
    },
    note({ minute }, client, refused) {
      if (note(minute, client, refused)) planned.atOnce();
    },
    async read(now, wanted, top) {
      await flush();
      return await readSpan(
        (todo) => store.ask(readScript(), todo),
        Object.values(listsOf(options)),
        now,
        wanted,
        top,
      );
    },
  };
}
