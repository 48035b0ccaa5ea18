#!/bin/sh
# @acpr/rate-limit-postgresql 1.4.1, a store of express-rate-limit 8.7.5: all clients of a `prefix` share one window, which starts with
# the first request of any of them. So a client that comes near its end gets its whole limit twice within a second, and all who were
# refused may come back at the same moment. In express-rate-limit's own store each client's window starts with its first request.
# The database is PGlite 0.5.14 behind its socket server 0.2.17.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund @acpr/rate-limit-postgresql@1.4.1 express-rate-limit@8.7.5 express@5.3.0 \
  @electric-sql/pglite@0.5.14 @electric-sql/pglite-socket@0.2.17 node@24.21.0 >/dev/null 2>&1

cat > try.mjs <<'END'
import { PostgresStore } from "@acpr/rate-limit-postgresql";
import { PGlite } from "@electric-sql/pglite";
import { uuid_ossp } from "@electric-sql/pglite/contrib/uuid_ossp";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";
import express from "express";
import { rateLimit } from "express-rate-limit";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { setTimeout as wait } from "node:timers/promises";

const WINDOW_MS = 5000;

const db = await PGlite.create({ extensions: { uuid_ossp } });
const probe = createServer().listen(0, "127.0.0.1");
await new Promise((listening) => probe.once("listening", listening));
const { port } = probe.address();
await new Promise((closed) => probe.close(closed));
await new PGLiteSocketServer({ db, host: "127.0.0.1", port, maxConnections: 10 }).start();
const config = { host: "127.0.0.1", port, user: "postgres", password: "none", database: "postgres", max: 1 };
const postgres = new PostgresStore(config, "trial");
const isMigrated = () => db.query("SELECT to_regproc('rate_limit.ind_reset_session') IS NOT NULL AS done");
while (!(await isMigrated()).rows[0].done) await wait(100);

/** One request of a first client; four of a second 800 ms before the first one's window ends, and four after it. */
async function trace(store) {
  const app = express();
  const keyGenerator = ({ headers }) => headers.client;
  app.use(rateLimit({ windowMs: WINDOW_MS, limit: 3, keyGenerator, ...(store && { store }) }));
  app.get("/", (_, response) => response.end());
  const server = app.listen(0, "127.0.0.1");
  await new Promise((listening) => server.once("listening", listening));
  const ask = async (client) => {
    const { status } = await fetch(`http://127.0.0.1:${server.address().port}/`, { headers: { client } });
    return status === 200 ? "." : status === 429 ? "r" : "?";
  };
  const four = async () => (await ask("second")) + (await ask("second")) + (await ask("second")) + (await ask("second"));
  const first = await ask("first");
  const from = Date.now();
  await wait(WINDOW_MS - 800);
  const before = await four();
  await wait(Math.max(0, from + WINDOW_MS + 100 - Date.now()));
  const after = await four();
  server.close();
  return `${first} ${before} ${after}`;
}
for (const name of ["@acpr/rate-limit-postgresql", "express-rate-limit", "@electric-sql/pglite", "@electric-sql/pglite-socket"]) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version);
}
const [memory, shared] = await Promise.all([trace(), trace(postgres)]);
console.log(`one request of a client, four of another, four more within a second; 3 per ${WINDOW_MS / 1000} s (r: refused)`);
console.log(`  in memory:   ${memory}\n  in Postgres: ${shared}`);
process.exit(memory === ". ...r rrrr" && shared === ". ...r ...r" ? 0 : 1);
END
echo "node $(npx node --version)"
npx node try.mjs
