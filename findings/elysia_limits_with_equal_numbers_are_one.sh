#!/bin/sh
# elysia-rate-limit 4.6.3 on Elysia 1.4.30: of two limits with the same `max` and `duration` an app applies the first alone, however
# much their keys differ, without a word. The plugin gives Elysia its numbers as its name, and Elysia runs a plugin once per app.
# So "3 per minute per user and 3 per minute per tenant" does not limit the tenant; with a duration that is 1 ms longer it does.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund elysia@1.4.30 elysia-rate-limit@4.6.3 bun@1.4.5 >/dev/null 2>&1

cat > try.mjs <<'END'
import { Elysia } from "elysia";
import { rateLimit } from "elysia-rate-limit";
import { readFileSync } from "node:fs";

/** Six users of one tenant send one request each. */
async function statuses(title, [userMs, tenantMs]) {
  const per = (header, duration) => rateLimit({ max: 3, duration, generator: (request) => request.headers.get(header) });
  const app = new Elysia().use(per("x-user", userMs)).use(per("x-tenant", tenantMs)).get("/", () => "ok");
  const found = [];
  for (const user of ["a", "b", "c", "d", "e", "f"]) {
    const request = new Request("http://localhost/", { headers: { "x-user": user, "x-tenant": "one" } });
    found.push((await app.handle(request)).status);
  }
  console.log(`${title}: ${found.join(" ")}`);
  return found.join();
}
for (const name of ["elysia", "elysia-rate-limit"]) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version);
}
const equal = await statuses("3 per 60 s per user, 3 per 60 s per tenant", [60_000, 60_000]);
const unequal = await statuses("3 per 60 s per user, 3 per 60.001 s per tenant", [60_000, 60_001]);
process.exit(equal === "200,200,200,200,200,200" && unequal === "200,200,200,429,429,429" ? 0 : 1);
END
echo "bun $(npx bun --version)"
npx bun try.mjs
