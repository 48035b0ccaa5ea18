/** The command weir on a log of ten million lines, and the way without it: one request, one check, for each line. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

export const title = "weir replay and weir suggest on 10 million lines of an access log, from a pipe";
export const metrics = {
  seconds: "seconds for all lines",
  rate: "lines per second",
  rss: "peak of the process's memory, MB",
};
export const runtimes = ["node"];
/** Each takes up to three minutes. */
export const rounds = 1;
export const contestants = [
  { id: "weir replay, two rules", command: "replay" },
  { id: "weir suggest, six windows", command: "suggest" },
  {
    id: "throttle.check(new Request(...)) for each line, by hand",
    command: null,
  },
];

const LINES = 10_000_000;
const QUICK_LINES = 1_000_000;
/** The way by hand is some times slower: a part of the lines shows its speed. */
const BY_HAND_LINES = 2_000_000;

const RULES = [{ name: "all", rate: "60/min" }, {
  name: "api",
  rate: "600/hour",
  on: "/api/*",
}];

/** The process says at its end how much memory it had. */
const TELLING = `data:text/javascript,${
  encodeURIComponent(
    'process.on("exit", () => console.error(`PEAK ${process.resourceUsage().maxRSS / 1024}`));',
  )
}`;

function generator(lines) {
  return spawn(process.execPath, ["bench/log_lines.mjs", String(lines)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

async function weir(command, lines) {
  const folder = mkdtempSync(join(tmpdir(), "weir-bench-"));
  try {
    const rules = join(folder, "rules.json");
    writeFileSync(rules, JSON.stringify(RULES));
    const words = [
      command,
      "-",
      "--json",
      "-",
      ...command === "replay" ? ["--rules", rules] : [],
    ];
    const cli = join(process.env.WEIR ?? "dist", "cli.js");
    const source = generator(lines);
    const start = performance.now();
    const child = spawn(
      process.execPath,
      ["--import", TELLING, cli, ...words],
      {
        stdio: [source.stdout, "pipe", "pipe"],
      },
    );
    let out = "";
    let err = "";
    child.stdout.setEncoding("utf8").on("data", (text) => out += text);
    child.stderr.setEncoding("utf8").on("data", (text) => err += text);
    await new Promise((ended, failed) => child.on("error", failed).on("close", ended));
    const seconds = (performance.now() - start) / 1000;
    const { requests } = JSON.parse(out);
    if (requests !== lines - lines / 1000) {
      throw new Error(`${requests} requests of ${lines} lines were read`);
    }
    return {
      seconds,
      rate: lines / seconds,
      rss: Number(/PEAK (.*)/.exec(err)[1]),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const LINE = /^(\S+) \S+ (\S+) \[([^\]]+)\] "([A-Z]+) (\S+) HTTP\/[\d.]+" (\d{3}) (\S+) "([^"]*)" "([^"]*)"$/;
const MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";

/** The time in the brackets, which are all of UTC here. */
function timeOf(text) {
  const month = MONTHS.indexOf(text.slice(3, 6)) / 3;
  const [day, year, hour, minute, second] = [[0, 2], [7, 11], [12, 14], [
    15,
    17,
  ], [18, 20]]
    .map(([from, to]) => Number(text.slice(from, to)));
  return Date.UTC(year, month, day, hour, minute, second);
}

/** The way of somebody who has a throttle and a log. */
async function byHand(lines) {
  const folder = pathToFileURL(`${process.env.WEIR ?? "dist"}/`);
  const { createThrottle, memoryStore } = await import(
    new URL("mod.js", folder)
  );
  let now = 0;
  const throttle = createThrottle(RULES, {
    store: memoryStore({ clock: () => now, maxKeys: 16_000_000 }),
    client: { address: (_request, info) => info.ip },
  });
  const refusedOf = new Map();
  const source = generator(lines);
  const start = performance.now();
  for await (const line of createInterface({ input: source.stdout })) {
    const found = LINE.exec(line);
    if (found === null) continue;
    const [, ip, , time, method, path] = found;
    now = timeOf(time);
    const checked = throttle.check(
      new Request(`http://localhost${path}`, { method }),
      { ip },
    );
    const { allowed } = typeof checked.then === "function" ? await checked : checked;
    if (!allowed) refusedOf.set(ip, (refusedOf.get(ip) ?? 0) + 1);
  }
  const seconds = (performance.now() - start) / 1000;
  return {
    seconds: seconds * LINES / lines,
    rate: lines / seconds,
    rss: process.resourceUsage().maxRSS / 1024,
  };
}

export async function measure(id, { quick }) {
  const { command } = contestants.find((contestant) => contestant.id === id);
  if (command !== null) return await weir(command, quick ? QUICK_LINES : LINES);
  return await byHand(quick ? QUICK_LINES / 4 : BY_HAND_LINES);
}
