import { assert } from "@std/assert";
import { Redis as Ioredis } from "ioredis";
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe } from "node:test";
import type { FailurePolicy } from "../../mod.ts";
import { redisStore } from "../../src/stores/redis/mod.ts";
import { sqliteStore } from "../../src/stores/sqlite/mod.ts";
import { upstashStore } from "../../src/stores/upstash/mod.ts";
import { type BridgeFault, startBridge } from "../harness/bridge.ts";
import { startDoor } from "../harness/door.ts";
import type { Outage } from "../harness/outage.ts";
import {
  DEADLINE_MS,
  type Expectation,
  itWithstands,
  type OutageTrial,
  printOutages,
} from "../harness/outage_trials.ts";
import { type Redis, startRedis, withoutRedis } from "../harness/redis.ts";
import { mayMountSmallDisk, mountSmallDisk, unmountSmallDisk } from "../harness/small_disk.ts";
import { type SqliteFolder, sqliteFolder } from "../harness/sqlite.ts";
import { pause } from "../harness/until.ts";

/** Every way in which a shared store fails, under load, for every policy: on a real Redis, over HTTP and over TCP. */

const AT_ONCE = 5;

describe("the REST endpoint fails", { skip: withoutRedis }, () => {
  const status = (code: number, body = "busy"): BridgeFault => ({ kind: "status", status: code, body });
  const error = (code: number, text: string): BridgeFault => status(code, JSON.stringify({ error: text }));
  const FAULTS: readonly (readonly [string, BridgeFault, Expectation?])[] = [
    ["401", error(401, "WRONGPASS invalid or missing auth token")],
    ["429", error(429, "ERR max requests limit exceeded")],
    ["500", error(500, "ERR internal error")],
    ["503", status(503)],
    ["502 with HTML", status(502, "<html><h1>502 Bad Gateway</h1></html>")],
    ["200 with HTML", { kind: "body", body: "<html>welcome</html>" }],
    ["null", { kind: "body", body: "null" }],
    ["a null result", { kind: "body", body: '{"result":null}' }],
    ["cut-off JSON", { kind: "body", body: '[{"result":[1' }],
    ["OOM", error(400, "OOM command not allowed when used memory > 'maxmemory'.")],
    ["LOADING", error(400, "LOADING Redis is loading the dataset in memory")],
    ["connection reset", { kind: "reset" }],
    ["connection reset after the command", { kind: "lost" }, { mayCharge: true }],
    ["no answer", { kind: "hang" }],
    ["an answer after the deadline", { kind: "late", ms: DEADLINE_MS + 150 }, { mayCharge: true }],
  ];

  let redis: Redis;
  before(async () => {
    redis = await startRedis();
  });
  after(() => redis.stop());

  const stores = (url: string, token: string, prefix: string) => (policy: FailurePolicy) =>
    upstashStore({ url, token, prefix: `${prefix} ${policy}`, timeoutMs: DEADLINE_MS });

  const answers = FAULTS.map(([name, fault, expectation]): OutageTrial => ({
    fault: `HTTP: ${name}`,
    expectation,
    async prepare() {
      const bridge = await startBridge({ path: redis.path });
      return {
        outage: { begin: () => bridge.fault = fault, end: () => bridge.fault = null },
        storeFor: stores(bridge.url, bridge.token, name),
        clear: bridge.close,
      };
    },
  }));

  const refused: OutageTrial = {
    fault: "HTTP: connection refused",
    expectation: { mayCharge: true },
    async prepare() {
      const bridge = await startBridge({ path: redis.path });
      const door = await startDoor(Number(new URL(bridge.url).port));
      return {
        outage: { begin: door.shut, end: door.open },
        storeFor: stores(door.url, bridge.token, "refused"),
        async clear() {
          await door.shut();
          await bridge.close();
        },
      };
    },
  };

  const frozen: OutageTrial = {
    fault: "HTTP: Redis behind it frozen (SIGSTOP)",
    expectation: { mayCharge: true },
    async prepare() {
      const own = await startRedis();
      const bridge = await startBridge({ path: own.path });
      return {
        outage: { begin: () => own.signal("SIGSTOP"), end: () => own.signal("SIGCONT") },
        storeFor: stores(bridge.url, bridge.token, "frozen"),
        async clear() {
          await bridge.close();
          await own.stop();
        },
      };
    },
  };

  itWithstands([...answers, refused, frozen], AT_ONCE);
});

