/**
 * `npm run bench`: Weir beside its peers and the floors. See README.md.
 *
 *   npm run bench                              everything, on Node, Bun and Deno: about an hour
 *   npm run bench -- pipeline http             these sections
 *   npm run bench -- --quick                   short and rough; saved in .artefacts only
 *   npm run bench -- --runtime=node,bun        on these
 *   npm run bench -- --rounds=7                as many rounds (5; quick: 3)
 *   npm run bench -- --only=Weir               contestants with this in their name, and their baselines
 *   npm run bench -- --check                   compares with the goals at the end; exits non-zero if one is missed
 *   npm run bench -- --read --check            the same for the last results, without measuring
 *   WEIR=.build/other npm run bench            another build of Weir: a folder like dist, within this one
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { resolve } from "node:path";
import process from "node:process";
import { buildPackage } from "../scripts/build.mjs";
import { systemProgram } from "../scripts/system.mjs";
import { chart } from "./chart.mjs";
import { goals } from "./goals.mjs";
import { report } from "./report.mjs";

const SECTIONS = [
  "decisions",
  "pipeline",
  "paths",
  "http",
  "redis",
  "redis_calls",
  "redis_time",
  "postgres",
  "sqlite",
  "memory",
  "attack",
  "start",
  "paced",
  "replay",
  "stream",
];
/** The longest run of a process, in ms. */
const MAX_RUN_MS = 5 * 60_000;
/** The variables by which the programs that sections need are found. */
const VARIABLES = { wrk: "WEIR_WRK", "redis-server": "WEIR_REDIS", postgres: "WEIR_POSTGRES" };

const bin = (name) => resolve("node_modules/.bin", name);
const RUNTIMES = {
  node: [process.execPath, "--expose-gc"],
  bun: [bin("bun")],
  deno: [bin("deno"), "run", "-A", "--v8-flags=--expose-gc"],
};

function parse(words) {
  const options = {
    sections: [],
    runtimes: Object.keys(RUNTIMES),
    quick: false,
    check: false,
    read: false,
    only: "",
  };
  for (const word of words) {
    const [name, value = ""] = word.replace(/^--/, "").split("=");
    if (!word.startsWith("--") && SECTIONS.includes(word)) {
      options.sections.push(word);
    } else if (["quick", "check", "read"].includes(name)) options[name] = true;
    else if (name === "runtime") options.runtimes = value.split(",");
    else if (name === "rounds") options.rounds = Number(value);
    else if (name === "only") options.only = value;
    else {throw new TypeError(
        `There is no "${word}" to measure. Sections: ${SECTIONS.join(", ")}.`,
      );}
  }
  if (options.sections.length === 0) options.sections = SECTIONS;
  return { rounds: options.quick ? 3 : 5, ...options };
}

/** The peers' versions in the lock file. */
function installPeers() {
  const lock = readFileSync("bench/package-lock.json", "utf8");
  const mark = "bench/node_modules/.weir-lock";
  if (existsSync(mark) && readFileSync(mark, "utf8") === lock) return;
  console.log("Installing the peers in bench/node_modules.");
  const { status } = spawnSync("npm", [
    "ci",
    "--ignore-scripts",
    "--loglevel=error",
  ], {
    cwd: "bench",
    stdio: "inherit",
  });
  if (status !== 0) throw new Error("The peers could not be installed.");
  writeFileSync(mark, lock);
}

