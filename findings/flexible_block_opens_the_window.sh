#!/bin/sh
# In rate-limiter-flexible 11.4.0 a `blockDuration` that is shorter than `duration` makes a limit weaker: the count goes with the
# block, so that each end of a block gives the client all of its points again. A client that never waits gets 15 of 5 points
# within one window of 4 s when it is blocked for 1 s each time, and 5 when there is no block. Found in RateLimiterMemory.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund rate-limiter-flexible@11.4.0 >/dev/null 2>&1

cat > client.mjs <<'END'
import { setTimeout as wait } from "node:timers/promises";
import { RateLimiterMemory } from "rate-limiter-flexible";

/** The points that a client gets within nine tenths of one window. */
async function got(options) {
  const limiter = new RateLimiterMemory({ points: 5, duration: 4, ...options });
  const end = performance.now() + 3600;
  let points = 0;
  while (performance.now() < end) {
    await limiter.consume("client").then(() => points++, () => {});
    await wait(50);
  }
  return points;
}

const [plain, long, short] = await Promise.all([{}, { blockDuration: 8 }, { blockDuration: 1 }].map(got));
console.log(`of 5 points: ${plain} without a block, ${long} with one of 8 s, ${short} with one of 1 s`);
process.exit();
END

found=$(node client.mjs)
echo "node $(node --version), rate-limiter-flexible $(node -p "require('rate-limiter-flexible/package.json').version"): $found"
[ "$found" = "of 5 points: 5 without a block, 5 with one of 8 s, 15 with one of 1 s" ]
