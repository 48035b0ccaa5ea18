#!/bin/sh
# Deno 2.9.6, node:sqlite: where another connection has the file locked, the error of `DatabaseSync.exec` has a `code`
# ("ERR_SQLITE_ERROR") and no `errcode` and no `errstr`; that of a prepared statement has all three, as both have on Node 24.21.0.
# A store that tries again when SQLite answers "busy" (5) has to go by the message where `exec` failed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund deno@2.9.6 node@24.21.0 >/dev/null 2>&1

cat > locked.mjs <<'END'
import { DatabaseSync } from "node:sqlite";
const first = new DatabaseSync(process.argv[2]);
const second = new DatabaseSync(process.argv[2]);
first.exec("BEGIN IMMEDIATE");
for (const [name, begin] of [
  ["exec", () => second.exec("BEGIN IMMEDIATE")],
  ["run ", () => second.prepare("BEGIN IMMEDIATE").run()],
]) {
  try {
    begin();
  } catch ({ message, code, errcode, errstr }) {
    console.log(name, JSON.stringify({ message, code, errcode: errcode ?? null, errstr: errstr ?? null }));
  }
}
END

npx deno --version | head -n 1
npx deno run -A --quiet locked.mjs deno.db | tee deno.txt
echo "node $(npx node --version)"
npx node locked.mjs node.db | tee node.txt
grep -q '^exec .*"errcode":5' node.txt && grep -q '^run  .*"errcode":5' deno.txt &&
  grep -q '^exec .*"errcode":null' deno.txt || { echo "Errors of exec have changed."; exit 1; }
