/** A user's program that has something of every entry. consumers_test.ts looks at what it prints. */
import { metrics } from "@opentelemetry/api";
import { Redis } from "@upstash/redis";
import { byUser, createThrottle, gcra, type Rule, stats, type Store, withThrottle } from "@weir/throttle";
import { dashboard } from "@weir/throttle/dashboard";
import { throttle, type ThrottleVariables } from "@weir/throttle/hono";
import { byJwt, jwtAuth } from "@weir/throttle/jwt";
import { withThrottleResponses } from "@weir/throttle/openapi";
import { otel } from "@weir/throttle/otel";
import { durableObjectStore, type ObjectNamespace } from "@weir/throttle/durable-object";
import { redisStore, type SendingClient } from "@weir/throttle/redis";
import { type SqliteDatabase, sqliteStore } from "@weir/throttle/sqlite";
import { faultyStore, manualClock } from "@weir/throttle/testing";
import { learnedCost, tokenUsage } from "@weir/throttle/tokens";
import { upstashStore } from "@weir/throttle/upstash";
import { memoryStore } from "@weir/throttle";
import { Hono } from "hono";
import { SignJWT } from "jose";

const client = { address: (): string => "192.0.2.1" };
const clock = manualClock();

// The root entry, on a clock and a store of the testing entry.
const login: Rule = { name: "login", rate: "2/min", on: "POST /login", algorithm: gcra() };
const handler = withThrottle((_request: Request, name: string) => new Response(`hello ${name}`), login, {
  store: faultyStore(memoryStore({ clock })),
  client,
});
const requests = Array.from({ length: 3 }, () => new Request("http://example/login", { method: "POST" }));
const answers = await Promise.all(requests.map((request) => handler(request, "you")));

// Hono, with the dashboard mounted.
const statistics = stats();
const limits = createThrottle("60/min", {
  observers: [statistics, otel({ meter: metrics.getMeter("api") })],
  client,
});
const app = new Hono<{ Variables: ThrottleVariables & { user: { id: string } } }>();
app.use(throttle(limits));
app.use(throttle({ rate: "10/min", key: byUser() }, { identity: (c) => c.get("user") ?? null, client }));
app.get("/", (c) => c.json(c.get("throttle").decisions.map(({ rule }) => rule)));
app.route("/admin", dashboard<Hono>({ throttle: limits, stats: statistics, authorize: () => true }));

// Stores that are not asked: nothing connects before the first decision.
const sending: SendingClient = { send: () => Promise.reject(new Error("nobody is there")) };
const database: SqliteDatabase = {
  exec: () => {},
  prepare: () => ({ get: () => null, all: () => [], run: () => {} }),
};
const namespace: ObjectNamespace = {
  idFromName: (name) => name,
  get: () => ({ fetch: () => sending.send("", []) as never }),
};
const stores: Store[] = [
  upstashStore({ url: "https://redis.example", token: "secret" }),
  upstashStore({ client: new Redis({ url: "https://redis.example", token: "secret" }) }),
  redisStore({ client: sending }),
  sqliteStore({ database }),
  durableObjectStore({ namespace }),
];

// Tokens of an identity.
const secret = crypto.getRandomValues(new Uint8Array(32));
const notes = withThrottle((_request: Request) => new Response("notes"), { rate: "5/min", key: byJwt() }, {
  authenticate: jwtAuth({ secret, issuer: "https://id.example", audience: "https://api.example" }),
});
const token = await new SignJWT({ iss: "https://id.example", aud: "https://api.example", sub: "ann" })
  .setProtectedHeader({ alg: "HS256" }).setExpirationTime("1h").sign(secret);
const noted = await notes(
  new Request("http://example/notes", { headers: { authorization: `Bearer ${token}` } }),
);

// Tokens of a model.
const model = withThrottle(
  () => Response.json({ usage: { prompt_tokens: 20, completion_tokens: 100 } }),
  { rate: "1000/min", cost: learnedCost({ start: 500, max: 1000 }), count: tokenUsage() },
  { client },
);
const asked = (): Promise<Response> => Promise.resolve(model(new Request("http://example/")));
await (await asked()).text();

const described = withThrottleResponses({
  openapi: "3.1.0",
  info: { title: "API", version: "1" },
  paths: { "/": { get: { responses: { 200: { description: "Hello" } } } } },
}, limits);

console.log(JSON.stringify({
  root: answers.map(({ status }) => status),
  hono: await (await app.request("/")).json(),
  dashboard: (await app.request("/admin")).status,
  stores: stores.map(({ shared }) => shared),
  jwt: noted.headers.get("x-ratelimit-remaining"),
  tokens: (await asked()).headers.get("x-ratelimit-remaining"),
  openapi: Object.keys(described.paths["/"].get.responses),
}));
