/**
 * `npm test`: every test on Deno, Bun and Node 24, and the examples in comments, README and docs on Deno. Where the Node that
 * runs this is older than 22, and so past its end of life, it runs the files of ON_AN_OLD_NODE, which show that the built
 * package works there; Node 22 runs every test but those that start programs of their own.
 *
 *   npm test                       everything
 *   npm test -- memory             the test files whose name contains "memory"
 *   npm test -- --runtime=node     one part, whole: deno, docs, bun, node (the one that runs this) or node24
 *
 * It builds only the inputs of the tests that it runs: Deno and Bun run the sources, and Node some files
 * without the others. The short parts, which are the examples and an old Node's, run beside the long ones.
 *
 * It installs the programs that the tests need (system.mjs), if that is allowed, and lists the missing ones;
 * with CI=true a missing program is a failure. A part whose runtime crashed runs once more, and its line says so. It exits
 * non-zero on any failure, and the titles of failed tests are its last lines.
 */
import { spawn, spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { delimiter, dirname } from "node:path";
import process from "node:process";
import { stripVTControlCharacters } from "node:util";
import { buildPackage, buildSomeTests, buildTests } from "./build.mjs";
import { failureLines, hasCrashed } from "./failures.mjs";
import { importFlags } from "./jsr.mjs";
import { node24 } from "./node24.mjs";
import { needsPackage, systemPrograms } from "./system.mjs";

const DENO = "node_modules/.bin/deno";
const BUN = "node_modules/.bin/bun";
// In ms. These deadlines end tests that hang, however slow the machine.
const MAX_TEST_MS = 10 * 60_000;
const MAX_RUN_MS = 30 * 60_000;
// More files at once than processors, as the tests of one runtime wait for nearly as long as they compute.
const FILES_AT_ONCE = 3 * availableParallelism();
const DENO_JOBS = String(FILES_AT_ONCE);
const EXAMPLES = ["mod.ts", "src", "README.md", "docs"];

/** The command of each part, short or with every title, and a parser of its test counts. */
const parts = {
  deno: {
    command: (files, terse) => [
      ...[DENO, "test", "-A", "--no-check", "--parallel", ...terse ? ["--reporter=dot"] : []],
      ...importFlags(),
      ...files,
    ],
    ...denoCounts(),
  },
  docs: {
    command: (_files, terse) => [
      ...[DENO, "test", "-A", "--doc", ...terse ? ["--reporter=dot"] : []],
      ...importFlags(),
      ...EXAMPLES,
    ],
    ...denoCounts(),
  },
  bun: {
    command: (files, terse) => [
      ...[
        BUN,
        "test",
        `--parallel=${FILES_AT_ONCE}`,
        `--timeout=${MAX_TEST_MS}`,
        ...terse ? ["--only-failures"] : [],
      ],
      ...files.map((file) => `./${file}`),
    ],
    passed: /^ *(\d+) pass$/m,
    failed: /^ *(\d+) fail$/m,
    skipped: /^ *(\d+) skip$/m,
  },
  node: onNode(() => process.execPath),
  node24: onNode(node24),
};

function onNode(program) {
  return {
    command: (files) => [
      ...[
        program(),
        "--test",
        "--test-reporter=spec",
        `--test-concurrency=${FILES_AT_ONCE}`,
        `--test-timeout=${MAX_TEST_MS}`,
      ],
      ...files.map((file) => `.build/${file.replace(/\.tsx?$/, ".js")}`),
    ],
    passed: /^ℹ pass (\d+)$/m,
    failed: /^ℹ fail (\d+)$/m,
    skipped: /^ℹ skipped (\d+)$/m,
  };
}

/** The Node that runs this: its age decides on its part. */
const NODE = Number(process.versions.node.split(".")[0]);
const IS_OLD_NODE = NODE < 24;
/** Tests of the built package, of its path from a request to a response, of Node's servers and of the frameworks. */
const ON_AN_OLD_NODE = /^tests\/(?:package|throttle|frameworks)\/|^tests\/platforms\/node_test/;

function denoCounts() {
  const count = (word) => new RegExp(`^(?:ok|FAILED) \\|.* (\\d+) ${word}(?: \\((\\d+) steps?\\))?`, "m");
  return { passed: count("passed"), failed: count("failed"), skipped: count("ignored") };
}

async function main(words) {
  const only = words.find((word) => word.startsWith("--runtime="))?.slice("--runtime=".length);
  const filter = words.find((word) => !word.startsWith("--"));
  if (only !== undefined && !(only in parts)) {
    return refuse(`There is no "${only}" to run: ${Object.keys(parts).join(", ")}.`);
  }
  const files = testFiles().filter((file) => file.includes(filter ?? ""));
  if (files.length === 0) return refuse(`No test file has "${filter}" in its name.`);
  const wanted = only
    ? [only]
    : Object.keys(parts).filter((name) => (name !== "docs" || !filter) && (name !== "node24" || IS_OLD_NODE));

  repairBun();
  const { environment, missing } = systemPrograms(files);
  if (wanted.includes("node24") && node24() === undefined) {
    wanted.splice(wanted.indexOf("node24"), 1);
    missing.push("No Node 24: npm could not install it. Set WEIR_NODE24 to the path of one.");
  }
  const chosen = wanted.filter((name) => filesOf(name, files, wanted).length > 0);
  const lines = [];
  const failures = [];
  let passed = true;
  if (chosen.includes("node") || chosen.includes("node24")) {
    passed = build(files, filter !== undefined);
    lines.push(`types: ${passed ? "right" : "wrong, see the compiler's errors at the top"}`);
  }
  const start = (name, isHidden) => {
    const settings = { ...environment, ...environmentOf(name, chosen) };
    return run(name, filesOf(name, files, chosen), settings, { terse: chosen.length > 1, isHidden });
  };
  const beside = new Map();
  let before = Promise.resolve();
  for (const name of chosen.filter((name) => isShort(name, chosen))) {
    beside.set(name, before = before.then(() => start(name, true)));
  }
  for (const name of chosen) {
    const isBeside = beside.has(name);
    const { output, ...counts } = await (isBeside ? beside.get(name) : start(name, false));
    if (isBeside) console.log(`\n--- ${name} ---\n${output.replace(DOTS, "")}`);
    const again = counts.isAgain ? ", once more, as the runtime crashed" : "";
    lines.push(
      `${name}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped${again}`,
    );
    if (counts.failed > 0 || counts.passed === 0) failures.push({ name, output });
  }
  for (const line of missing) lines.push(`MISSING: ${line}`);
  console.log(["", ...lines, ...failureLines(failures)].join("\n"));
  return passed && chosen.length > 0 && failures.length === 0 && !(missing.length > 0 && process.env.CI);
}

/** Where Node 24 runs the whole suite, a Node past its end of life need not. */
function filesOf(name, files, chosen) {
  if (name !== "node" || NODE >= 22 || !chosen.includes("node24")) return files;
  return files.filter((file) => ON_AN_OLD_NODE.test(file));
}

/** Is it a short part? These run one after the other beside the long ones, which leave processors idle. */
function isShort(name, chosen) {
  return chosen.length > 1 && (name === "docs" || (name === "node" && chosen.includes("node24")));
}

/** A part's own environment: a test's programs run on its Node, and are started by one Node alone. */
function environmentOf(name, chosen) {
  if (name === "node24") return { PATH: [dirname(node24()), process.env.PATH].join(delimiter) };
  return name === "node" && chosen.includes("node24") ? { WEIR_SEEN_ON_NODE24: "1" } : {};
}

/** Builds the files that Node runs; true if the types are right. For some files it builds only their inputs. */
function build(files, some) {
  const packageRight = some && !needsPackage(files) || buildPackage();
  return (some ? buildSomeTests(files) : buildTests()) && packageRight;
}

function refuse(sentence) {
  console.error(sentence);
  return false;
}

function testFiles() {
  return readdirSync("tests", { recursive: true })
    .map((file) => `tests/${file.replaceAll("\\", "/")}`)
    .filter((file) => /_test\.tsx?$/.test(file))
    .sort();
}

/** npm may be configured to run no install scripts; then Bun's program is still missing. */
function repairBun() {
  if (spawnSync(BUN, ["--version"]).status === 0) return;
  console.log("Bun's install script has not run: running it now.");
  spawnSync(process.execPath, ["node_modules/bun/install.js"], { stdio: "inherit" });
}

/** Runs one part and counts its tests. If there are several parts, only the last shows all titles; a hidden one shows nothing. */
async function run(name, files, environment, { terse, isHidden }) {
  const { command, passed, failed, skipped } = parts[name];
  const [program, ...args] = command(files, terse);
  if (!isHidden) console.log(`\n--- ${name} ---`);
  const first = await show(program, args, environment, isHidden);
  // No test has failed then, and those after it have not run.
  const isAgain = hasCrashed(first.output);
  if (isAgain) console.log(`\n--- ${name}, once more, as the runtime crashed ---`);
  const { output, succeeded } = isAgain ? await show(program, args, environment, isHidden) : first;
  const count = (pattern) =>
    (output.match(pattern) ?? []).slice(1).reduce((sum, digits) => sum + Number(digits ?? 0), 0);
  return {
    output,
    isAgain,
    passed: count(passed),
    failed: Math.max(count(failed), succeeded ? 0 : 1), // a run can also fail without a failed test
    skipped: count(skipped),
  };
}

const DOTS = /^[.,!]\n/gm; // Deno's dot reporter, when it does not write to a terminal

/** Runs a program and shows its output, unless it is hidden. */
function show(program, args, environment, isHidden) {
  return new Promise((ended) => {
    const child = spawn(program, args, {
      env: { ...process.env, ...environment, DENO_NO_UPDATE_CHECK: "1", DENO_JOBS, ...colour() },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: MAX_RUN_MS,
    });
    let output = "";
    for (const stream of ["stdout", "stderr"]) {
      child[stream].setEncoding("utf8").on("data", (text) => {
        output += text;
        if (!isHidden) process[stream].write(text.replace(DOTS, ""));
      });
    }
    child.on("error", (error) => console.error(error));
    child.on("close", (code) => {
      if (child.killed) {
        console.error(
          `Ended after ${MAX_RUN_MS / 60_000} minutes. With --runtime every test is named as it runs.`,
        );
      }
      ended({ output: stripVTControlCharacters(output), succeeded: code === 0 });
    });
  });
}

/** The children write to a pipe, so this option enables their colours on a terminal. */
function colour() {
  return process.stdout.isTTY && !process.env.NO_COLOR ? { FORCE_COLOR: "1" } : { NO_COLOR: "1" };
}

process.exitCode = await main(process.argv.slice(2)) ? 0 : 1;
