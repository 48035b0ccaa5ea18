/**
 * `npm start`: a throttled API on loopback, and a burst of real requests that shows what its clients get.
 *
 *   npm start                 goes on serving after the burst
 *   npm start -- --exit       ends after the burst: with 0 when every request was answered rightly
 *   PORT=8080 npm start       on that port; by default a free one
 */
import { serve } from "@hono/node-server";
import assert from "node:assert/strict";
import { once } from "node:events";
import process from "node:process";
import { buildPackage } from "./build.mjs";

if (!buildPackage()) process.exit(1);
const { withThrottle } = await import("@weir/throttle");

const LIMIT = 5;
const WINDOW = 10; // seconds

const api = withThrottle((request) => Response.json({ hello: new URL(request.url).pathname }), [
  { name: "burst", rate: { limit: LIMIT, window: WINDOW } },
  { name: "daily", rate: "1000/day" },
]);

const server = serve({ fetch: api, hostname: "127.0.0.1", port: Number(process.env.PORT ?? 0) });
await once(server, "listening");
const url = `http://127.0.0.1:${server.address().port}/hello`;

const SENT = LIMIT + 2;
console.log(`${SENT} requests to ${url}, which allows ${LIMIT} every ${WINDOW} seconds:\n`);
const answers = [];
for (let sent = 0; sent < SENT; sent++) {
  const response = await fetch(url);
  answers.push({ status: response.status, headers: response.headers, body: await response.text() });
}

const SHOWN = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "retry-after"];
const rows = answers.map(({ status, headers }) => [status, ...SHOWN.map((name) => headers.get(name) ?? "-")]);
for (const row of [["status", ...SHOWN], ...rows]) {
  console.log(
    row.map((cell, column) => String(cell).padEnd(column === 0 ? 8 : SHOWN[column - 1].length + 2)).join("")
      .trimEnd(),
  );
}
const refused = answers.at(-1);
console.log(`\nThe refused ones' body, ${refused.headers.get("content-type")}:\n\n${refused.body}\n`);

try {
  answers.forEach(check);
} catch (error) {
  console.error(`A request was answered wrongly: ${error.message}`);
  process.exit(1);
}

if (process.argv.includes("--exit")) process.exit(0);
console.log(`Serving on. Try: curl -i ${url}`);

function check({ status, headers, body }, index) {
  const allowed = index < LIMIT;
  assert.equal(status, allowed ? 200 : 429);
  assert.equal(headers.get("x-ratelimit-limit"), String(LIMIT));
  assert.equal(headers.get("x-ratelimit-remaining"), String(Math.max(0, LIMIT - 1 - index)));
  assertSeconds(headers.get("x-ratelimit-reset"));
  if (allowed) {
    assert.equal(headers.get("retry-after"), null);
    assert.equal(body, '{"hello":"/hello"}');
  } else {
    assertSeconds(headers.get("retry-after"));
    assert.equal(headers.get("content-type"), "application/problem+json");
    assert.deepEqual(JSON.parse(body)["violated-policies"], ["burst"]);
  }
}

function assertSeconds(text) {
  assert.ok(
    /^\d+$/.test(text) && 1 <= Number(text) && Number(text) <= WINDOW,
    `${text} is not 1 to ${WINDOW} seconds`,
  );
}
