import { assert } from "@std/assert";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, describe } from "node:test";
import { denoKvStore, type KvLike } from "../../../src/stores/deno_kv/mod.ts";
import { pauseAwake } from "../../harness/awake.ts";
import { type Kv, openKv, withoutDenoKv } from "../../harness/deno_kv.ts";
import type { Outage } from "../../harness/outage.ts";
import {
  DEADLINE_MS,
  type Expectation,
  itWithstands,
  type OutageTrial,
  printOutages,
} from "../../harness/outage_trials.ts";
import { mayMountSmallDisk, mountSmallDisk, unmountSmallDisk } from "../../harness/small_disk.ts";

/** The ways in which Deno KV fails, under load, for every policy. */

/** A database in a folder of its own, as the stores see it: through a handle that a fault may change. */
interface Scene {
  readonly folder: string;
  readonly path: string;
  handle: Kv;
  /** Runs before an answer of the database is given. */
  delay(answer: "read" | "written"): Promise<unknown> | void;
}

interface Fault {
  readonly name: string;
  readonly outageOf: (scene: Scene) => Outage;
  readonly expectation?: Expectation;
  readonly isOnSmallDisk?: boolean;
}

/** A process that locks the file until its input ends. */
const LOCKER = `import { DatabaseSync } from "node:sqlite";
const database = new DatabaseSync(Deno.args[0]);
database.exec("PRAGMA busy_timeout = 10000; BEGIN IMMEDIATE");
console.log("locked");
await Deno.stdin.readable.pipeTo(new WritableStream());
database.exec("ROLLBACK");`;

function lockedByAnother({ path, folder }: Scene): Outage {
  const file = join(folder, "lock.mjs");
  writeFileSync(file, LOCKER);
  let release = async (): Promise<void> => {};
  return {
    async begin() {
      const child = spawn(process.execPath, ["run", "-A", file, path], {
        stdio: ["pipe", "pipe", "inherit"],
      });
      await once(child.stdout!, "data");
      release = async () => {
        const ended = once(child, "exit");
        child.stdin!.end();
        await ended;
      };
    },
    end: () => release(),
  };
}

function filled({ folder }: Scene): Outage {
  const ballast = join(folder, "ballast");
  return {
    begin: () => spawnSync("dd", ["if=/dev/zero", `of=${ballast}`, "bs=4k"]),
    end: () => rmSync(ballast),
  };
}

function closed(scene: Scene): Outage {
  return {
    begin: () => scene.handle.close(),
    async end() {
      scene.handle = await openKv(scene.path);
    },
  };
}

const delayed = (delay: Scene["delay"]) => (scene: Scene): Outage => {
  const { delay: none } = scene;
  return { begin: () => scene.delay = delay, end: () => scene.delay = none };
};

/** The database, whose answers may be late as those of a region far away are. */
function seen(scene: Scene): KvLike {
  return {
    async getMany(keys, options) {
      const entries = await scene.handle.getMany(keys, options);
      await scene.delay("read");
      return entries;
    },
    delete: (key) => scene.handle.delete(key),
    atomic() {
      const atomic = scene.handle.atomic();
      const commit = atomic.commit.bind(atomic);
      atomic.commit = async () => {
        const answer = await commit();
        await scene.delay("written");
        return answer;
      };
      return atomic;
    },
  };
}

const never = new Promise<never>(() => {});

const hasSmallDisk = !withoutDenoKv && mayMountSmallDisk();
if (!withoutDenoKv && !hasSmallDisk) {
  console.warn("A full disk is not tried, as only root may make a small one, on Linux");
}

const FAULTS: readonly Fault[] = [
  { name: "locked by another process", outageOf: lockedByAnother },
  ...hasSmallDisk ? [{ name: "disk full", outageOf: filled, isOnSmallDisk: true }] : [],
  { name: "closed, and opened again", outageOf: closed },
  // Nothing is written once nobody waits any more.
  { name: "answers after the deadline", outageOf: delayed(() => pauseAwake(DEADLINE_MS + 150)) },
  { name: "no answer", outageOf: delayed(() => never) },
  {
    name: "no answer to a write",
    outageOf: delayed((answer) => answer === "written" ? never : undefined),
    expectation: { mayCharge: true },
  },
];

describe("Deno KV fails", { skip: withoutDenoKv }, () => {
  itWithstands(
    FAULTS.map(({ name, outageOf, expectation, isOnSmallDisk = false }): OutageTrial => ({
      fault: `Deno KV: ${name}`,
      expectation,
      async prepare() {
        const folder = mkdtempSync(join(tmpdir(), "weir-kv-outage-"));
        if (isOnSmallDisk) assert(mountSmallDisk(folder, "16m"));
        const path = join(folder, "kv.sqlite");
        const scene: Scene = { folder, path, handle: await openKv(path), delay() {} };
        return {
          outage: outageOf(scene),
          storeFor: (policy) => denoKvStore({ kv: seen(scene), prefix: policy, timeoutMs: DEADLINE_MS }),
          clear() {
            scene.handle.close();
            if (isOnSmallDisk) unmountSmallDisk(folder);
            rmSync(folder, { recursive: true });
          },
        };
      },
    })),
    3,
  );
  after(printOutages);
});
