/** A file of SQLite: requests/s in turn and 32 at once, by libsql on every runtime, and by the runtime's own driver. */
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { freshAddress, seeded } from "../keys.mjs";
import { scenesOf } from "../scenes.mjs";
import { throughput } from "../throughput.mjs";

export const title = "SQLite: requests/s in turn and 32 at once";
export const metrics = {
  turn: "in turn, requests/s",
  many: "32 at once, requests/s",
};
export const runtimes = ["node", "bun", "deno"];
export const share = (id) => `${id.replace(/:.*/, "")}: by hand, ${id.replace(/.*, /, "")}`;

const SCENES = scenesOf(1_000_000);

export const contestants = Object.keys(SCENES).flatMap((scene) => [
  { id: `libsql: by hand, ${scene}`, driver: "libsql", scene, make: byHand },
  { id: `libsql: Weir, ${scene}`, driver: "libsql", scene, make: weir },
  { id: `libsql: rate-limiter-flexible, ${scene}`, driver: "libsql", scene, make: flexible },
  { id: `own driver: by hand, ${scene}`, driver: "own", scene, make: byHand },
  { id: `own driver: Weir, ${scene}`, driver: "own", scene, make: weir },
]);

/** Null where the runtime, Node 20, has no driver of its own. */
async function open(driver, path) {
  if (driver === "libsql") return new (createRequire(import.meta.url)("libsql"))(path);
  if (process.versions.bun) return new (await import("bun:sqlite")).Database(path);
  const { DatabaseSync } = await import("node:sqlite").catch(() => ({}));
  return DatabaseSync === undefined ? null : new DatabaseSync(path);
}

/** The floor: fixed windows in a transaction, all or nothing, with prepared statements. */
function byHand(database, rules) {
  database.exec("CREATE TABLE weir (key TEXT PRIMARY KEY, start INTEGER, used INTEGER) WITHOUT ROWID");
  const [begin, commit] = ["BEGIN IMMEDIATE", "COMMIT"].map((sql) => database.prepare(sql));
  const select = database.prepare("SELECT start, used FROM weir WHERE key = ?");
  const upsert = database.prepare(
    "INSERT INTO weir VALUES (?1, ?2, ?3) ON CONFLICT (key) DO UPDATE SET start = ?2, used = ?3",
  );
  return (client) => {
    begin.run();
    const now = Date.now();
    const rows = rules.map(({ name, windowMs }) => {
      const row = select.get(`${name}:${client}`);
      return row && row.start + windowMs > now ? row : { start: now, used: 0 };
    });
    const allowed = rules.every(({ limit }, i) => rows[i].used < limit);
    if (allowed) {
      rules.forEach(({ name }, i) => upsert.run(`${name}:${client}`, rows[i].start, rows[i].used + 1));
    }
    commit.run();
    return allowed;
  };
}

async function weir(database, rules) {
  return await (await import("../contestants/weir.mjs")).shared({ rules, sqlite: database });
}

async function flexible(database, rules) {
  return await (await import("../contestants/rate_limiter_flexible.mjs")).shared({ rules, sqlite: database });
}

export async function measure(id, { quick }) {
  const { driver, scene, make } = contestants.find((contestant) => contestant.id === id);
  const folder = mkdtempSync(join(tmpdir(), "weir-bench-"));
  try {
    const database = await open(driver, join(folder, "bench.db"));
    if (database === null) return {};
    // The same for all: without it the others would wait for the disk at every commit.
    database.exec("PRAGMA journal_mode = WAL");
    database.exec("PRAGMA synchronous = NORMAL");
    const decide = await make(database, SCENES[scene]);
    const random = seeded(7);
    const client = () => freshAddress(Math.floor(random() * 1000));
    const ms = quick ? 500 : 2000;
    await throughput(decide, client, 32, 1000);
    return {
      turn: (await throughput(decide, client, 1, ms)).rate,
      many: (await throughput(decide, client, 32, ms)).rate,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
