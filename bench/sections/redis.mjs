/** Redis over TCP and over HTTP: round trips and commands per request, and throughput as a share of PING's. */
import { spawn } from "node:child_process";
import { freshAddress, seeded } from "../keys.mjs";
import { peer } from "../peers.mjs";

export const title = "Redis: round trips a request, and requests/s in turn and 32 at once";
export const metrics = {
  trips: "round trips a request",
  turn: "in turn, requests/s",
  many: "32 at once, requests/s",
};
export const runtimes = ["node", "bun", "deno"];
export const share = (id) => id.replace(/:.*/, ": PING");
export const needs = ["redis-server"];

const HOUR = 3_600_000;
const HOURLY = { name: "hourly", limit: 1_000_000, windowMs: HOUR };
const SCENES = {
  "1 rule": [HOURLY],
  "3 rules": [{ ...HOURLY, name: "burst", windowMs: HOUR / 4 }, HOURLY, {
    ...HOURLY,
    name: "daily",
    windowMs: 24 * HOUR,
  }],
};

export const contestants = [
  { id: "TCP: PING", way: "tcp" },
  ...Object.keys(SCENES).flatMap((scene) => [
    { id: `TCP: Weir, ${scene}`, way: "tcp", file: "weir", scene },
    {
      id: `TCP: rate-limiter-flexible, ${scene}`,
      way: "tcp",
      file: "rate_limiter_flexible",
      scene,
    },
  ]),
  { id: "HTTP: PING", way: "http" },
  ...Object.keys(SCENES).flatMap((scene) => [
    { id: `HTTP: Weir, ${scene}`, way: "http", file: "weir", scene },
    {
      id: `HTTP: @upstash/ratelimit, ${scene}`,
      way: "http",
      file: "upstash_ratelimit",
      scene,
    },
  ]),
];

/** Starts a Redis with a bridge of Upstash's protocol, in its own process, for all contestants. */
export async function prepare(programs) {
  const child = spawn(programs.bun, ["bench/redis_host.mjs"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const line = await new Promise((ready, failed) => {
    child.stdout.setEncoding("utf8").once("data", ready);
    child.once("error", failed);
    child.once(
      "exit",
      () => failed(new Error("The Redis of the bench did not start")),
    );
  });
  return { options: JSON.parse(line), stop: () => child.stdin.end() };
}

/**
 * The client that Weir's peers use too. Commands are counted as it sends them: each is a round trip if they
 * are sent in turn.
 */
export async function connect(options) {
  const { Redis } = await peer("ioredis");
  const client = new Redis({
    ...options,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
  });
  let sent = 0;
  const send = client.sendCommand.bind(client);
  client.sendCommand = (command, ...rest) => {
    sent++;
    return send(command, ...rest);
  };
  return { client, sent: () => sent };
}

async function ping({ url, token }) {
  const response = await fetch(url, {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
    body: '["PING"]',
  });
  return await response.json();
}

const requestsAt = async ({ control }) => Number(await (await fetch(control)).text());

/** Decisions per second, with that many at once. */
async function throughput(decide, client, atOnce, ms) {
  const start = performance.now();
  const end = start + ms;
  let made = 0;
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (performance.now() < end) {
      await decide(client());
      made++;
    }
  }));
  return made / (performance.now() - start) * 1000;
}

export async function measure(id, { quick, tcp, http }) {
  const { way, file, scene } = contestants.find((contestant) => contestant.id === id);
  const connection = way === "tcp" ? await connect(tcp) : null;
  const given = way === "tcp" ? { tcp: connection.client } : { http };
  const decide = file !== undefined
    ? await (await import(`../contestants/${file}.mjs`)).shared({
      rules: SCENES[scene],
      ...given,
    })
    : way === "tcp"
    ? () => connection.client.ping()
    : () => ping(http);
  const random = seeded(7);
  const client = () => freshAddress(Math.floor(random() * 1000));
  const count = way === "tcp" ? () => connection.sent() : () => requestsAt(http);

  const ms = quick ? 500 : 2000;
  await throughput(decide, client, 32, 2000); // warm-up, which also loads the scripts
  const before = await count();
  for (let i = 0; i < 100; i++) await decide(client());
  const trips = (await count() - before) / 100;
  return {
    trips,
    turn: await throughput(decide, client, 1, ms),
    many: await throughput(decide, client, 32, ms),
  };
}
