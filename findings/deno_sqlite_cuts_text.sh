#!/bin/sh
# Deno 2.9.5, node:sqlite: a text with a U+0000 in it is stored whole, and read only up to that. So the keys of two rows are read
# as one, and a key that was read does not find its own row. Node 24.21.0 and Bun 1.4.5 read the whole text. A limiter whose
# keys are names that people choose, or parts joined by U+0000, cannot list or clean up its own rows there.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund deno@2.9.5 bun@1.4.5 node@24.21.0 >/dev/null 2>&1

cat > read.mjs <<'END'
import { DatabaseSync } from "node:sqlite";
const database = new DatabaseSync(":memory:");
database.exec("CREATE TABLE counts (key TEXT PRIMARY KEY, n INTEGER)");
const insert = database.prepare("INSERT INTO counts VALUES (?, 1)");
for (const key of ["ann\0one", "ann\0two"]) insert.run(key);
const find = database.prepare("SELECT n FROM counts WHERE key = ?");
console.log(JSON.stringify(
  database.prepare("SELECT key, hex(key) AS bytes FROM counts ORDER BY key").all()
    .map(({ key, bytes }) => ({ key, bytes, found: find.get(key)?.n ?? null })),
));
END

whole='[{"key":"ann\u0000one","bytes":"616E6E006F6E65","found":1},{"key":"ann\u0000two","bytes":"616E6E0074776F","found":1}]'
cut='[{"key":"ann","bytes":"616E6E006F6E65","found":null},{"key":"ann","bytes":"616E6E0074776F","found":null}]'
on_node=$(npx node --no-warnings read.mjs)
printf '%s\n' "node $(npx node --version): $on_node"
on_bun=$(npx bun read.mjs)
printf '%s\n' "bun $(npx bun --version): $on_bun"
on_deno=$(npx deno run --quiet read.mjs)
printf '%s\n' "$(npx deno --version | head -n 1): $on_deno"
[ "$on_node" = "$whole" ] && [ "$on_bun" = "$whole" ] && [ "$on_deno" = "$cut" ]
