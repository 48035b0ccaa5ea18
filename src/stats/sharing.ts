/**
 * Shares the statistics of several instances through their store: in batches, in the background.
 *
 * @module
 */

import { messageOf } from "../cannot.ts";
import { randomSeed, type Seed, shortHash } from "../hash/half_sip_hash.ts";
import { within } from "../maybe.ts";
import { keeperOf } from "../exchange/wait_until.ts";
import { unref } from "../runtime.ts";
import type { Store } from "../stores/store.ts";
import { warn } from "../warn_once.ts";
import { type Batch, gatherer } from "./batches.ts";
import type { Count } from "./counts.ts";
import { CHUNK, type Commands, commands, EXPIRY_S, readScript, writeScript } from "./scripts.ts";
import { fieldOf, readSpan, type RuleFacts, type SharedSpan } from "./shared_span.ts";
import { shownTrialClient } from "./rule_key.ts";
import { hourOf, type Minute, type Refused } from "./timeline.ts";

/** The time between two batches, in ms. */
const INTERVAL_MS = 5000;
/** The deadline of the store, in ms: only a reader waits for it. */
const DEADLINE_MS = 2000;
/** The number of names that a batch adds to a top list, and the length of the stored list. */
const TOP_WRITTEN = 100;
const TOP_STORED = 1000;

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
        warn("Statistics are not shared at the moment; nothing else is touched by that.", messageOf(error));
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
      if (keeper === null) unref(timer);
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
