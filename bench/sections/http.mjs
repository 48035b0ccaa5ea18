/** Real requests: the runtime's own server (on Node @hono/node-server) under wrk. */
import { spawn, spawnSync } from "node:child_process";
import { cpus } from "node:os";
import process from "node:process";
import { listen } from "../listen.mjs";
import { scenesWithDenied } from "../scenes.mjs";

export const title = "Requests over HTTP: the bare server's throughput, and each one's share of it";
export const metrics = { rps: "requests/s" };
export const runtimes = ["node", "bun", "deno"];
/** The reported metric: the share of the bare server's throughput. */
export const share = "bare";

const SCENES = scenesWithDenied(1_000_000_000);
const LINEUP = {
  "1 rule": [
    ["by hand", "floor"],
    ["one function", "fused"],
    ["Weir", "weir"],
    ["rate-limiter-flexible", "rate_limiter_flexible"],
    ["hitlimit", "hitlimit"],
    ["hono-rate-limiter", "hono_rate_limiter"],
  ],
  "3 rules": [
    ["by hand", "floor"],
    ["one function", "fused"],
    ["Weir", "weir"],
    ["rate-limiter-flexible", "rate_limiter_flexible"],
    ["hono-rate-limiter", "hono_rate_limiter"],
  ],
  "denied": [["by hand", "floor"], ["one function", "fused"], ["Weir", "weir"]],
};

export const contestants = [
  { id: "bare", name: "bare server", file: null, scene: "1 rule" },
  ...Object.entries(LINEUP).flatMap(([scene, lineup]) =>
    lineup.map(([name, file]) => ({
      id: `${scene}: ${name}`,
      name,
      file,
      scene,
    }))
  ),
];

const handler = () => new Response("hello");

/**
 * Pins this process, with all its threads, to the first processor; wrk then gets the second. Otherwise the
 * system assigns them by chance, which changes a figure by a fifth. False if pinning is impossible: with one
 * processor, or on a system other than Linux.
 */
function pin() {
  const words = ["-a", "-c", "-p", "0", String(process.pid)];
  return cpus().length > 1 && spawnSync("taskset", words, { stdio: "ignore" }).status === 0;
}

/** Requests per second over 32 connections. */
function wrk(command, port, seconds) {
  const [program, ...words] = [
    ...command,
    "-t1",
    "-c32",
    `-d${seconds}s`,
    `http://127.0.0.1:${port}/items/1`,
  ];
  return new Promise((done, failed) => {
    let out = "";
    const child = spawn(program, words, {
      stdio: ["ignore", "pipe", "inherit"],
    });
    child.stdout.setEncoding("utf8").on("data", (text) => out += text);
    child.once("error", failed);
    child.once(
      "close",
      () => done(Number(/Requests\/sec:\s+([\d.]+)/.exec(out)?.[1])),
    );
  });
}

export async function measure(id, { quick, programs }) {
  const { file, scene } = contestants.find((contestant) => contestant.id === id);
  const wrapped = file === null ? handler : (await import(`../contestants/${file}.mjs`)).wrap(handler, {
    rules: SCENES[scene],
    headers: 3,
  });
  const command = pin() ? ["taskset", "-c", "1", programs.wrk] : [programs.wrk];
  const port = await listen(wrapped);
  await wrk(command, port, 3); // warm-up: until then the engine compiles some of it again
  let rps = 0;
  // Other processes can only slow it down, so the best second is the most accurate.
  for (let second = 0; second < (quick ? 3 : 6); second++) rps = Math.max(rps, await wrk(command, port, 1));
  return { rps };
}

/** The programs that this section needs besides npm's packages. */
export const needs = ["wrk"];
