#!/bin/sh
# p-queue 9.3.5: `{ intervalCap: 5, interval: 1000 }` starts ten tasks within a few ms in about every second queue that ran out of
# tasks and gets new ones within the same interval: its timer fires in the very ms in which the interval ends, takes that interval
# for one that still lasts, sets a second timer of 0 ms, and that one starts five more. A server that allows five per second
# refuses the other five. With `strict: true` none starts more than five.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund p-queue@9.3.5 node@24.21.0 >/dev/null 2>&1

cat > try.mjs <<'END'
import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import PQueue from "p-queue";

/** One task, and 14 more after 200 ms: the most tasks that start within 100 ms. */
async function most(options) {
  const queue = new PQueue({ interval: 1000, intervalCap: 5, ...options });
  const starts = [];
  const task = () => void starts.push(performance.now());
  await queue.add(task);
  await wait(200);
  for (let i = 0; i < 14; i++) void queue.add(task);
  await queue.onIdle();
  return Math.max(...starts.map((start) => starts.filter((other) => other >= start && other < start + 100).length));
}
/** The same in 60 queues, which begin one after the other. */
async function trial(options) {
  const found = await Promise.all(Array.from({ length: 60 }, async (_, i) => {
    await wait(37 * i);
    return await most(options);
  }));
  const counts = new Map(found.sort((a, b) => a - b).map((n) => [n, found.filter((other) => other === n).length]));
  console.log(`${JSON.stringify(options)}, the most of 5 per 1000 ms that started within 100 ms:`,
    [...counts].map(([n, times]) => `${n} in ${times} queues`).join(", "));
  return found.filter((n) => n >= 10).length;
}
console.log("p-queue", JSON.parse(readFileSync("node_modules/p-queue/package.json", "utf8")).version);
const plain = await trial({});
const strict = await trial({ strict: true });
process.exit(plain > 0 && strict === 0 ? 0 : 1);
END
echo "node $(npx node --version)"
npx node try.mjs
