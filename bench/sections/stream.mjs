/** The answers of a language model, 10 MB each: what it costs them to have their usage read while they pass. */
import { spawn } from "node:child_process";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { listen } from "../listen.mjs";
import { BYTES, chunkOf, LAST } from "../model_stream.mjs";
import { runtime } from "../runtime.mjs";
import { median } from "../timing.mjs";

export const title = "A stream of 10 MB whose usage is read while it passes (tokenUsage)";
export const metrics = {
  alone: "the stream alone, ms",
  ratio: "with tokenUsage(), over the stream alone",
  reading: "with tokenUsage(), over a stream that is passed on unread",
};
export const runtimes = ["node", "bun", "deno"];
export const contestants = [
  ...[1, 16, 64].map((kB) => ({ id: `made here, at full speed, chunks of ${kB} kB`, kB, ms: 0 })),
  ...[4, 64].map((kB) => ({ id: `proxied, at full speed, chunks of ${kB} kB`, kB, ms: 0, isProxied: true })),
  { id: "proxied, within a second, chunks of 1 kB", kB: 1, ms: 1000, isProxied: true },
];

/** A stream that the handler makes. */
function made(chunk) {
  let left = Math.ceil(BYTES / chunk.length);
  return new ReadableStream({
    pull(controller) {
      if (left-- > 0) return controller.enqueue(chunk.slice());
      controller.enqueue(new TextEncoder().encode(LAST));
      controller.close();
    },
  }, { highWaterMark: 0 });
}

/** The lines of a child's output, each once it is there. */
function linesOf({ stdout }) {
  let text = "";
  let arrived = () => {};
  stdout.setEncoding("utf8").on("data", (more) => {
    text += more;
    arrived();
  });
  return async (n) => {
    while (text.split("\n").length < n + 2) await new Promise((resolve) => arrived = resolve);
    return JSON.parse(text.split("\n")[n]);
  };
}

export async function measure(id, { quick }) {
  const { kB, ms, isProxied } = contestants.find((contestant) => contestant.id === id);
  const folder = pathToFileURL(`${process.env.WEIR ?? "dist"}/`);
  const { byGlobal, concurrency, withThrottle } = await import(new URL("mod.js", folder));
  const { tokenUsage } = await import(new URL("src/tokens/mod.js", folder));
  const turns = ms > 0 ? 3 : quick ? 15 : 60;
  const words = ["bench/contestants/stream_ends.mjs", kB * 1024, ms, turns].map(String);
  const ends = spawn(runtime === "node" ? process.execPath : "node", words, {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const line = linesOf(ends);
  const model = await line(0);

  const chunk = chunkOf(kB * 1024);
  const handler = isProxied
    ? async () => new Response((await fetch(`http://127.0.0.1:${model}/`)).body)
    : () => new Response(made(chunk));
  const rule = { name: "tokens", rate: "1000000000/day", key: byGlobal(), cost: 500 };
  const slots = {
    name: "slots",
    rate: { limit: 9 },
    key: byGlobal(),
    algorithm: concurrency({ lease: "1h" }),
  };
  const handlers = {
    "/alone": withThrottle(handler, rule),
    "/passed": withThrottle(handler, [rule, slots]),
    "/counted": withThrottle(handler, { ...rule, count: tokenUsage() }),
  };
  const port = await listen((request, platform) =>
    handlers[new URL(request.url).pathname](request, platform)
  );
  ends.stdin.write(`${port}\n`);
  const [alone, passed, counted] = await line(1);
  const over = (base) => median(counted.map((ms, i) => ms / base[i]));
  return { alone: median(alone), ratio: over(alone), reading: over(passed) };
}