/** Measures one contestant once, in its own process; null on failure. */
function measure(runtime, section, id, options) {
  const [command, ...flags] = RUNTIMES[runtime];
  return new Promise((measured) => {
    const words = [
      ...flags,
      "bench/worker.mjs",
      section,
      id,
      JSON.stringify(options),
    ];
    const child = spawn(command, words, {
      env: { ...process.env, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: MAX_RUN_MS,
      killSignal: "SIGKILL",
    });
    let said = "";
    let errors = "";
    child.stdout.setEncoding("utf8").on("data", (text) => said += text);
    child.stderr.setEncoding("utf8").on("data", (text) => errors += text);
    child.on("error", (error) => errors += error.message);
    child.on("close", () => {
      const [, json] = /^RESULT (.*)$/m.exec(said) ?? [];
      if (json === undefined) {
        console.error(
          `\n${runtime}, ${section}, ${id} failed:\n${errors.slice(-2000)}`,
        );
      }
      measured(json === undefined ? null : JSON.parse(json));
    });
  });
}

function progress(text) {
  if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${text}`);
}

/**
 * Measures every contestant once per round, one after another, so that a slow phase of the machine affects
 * all of them.
 */
async function runSection(name, { runtimes, rounds, quick, only }, skipped) {
  const section = await import(`./sections/${name}.mjs`);
  const programs = {
    bun: RUNTIMES.bun[0],
    ...Object.fromEntries((section.needs ?? []).map((name) => [name, systemProgram(VARIABLES[name])])),
  };
  for (const needed of section.needs ?? []) {
    if (programs[needed]) continue;
    skipped.push(
      `${name}: there is no ${needed} here (as root it is installed with apt-get)`,
    );
    return null;
  }
  console.log(`\n--- ${name}: ${section.title} ---`);
  const prepared = await section.prepare?.(programs);
  const options = { quick, programs, ...prepared?.options };
  const compared = (id) => /by hand|one function|bare|PING|Map|^plain$/.test(id);
  const lineup = section.contestants.filter(({ id }) => id.includes(only) || compared(id));
  const results = {};
  const most = Math.min(rounds, section.rounds ?? rounds);
  for (let round = 1; round <= most; round++) {
    for (
      const runtime of runtimes.filter((runtime) => section.runtimes.includes(runtime))
    ) {
      for (const { id } of lineup) {
        progress(`round ${round} of ${most}, ${runtime}: ${id}`);
        const metrics = await measure(runtime, name, id, options);
        const kept = (results[runtime] ??= {})[id] ??= {};
        for (const metric of Object.keys(section.metrics)) {
          (kept[metric] ??= []).push(metrics?.[metric] ?? null);
        }
      }
    }
  }
  progress("");
  prepared?.stop();
  return results;
}

function machine() {
  const version = (command, pattern) =>
    pattern.exec(spawnSync(command, ["--version"], { encoding: "utf8" }).stdout)
      ?.[0] ?? "?";
  const [{ model }] = cpus();
  return {
    cpu: `${cpus().length} x ${model.trim()}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GB`,
    system: `${process.platform} ${release()} ${process.arch}`,
    node: process.version.slice(1),
    bun: version(RUNTIMES.bun[0], /[\d.]+/),
    deno: version(RUNTIMES.deno[0], /[\d.]+/),
    date: new Date().toISOString().slice(0, 16).replace("T", " "),
  };
}

async function main(words) {
  const options = parse(words);
  const folder = options.quick ? ".artefacts/bench" : "bench/results";
  const file = `${folder}/results.json`;
  mkdirSync(folder, { recursive: true });
  let kept = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  if (!options.read) {
    installPeers();
    if (process.env.WEIR === undefined && !buildPackage()) {
      console.error("The types are wrong; measuring all the same.");
    }
    const skipped = [];
    const sections = { ...kept.sections };
    const quick = { ...kept.quick };
    for (const name of options.sections) {
      const results = await runSection(name, options, skipped);
      if (results === null) continue;
      sections[name] = results;
      quick[name] = options.quick;
    }
    kept = {
      machine: machine(),
      quick,
      skipped,
      sections,
    };
    writeFileSync(file, JSON.stringify(kept, null, 1));
  }
  const compared = goals(kept.sections);
  const text = await report(kept, compared);
  writeFileSync(`${folder}/results.md`, text);
  writeFileSync(`${folder}/results.svg`, chart(kept));
  console.log(`\n${text}\nKept in ${folder}.`);
  const missed = compared.filter(({ met }) => !met);
  return !options.check || missed.length === 0;
}

process.exitCode = await main(process.argv.slice(2)) ? 0 : 1;
