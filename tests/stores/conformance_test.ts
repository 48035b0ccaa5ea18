import { after, before, describe, it } from "node:test";
import { setImmediate } from "node:timers";
import { Redis as Upstash } from "@upstash/redis";
import { memoryStore, type StateRows, type Store, transactionStore } from "../../mod.ts";
import { failover } from "../../src/stores/wrappers/failover.ts";
import { redisStore } from "../../src/stores/redis/mod.ts";
import { sqliteStore } from "../../src/stores/sqlite/mod.ts";
import { upstashStore } from "../../src/stores/upstash/mod.ts";
import { faultyStore, manualClock, storeBehaviours, type StoreUnderTest } from "../../src/testing/mod.ts";
import { startBridge } from "../harness/bridge.ts";
import { CLIENTS, CLUSTER_CLIENTS } from "../harness/clients.ts";
import { startCluster } from "../harness/cluster.ts";
import { lanes } from "../harness/lanes.ts";
import { assertLivesEnd } from "../harness/lives.ts";
import { type Redis, startRedis, withoutRedis } from "../harness/redis.ts";
import { SQLITE_DRIVERS, sqliteFolder } from "../harness/sqlite.ts";

/** One store that the behaviours are run over. */
interface Subject {
  readonly name: string;
  readonly skip?: string | false;
  /** Where time is real, behaviours wait for it, side by side; a clock of a test's own they would move under one another. */
  readonly waits?: boolean;
  /** Opens it; `end` closes what it opened. */
  start(): Promise<{ subject: StoreUnderTest; end(): unknown }>;
}

function inMemory(wrap: (store: Store) => Store = (store) => store): Subject["start"] {
  return () => {
    const clock = manualClock();
    const store = memoryStore({ clock });
    const subject = { open: () => wrap(store), advance: (ms: number) => clock.advance(ms) };
    return Promise.resolve({ subject, end() {} });
  };
}

/** Rows in a Map, of which one transaction at a time is under way. */
function inTransactions(isAsync: boolean): Subject["start"] {
  return () => {
    const clock = manualClock();
    const table = new Map<string, string>();
    const later = <T>(value: T) => isAsync ? new Promise<T>((resume) => setImmediate(resume, value)) : value;
    const rows: StateRows = {
      load: (key) => later(table.get(key)),
      save: (key, text) => later(table.set(key, text)),
      remove: (key) => later(table.delete(key)),
      now: () => later(clock()),
    };
    const store = transactionStore({ transact: (run) => run(rows), shared: false });
    return Promise.resolve({ subject: { open: () => store, advance: clock.advance }, end() {} });
  };
}

let redis: Redis;
/** Generous: what is looked at is verdicts, on a machine that may be busy. */
const timeoutMs = 10_000;

const SUBJECTS: readonly Subject[] = [
  { name: "memoryStore", start: inMemory() },
  { name: "faultyStore while it does not fail", start: inMemory(faultyStore) },
  {
    name: "a store with the failure policies around it",
    start: inMemory((store) => failover(store, { rules: [], onStoreFailure: "deny" })),
  },
  { name: "transactionStore over rows that are here at once", start: inTransactions(false) },
  { name: "transactionStore over rows that are promised", start: inTransactions(true) },
  ...SQLITE_DRIVERS.map((driver): Subject => ({
    name: `sqliteStore with ${driver.name}`,
    start() {
      const folder = sqliteFolder();
      const clock = manualClock();
      const open = () => sqliteStore({ database: folder.open("weir.db", driver), clock, timeoutMs });
      return Promise.resolve({ subject: { open, advance: clock.advance }, end: folder.clear });
    },
  })),
  ...CLIENTS.map(({ name, skip, open }): Subject => ({
    name: `redisStore with ${name}`,
    skip: withoutRedis || skip,
    waits: !skip,
    async start() {
      const { client, close } = await open(redis);
      return { subject: { open: () => redisStore({ client, timeoutMs }) }, end: close };
    },
  })),
  {
    name: "redisStore with hashed keys",
    skip: withoutRedis,
    waits: true,
    async start() {
      const { client, close } = await CLIENTS[0].open(redis);
      const open = () => redisStore({ client, timeoutMs, hashKeys: "a secret of the test" });
      return { subject: { open }, end: close };
    },
  },
  ...[true, false].map((enableAutoPipelining): Subject => ({
    name: `upstashStore with a client ${
      enableAutoPipelining ? "of its own" : "that sends every command apart"
    }`,
    skip: withoutRedis,
    waits: true,
    async start() {
      const { url, token, close } = await startBridge(redis);
      const client = new Upstash({ url, token, retry: { retries: 0 }, enableAutoPipelining });
      const open = () =>
        upstashStore(enableAutoPipelining ? { url, token, timeoutMs } : { client, timeoutMs });
      return { subject: { open }, end: close };
    },
  })),
  ...CLUSTER_CLIENTS.map(({ name, skip, open }): Subject => ({
    name: `redisStore with ${name}`,
    skip: withoutRedis || skip,
    waits: !skip,
    async start() {
      const cluster = await sharedCluster();
      const { client, close } = await open(cluster);
      return { subject: { open: () => redisStore({ client, timeoutMs }) }, end: close };
    },
  })),
];

let cluster: ReturnType<typeof startCluster> | null = null;
function sharedCluster(): ReturnType<typeof startCluster> {
  return cluster ??= startCluster();
}

describe("every store", () => {
  before(async () => {
    if (withoutRedis) return;
    redis = await startRedis();
  });
  after(async () => {
    await redis?.stop();
    await (await cluster)?.stop();
  });

  const inLane = lanes(8);
  const tried = SUBJECTS.map(({ waits = false, start }) => {
    let started: ReturnType<Subject["start"]> | null = null;
    const tests = storeBehaviours.map(({ name, run }) => {
      const test = async () => await run((await (started ??= start())).subject);
      return { name, test: waits ? inLane(test) : test };
    });
    return { tests, end: async () => (await started)?.end() };
  });

  SUBJECTS.forEach(({ name, skip = false }, i) => {
    describe(name, { skip }, () => {
      const { tests, end } = tried[i];
      after(end);
      for (const { name, test } of tests) it(name, test);
    });
  });

  it(
    "leaves no key that outlives its state by more than a minute",
    { skip: withoutRedis },
    async () => {
      for (const node of [redis, ...(await cluster)?.nodes ?? []]) await assertLivesEnd(node);
    },
  );
});
