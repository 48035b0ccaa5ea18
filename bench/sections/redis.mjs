/** Redis over TCP and over HTTP: round trips and commands per request, and throughput as a share of PING's. */
import { startHost } from "../host.mjs";
import { freshAddress, seeded } from "../keys.mjs";
import { peer } from "../peers.mjs";
import { scenesOf } from "../scenes.mjs";
import { throughput } from "../throughput.mjs";

export const title = "Redis: round trips per request, and requests/s in turn and 32 at once";
export const metrics = {
  trips: "round trips per request",
  turn: "in turn, requests/s",
  many: "32 at once, requests/s",
};
export const runtimes = ["node", "bun", "deno"];
export const share = (id) => id.replace(/:.*/, ": PING");
export const needs = ["redis-server"];

const SCENES = scenesOf(1_000_000);

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

export const prepare = ({ bun }) => startHost(bun, "bench/redis_host.mjs");

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
    turn: (await throughput(decide, client, 1, ms)).rate,
    many: (await throughput(decide, client, 32, ms)).rate,
  };
}
