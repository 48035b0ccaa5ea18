/** Client and server together: four processes share a limit of 100 per second, over real connections. */
import { spawn } from "node:child_process";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { peer } from "../peers.mjs";

export const title = "10,000 requests from 4 processes at a shared limit of 100 per second";
export const metrics = {
  refused: "answers that are 429, %",
  rate: "requests that pass, over the limit",
};
export const runtimes = ["node"];
/** The duration of each, in s: 100. */
export const rounds = 1;
export const contestants = [
  { id: "Weir's pacedFetch", kind: "paced" },
  { id: "exponential back-off, 100 ms to 10 s", kind: "backing off" },
];

const LIMIT = 100;
const PROCESSES = 4;
/** Pending requests per process. */
const AT_ONCE = 25;

export async function measure(id, { quick }) {
  const { kind } = contestants.find((contestant) => contestant.id === id);
  const folder = pathToFileURL(`${process.env.WEIR ?? "dist"}/`);
  const { byGlobal, rateLimit, retryAfter, withThrottle } = await import(
    new URL("mod.js", folder)
  );
  const counts = { 200: 0, 429: 0 };
  let first = 0;
  let last = 0;
  const throttled = withThrottle(() => new Response("hello"), {
    name: "shared",
    rate: `${LIMIT}/s`,
    key: byGlobal(),
  }, { headers: [rateLimit(), retryAfter()] });
  const { serve } = await peer("@hono/node-server");
  const fetch = async (request) => {
    const response = await throttled(request);
    counts[response.status]++;
    if (response.status === 200) {
      last = performance.now();
      first ||= last;
    }
    return response;
  };
  const port = await new Promise((ready) =>
    serve({ fetch, hostname: "127.0.0.1", port: 0 }, ({ port }) => ready(port))
  );
  const each = (quick ? 1000 : 10_000) / PROCESSES;
  const words = [
    "bench/contestants/paced_client.mjs",
    kind,
    `http://127.0.0.1:${port}/`,
    each,
    AT_ONCE,
  ];
  await Promise.all(
    Array.from(
      { length: PROCESSES },
      () =>
        new Promise((done, failed) =>
          spawn(process.execPath, words.map(String), { stdio: "inherit" })
            .once("error", failed)
            .once(
              "close",
              (code) => code === 0 ? done() : failed(new Error(`${kind} ended with ${code}`)),
            )
        ),
    ),
  );
  return {
    refused: 100 * counts[429] / (counts[200] + counts[429]),
    rate: counts[200] / (last - first) * 1000 / LIMIT,
  };
}
