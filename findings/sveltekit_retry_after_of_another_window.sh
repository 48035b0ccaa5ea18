#!/bin/sh
# sveltekit-rate-limiter 0.7.0: RetryAfterRateLimiter counts `retryAfter` from the first refusal on, not from the window's
# beginning, and keeps that count for the length of a window. So a client with one second left to wait is told 5, and in its next
# window the rest of the old count, rounded down: 0 with more than a second left. A client that comes back as told is refused again.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund sveltekit-rate-limiter@0.7.0 node@24.21.0 >/dev/null 2>&1

cat > try.mjs <<'END'
import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { RetryAfterRateLimiter } from "sveltekit-rate-limiter/server";

const limiter = new RetryAfterRateLimiter({ IP: [2, "5s"] });
const event = { getClientAddress: () => "192.0.2.1", request: new Request("http://localhost/") };
const beginning = performance.now();

/** Asks at a time in s: what it is told, and, where it is refused, how long its window really lasts. */
async function ask(at, windowEnds) {
  await wait(Math.max(0, beginning + 1000 * at - performance.now()));
  const { limited, retryAfter } = await limiter.check(event);
  const left = windowEnds - (performance.now() - beginning) / 1000;
  console.log(`  at ${at} s: ${limited ? `refused, told to wait ${retryAfter} s, ${left.toFixed(1)} s are left` : "passes"}`);
  return limited ? retryAfter : "passes";
}
const path = "node_modules/sveltekit-rate-limiter/package.json";
console.log("sveltekit-rate-limiter", JSON.parse(readFileSync(path, "utf8")).version);
console.log("two per 5 s: one window from 0 to 5 s, the next from 5.3 to 10.3 s");
const found = [];
for (const [at, ends] of [[0, 5], [0.1, 5], [4, 5], [5.3, 10.3], [5.4, 10.3], [6.5, 10.3], [8.5, 10.3], [9.3, 10.3]]) {
  found.push(await ask(at, ends));
}
process.exit(found.join() === "passes,passes,5,passes,passes,2,0,5" ? 0 : 1);
END
echo "node $(npx node --version)"
# The package has its files under the condition "svelte" alone, which Vite sets.
npx node --conditions=svelte try.mjs