describe("Redis fails, over TCP", { skip: withoutRedis }, () => {
  /** Loads what it has saved, key by key, slowly enough to be asked meanwhile. */
  function loading(redis: Redis): Outage {
    let reloaded: Promise<unknown> = Promise.resolve();
    return {
      async begin() {
        await redis.command("CONFIG", "SET", "loading-process-events-interval-bytes", "1024");
        await redis.command("CONFIG", "SET", "key-load-delay", "2000");
        for (let i = 0; i < 700; i++) {
          await redis.command("SET", `ballast:${i}`, "x".repeat(100), "PX", 60_000);
        }
        reloaded = redis.command("DEBUG", "RELOAD");
        await pause(100);
      },
      end: () => reloaded,
    };
  }

  const OUTAGES: readonly (readonly [string, (redis: Redis) => Outage, Expectation?])[] = [
    ["frozen (SIGSTOP)", (redis) => ({
      begin: () => redis.signal("SIGSTOP"),
      end: () => redis.signal("SIGCONT"),
    }), { mayCharge: true }],
    ["killed (-9) and started again, empty", (redis) => ({
      begin: () => redis.kill(),
      end: () => redis.restart(),
    }), { isEmptied: true }],
    ["out of memory (OOM)", (redis) => ({
      begin: () => redis.command("CONFIG", "SET", "maxmemory", "1"),
      end: () => redis.command("CONFIG", "SET", "maxmemory", "0"),
    })],
    ["a replica now (READONLY)", (redis) => ({
      begin: () => redis.command("REPLICAOF", "127.0.0.1", "1"),
      end: () => redis.command("REPLICAOF", "NO", "ONE"),
    })],
    ["loading its data (LOADING)", loading],
  ];

  itWithstands(
    OUTAGES.map(([name, outageOf, expectation]): OutageTrial => ({
      fault: `TCP: ${name}`,
      expectation,
      async prepare() {
        const redis = await startRedis(["--enable-debug-command", "yes"]);
        const clients: Ioredis[] = [];
        return {
          outage: outageOf(redis),
          storeFor(policy) {
            const client = new Ioredis(redis.url, {
              autoResendUnfulfilledCommands: false,
              maxRetriesPerRequest: 0,
              retryStrategy: () => 50,
            });
            client.on("error", () => {});
            clients.push(client);
            return redisStore({ client, prefix: policy, timeoutMs: DEADLINE_MS });
          },
          async clear() {
            for (const client of clients) client.disconnect();
            await redis.stop();
          },
        };
      },
    })),
    AT_ONCE,
  );
});

describe("a file of SQLite fails", () => {
  interface Place {
    readonly folder: SqliteFolder;
    clear(): void;
  }
  const inFolder = (): Place => {
    const folder = sqliteFolder();
    return { folder, clear: folder.clear };
  };

  /** A file system of 16 MB in a folder. */
  function onSmallDisk(): Place {
    const folder = sqliteFolder();
    assert(mountSmallDisk(folder.path, "16m"));
    return {
      folder,
      clear() {
        folder.close();
        unmountSmallDisk(folder.path);
        folder.clear();
      },
    };
  }
  const hasSmallDisk = mayMountSmallDisk();
  if (!hasSmallDisk) console.warn("A full disk is not tried, as only root may make a small one, on Linux");

  const lockedBy = ({ open }: SqliteFolder): Outage => {
    const other = open();
    return { begin: () => other.exec("BEGIN IMMEDIATE"), end: () => other.exec("ROLLBACK") };
  };

  const filled = ({ path }: SqliteFolder): Outage => {
    const ballast = join(path, "ballast");
    return {
      begin() {
        const file = openSync(ballast, "w");
        for (let size = 2 ** 20; size >= 1;) {
          try {
            writeSync(file, new Uint8Array(size));
          } catch {
            size = Math.floor(size / 2);
          }
        }
        closeSync(file);
      },
      end: () => rmSync(ballast),
    };
  };

  const OUTAGES: readonly (readonly [string, () => Place, (folder: SqliteFolder) => Outage])[] = [
    ["locked by another writer", inFolder, lockedBy],
    ...hasSmallDisk ? [["disk full", onSmallDisk, filled] as const] : [],
  ];
  itWithstands(
    OUTAGES.map(([name, place, outageOf]): OutageTrial => ({
      fault: `SQLite: ${name}`,
      prepare() {
        const { folder, clear } = place();
        return Promise.resolve({
          outage: outageOf(folder),
          storeFor: (policy) =>
            sqliteStore({ database: folder.open(), table: policy, timeoutMs: DEADLINE_MS }),
          clear,
        });
      },
    })),
    AT_ONCE,
  );
});

after(printOutages);
