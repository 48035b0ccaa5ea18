#!/bin/sh
# better-auth 1.7.25: its limit of `max` requests per `window` starts a new window only after a pause as long as the window, as
# each passed request moves its start. A client that always stays below the limit, two requests per second where three may pass,
# is refused at its fourth. That is so of "memory" and "database", not of "secondary-storage", which counts per fixed window.
# The 429 has X-Retry-After and no Retry-After, so clients that wait by the standard header do not wait.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund better-auth@1.7.25 >/dev/null 2>&1

cat > try.mjs <<'END'
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

const kept = new Map();
/** Redis's INCR, with a TTL from the first one on. */
const secondaryStorage = {
  get: () => null, set() {}, delete() {},
  increment(key, ttl) {
    const found = kept.get(key);
    const entry = found?.until > Date.now() ? found : { count: 0, until: Date.now() + ttl * 1000 };
    kept.set(key, entry);
    return ++entry.count;
  },
};

console.log(`better-auth ${JSON.parse(readFileSync("node_modules/better-auth/package.json", "utf8")).version}`);
const statuses = {};
for (const storage of ["memory", "database", "secondary-storage"]) {
  const auth = betterAuth({
    baseURL: "http://127.0.0.1",
    secret: "only-for-this-trial-and-long-enough-0123456789",
    database: memoryAdapter({ user: [], session: [], account: [], verification: [], rateLimit: [] }),
    ...(storage === "secondary-storage" ? { secondaryStorage } : {}),
    rateLimit: { enabled: true, window: 2, max: 3, storage },
    telemetry: { enabled: false },
  });
  statuses[storage] = [];
  for (let i = 0; i < 6; i++) {
    if (i > 0) await pause(1250);
    const headers = { "x-forwarded-for": "192.0.2.1" };
    const { status, headers: sent } = await auth.handler(new Request("http://127.0.0.1/api/auth/ok", { headers }));
    statuses[storage].push(status);
    if (status === 429) console.log("429 has", [...sent.keys()].join(", "));
  }
  console.log(`${storage}, 3 per 2 s, one per 1.25 s: ${statuses[storage].join(" ")}`);
}
const refused = "200,200,200,429,200,200";
process.exit(
  `${statuses.memory}` === refused && `${statuses.database}` === refused && !statuses["secondary-storage"].includes(429) ? 0 : 1,
);
END
echo "node $(node --version)"
node try.mjs
