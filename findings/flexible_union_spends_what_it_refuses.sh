#!/bin/sh
# In rate-limiter-flexible 11.4.0 a RateLimiterUnion takes a request's points from each of its limiters also where another one
# refuses it. So of a limit per second and one per hour, a client that asks ten times as fast as the first allows uses the second up
# with refused requests: in the first 5 s it gets 5 or 6 of its 50 per hour, and then none until the hour is over. The same was asked in
# animir/node-rate-limiter-flexible#280.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund rate-limiter-flexible@11.4.0 >/dev/null 2>&1

cat > client.mjs <<'END'
import { setTimeout as wait } from "node:timers/promises";
import { RateLimiterMemory, RateLimiterUnion } from "rate-limiter-flexible";

const perSecond = new RateLimiterMemory({ keyPrefix: "second", points: 1, duration: 1 });
const perHour = new RateLimiterMemory({ keyPrefix: "hour", points: 50, duration: 3600 });
const union = new RateLimiterUnion(perSecond, perHour);
let passed = 0;
for (let i = 0; i < 50; i++) {
  await union.consume("client").then(() => passed++, () => {});
  await wait(100);
}
await wait(1100);
const refused = await union.consume("client").then(() => ({}), (results) => results);
const { remainingPoints, msBeforeNext } = await perHour.get("client");
const minutes = Math.round(msBeforeNext / 60_000);
console.log(`${passed} of 50 requests passed; of 50 per hour ${remainingPoints} are left, for ${minutes} minutes`);
console.log(`after a rest the client is refused by: ${Object.keys(refused).join(", ")}`);
process.exit(passed <= 7 && remainingPoints === 0 && minutes >= 59 && Object.keys(refused).join() === "hour" ? 0 : 1);
END
echo "node $(node --version), rate-limiter-flexible $(node -p "require('rate-limiter-flexible/package.json').version")"
node client.mjs
