/** Postgres: decisions per second in turn and 32 at once, and what a key that everybody asks about costs. */
import { spawn } from "node:child_process";
import process from "node:process";
import { freshAddress, seeded } from "../keys.mjs";
import { peer } from "../peers.mjs";

export const title = "Postgres: requests/s in turn and 32 at once, and the slowest of 32 at once";
export const metrics = {
  turn: "in turn, requests/s",
  many: "32 at once, requests/s",
  p99: "32 at once, p99 in ms",
};
export const runtimes = ["node", "bun", "deno"];
export const needs = ["postgres"];

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

const KINDS = [
  { kind: "Weir", file: "weir" },
  { kind: "Weir, durable", file: "weir", durable: true },
  { kind: "rate-limiter-flexible", file: "rate_limiter_flexible" },
];

export const contestants = [
  ...Object.keys(SCENES).flatMap((scene) =>
    KINDS.map((one) => ({ id: `${one.kind}, ${scene}`, scene, ...one }))
  ),
  ...KINDS.map((one) => ({ id: `one key: ${one.kind}, 1 rule`, scene: "1 rule", isHot: true, ...one })),
];

/** Starts a Postgres for all contestants, in its own process. */
export async function prepare(programs) {
  const child = spawn(programs.bun, ["bench/postgres_host.mjs"], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, WEIR_POSTGRES: programs.postgres },
  });
  const line = await new Promise((ready, failed) => {
    child.stdout.setEncoding("utf8").once("data", ready);
    child.once("error", failed);
    child.once("exit", () => failed(new Error("The Postgres of the bench did not start")));
  });
  return { options: JSON.parse(line), stop: () => child.stdin.end() };
}

/** Decisions per second with that many at once, and the time that 99 of 100 stay under, in ms. */
async function throughput(decide, client, atOnce, ms) {
  const start = performance.now();
  const end = start + ms;
  const times = [];
  await Promise.all(Array.from({ length: atOnce }, async () => {
    for (let begun = start; begun < end; begun = performance.now()) {
      await decide(client());
      times.push(performance.now() - begun);
    }
  }));
  const rate = times.length / (performance.now() - start) * 1000;
  times.sort((a, b) => a - b);
  return { rate, p99: times[Math.ceil(times.length * 0.99) - 1] };
}

export async function measure(id, { quick, url }) {
  const { file, scene, isHot = false, durable = false } = contestants.find((contestant) =>
    contestant.id === id
  );
  const { Pool } = (await peer("pg")).default;
  const pool = new Pool({ connectionString: url, max: 10 });
  const { sharedOnPostgres } = await import(`../contestants/${file}.mjs`);
  const decide = await sharedOnPostgres({ rules: SCENES[scene], pool, durable });
  const random = seeded(7);
  const client = () => freshAddress(isHot ? 1 : Math.floor(random() * 1000));
  const ms = quick ? 500 : 2000;
  await throughput(decide, client, 32, 2000); // warm-up, which also makes the tables
  const { rate: turn } = await throughput(decide, client, 1, ms);
  const { rate: many, p99 } = await throughput(decide, client, 32, ms);
  return { turn, many, p99 };
}
