import { createInterface } from "node:readline";
import process from "node:process";
import {
  type Algorithm,
  byGlobal,
  concurrency,
  createThrottle,
  fixedWindow,
  gcra,
  type Rule,
  slidingLog,
  slidingWindow,
  type Store,
  type Throttle,
} from "../../mod.ts";
import { redisStore } from "../../src/stores/redis/mod.ts";
import { upstashStore } from "../../src/stores/upstash/mod.ts";
import { sqliteStore } from "../../src/stores/sqlite/mod.ts";
import { CLIENTS } from "./clients.ts";
import { SQLITE_DRIVERS } from "./sqlite.ts";

/**
 * A process that competes with others for one limit. Its argument is JSON. It prints "ready". Each line on
 * its input names an algorithm: then it sends all its requests at once and prints, as JSON, how many passed.
 */
export interface ContenderOptions {
  /** The name of a client of Redis or of a driver of SQLite, or "upstash". */
  readonly client: string;
  readonly host?: string;
  readonly port?: number;
  /** The bridge's URL and token, for "upstash". */
  readonly url?: string;
  readonly token?: string;
  /** The file, for SQLite. */
  readonly path?: string;
  /** The error of this process's clock, in ms. */
  readonly skewMs: number;
  /** The number of its requests. */
  readonly requests: number;
  /** The limit, the same for all contenders. */
  readonly limit: number;
}

/** The printed result of a round. */
export interface ContenderReport {
  readonly passed: number;
  readonly refused: number;
  /** The time at which no unit will be in use, by the last refusal: epoch ms of the store's clock. */
  readonly resetAt: number;
}

/** The algorithms of the rounds, by name. */
export const CONTENDED: Readonly<Record<string, Algorithm>> = {
  "fixed-window": fixedWindow(),
  "aligned": fixedWindow({ aligned: true }),
  "gcra": gcra(),
  "sliding-log": slidingLog(),
  "sliding-window": slidingWindow(),
  "concurrency": concurrency({ lease: "1h" }),
};

/** The store of a contender. */
export async function storeOf(
  { client: name, host = "", port = 0, url = "", token = "", path = "" }: ContenderOptions,
): Promise<Store> {
  // Thousands at once on two cores: the test counts the passes, not their speed.
  const options = { timeoutMs: 60_000, denyCache: false };
  if (name === "upstash") return upstashStore({ url, token, ...options });
  const driver = SQLITE_DRIVERS.find((one) => one.name === name);
  if (driver !== undefined) return sqliteStore({ database: driver.open(path), ...options });
  const { client } = await CLIENTS.find((kind) => kind.name === name)!.open({
    host,
    port,
    url: `redis://${host}:${port}`,
  });
  return redisStore({ client, ...options });
}

/** A throttle with a rule for each algorithm of the rounds, in a process whose clock is off by `skewMs`. */
export async function contendedThrottle(
  openStore: () => Promise<Store>,
  { skewMs, limit }: Pick<ContenderOptions, "skewMs" | "limit">,
): Promise<Throttle> {
  const real = Date.now;
  Date.now = () => real() + skewMs;
  const store = await openStore();
  const rules = Object.entries(CONTENDED).map(([name, algorithm]): Rule => ({
    name,
    algorithm,
    key: byGlobal(),
    on: `/${name}`,
    rate: algorithm.window === undefined ? { limit, window: "1day" } : { limit },
  }));
  return createThrottle(rules, { store, onStoreFailure: "deny" });
}

async function contend(options: ContenderOptions): Promise<void> {
  const throttle = await contendedThrottle(() => storeOf(options), options);
  console.log("ready");
  for await (const name of createInterface({ input: process.stdin })) {
    const outcomes = await Promise.all(
      Array.from(
        { length: options.requests },
        () => throttle.check(new Request(`https://api.example/${name}`)),
      ),
    );
    const refused = outcomes.filter(({ allowed }) => !allowed).map(({ decisions: [decision] }) => decision);
    const fromStore = refused.filter(({ source }) => source === "store");
    if (fromStore.length < refused.length) throw new Error("A request was not decided by the store");
    const last = refused.at(-1);
    const report: ContenderReport = {
      passed: outcomes.length - refused.length,
      refused: refused.length,
      resetAt: last === undefined ? 0 : last.at! + last.resetAfterMs,
    };
    console.log(JSON.stringify(report));
  }
}

if (process.argv[2] === "contend") await contend(JSON.parse(process.argv[3]));
