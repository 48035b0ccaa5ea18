/** Postgres: decisions per second in turn and 32 at once, and what a key that everybody asks about costs. */
import { startHost } from "../host.mjs";
import { freshAddress, seeded } from "../keys.mjs";
import { peer } from "../peers.mjs";
import { scenesOf } from "../scenes.mjs";
import { throughput } from "../throughput.mjs";

export const title = "Postgres: requests/s in turn and 32 at once, and the slowest of 32 at once";
export const metrics = {
  turn: "in turn, requests/s",
  many: "32 at once, requests/s",
  p99: "32 at once, p99 in ms",
};
export const runtimes = ["node", "bun", "deno"];
export const needs = ["postgres"];

const SCENES = scenesOf(1_000_000);

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

export const prepare = ({ bun, postgres }) =>
  startHost(bun, "bench/postgres_host.mjs", { WEIR_POSTGRES: postgres });

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
