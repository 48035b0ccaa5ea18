#!/bin/sh
# libsql 0.5.29 leaves a prepared statement open whose `run` failed as another connection was writing, until it is run again or is
# garbage. After a lost race and a ROLLBACK the connection goes on reading the state before the race, and none of its writes
# succeeds; after a BEGIN IMMEDIATE that met a lock, the next transaction cannot commit. Node 24.21.0's node:sqlite closes such a
# statement. tursodatabase/libsql-js#237 has the second case. A statement that `exec` runs is closed, and one that is kept and
# run again is harmless.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund libsql@0.5.29 node@24.21.0 >/dev/null 2>&1

cat > lose.mjs <<'END'
import { readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import Libsql from "libsql";

function attempt(act) {
  try {
    return act() ?? "done";
  } catch ({ message }) {
    return message;
  }
}
const kept = [];
/** Runs a statement that is not forgotten, so that no collection of garbage hides how it ends. */
function run(database, sql) {
  const statement = database.prepare(sql);
  kept.push(statement);
  statement.run();
}
function open(Database, file) {
  const winner = new Database(file);
  const loser = new Database(file);
  winner.exec("PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS counts (n INTEGER)");
  loser.exec("PRAGMA busy_timeout = 50");
  return [winner, loser];
}
function lostRace(Database, file) {
  const [winner, loser] = open(Database, file);
  loser.exec("BEGIN");
  loser.prepare("SELECT count(*) AS n FROM counts").all();
  winner.exec("INSERT INTO counts VALUES (1)");
  const lost = attempt(() => run(loser, "INSERT INTO counts VALUES (2)"));
  loser.exec("ROLLBACK");
  winner.exec("INSERT INTO counts VALUES (3)");
  const seen = [winner, loser].map((database) => database.prepare("SELECT count(*) AS n FROM counts").all()[0].n);
  return `${lost}; ROLLBACK; the winner sees ${seen[0]} rows, the loser ${seen[1]}; the loser's next write: ` +
    attempt(() => run(loser, "INSERT INTO counts VALUES (4)"));
}
function metLock(Database, file) {
  const [winner, loser] = open(Database, file);
  winner.exec("BEGIN IMMEDIATE");
  const lost = attempt(() => run(loser, "BEGIN IMMEDIATE"));
  winner.exec("COMMIT");
  loser.exec("BEGIN IMMEDIATE");
  return `${lost}; the lock goes; BEGIN IMMEDIATE; COMMIT: ${attempt(() => void loser.exec("COMMIT"))}`;
}
const { version } = JSON.parse(readFileSync("node_modules/libsql/package.json", "utf8"));
const found = {};
for (const [name, Database] of [[`libsql ${version}`, Libsql], ["node:sqlite", DatabaseSync]]) {
  for (const [title, lose] of [["a lost race", lostRace], ["a lock", metLock]]) {
    const outcome = lose(Database, `${name.split(" ")[0].replace(":", "_")}_${lose.name}.db`);
    console.log(`${name}, ${title}: ${outcome}`);
    found[`${name.split(" ")[0]} ${title}`] = outcome;
  }
}
const isSo = found["libsql a lost race"].includes("sees 2 rows, the loser 0; the loser's next write: database is locked") &&
  found["libsql a lock"].includes("COMMIT: cannot commit transaction - SQL statements in progress") &&
  found["node:sqlite a lost race"].includes("sees 2 rows, the loser 2; the loser's next write: done") &&
  found["node:sqlite a lock"].endsWith("COMMIT: done");
process.exit(isSo ? 0 : 1);
END
echo "node $(npx node --version)"
npx node lose.mjs
