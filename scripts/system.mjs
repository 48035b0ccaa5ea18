/**
 * The requirements of tests: programs outside npm, which are found on the PATH or installed if that is
 * allowed; and the built package.
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync, readFileSync } from "node:fs";
import { delimiter, dirname, join, resolve, sep } from "node:path";
import process from "node:process";

/** The programs. A test file (or a harness it imports) needs one when it names its variable. */
const PROGRAMS = [
  { variable: "WEIR_REDIS", commands: ["redis-server"], debian: "redis-server", brew: "redis" },
  {
    variable: "WEIR_CHROMIUM",
    commands: ["chromium", "chromium-browser"],
    debian: "chromium",
    brew: "chromium",
  },
  {
    variable: "WEIR_POSTGRES",
    commands: ["postgres"],
    // Debian keeps the programs of each version in a folder that is not on the PATH.
    versions: "/usr/lib/postgresql",
    debian: "postgresql",
    brew: "postgresql",
  },
  { variable: "WEIR_PGBOUNCER", commands: ["pgbouncer"], debian: "pgbouncer", brew: "pgbouncer" },
  // Of the benchmark.
  { variable: "WEIR_WRK", commands: ["wrk"], debian: "wrk", brew: "wrk" },
];

/**
 * The environment with the programs' paths for those test files, and a line for each missing one: without its
 * variable a test skips, so each line is a gap in the run.
 */
export function systemPrograms(testFiles) {
  const text = textOf(withImports(testFiles));
  const needed = PROGRAMS.filter(({ variable }) => text.includes(variable));
  const environment = {};
  const missing = [];
  for (const program of needed) {
    const path = pathOf(program);
    if (path) environment[program.variable] = path;
    else missing.push(absence(program));
  }
  return { environment, missing };
}

/** The path of one program, by its variable; undefined where it cannot be had. */
export function systemProgram(variable) {
  return pathOf(PROGRAMS.find((program) => program.variable === variable));
}

function pathOf(program) {
  return process.env[program.variable] ?? find(program) ?? install(program);
}

/**
 * Do these test files need dist when Node runs them? They do if they or their imports import the package by its name, bundle
 * it or pack it. Deno and Bun find the sources by that name.
 */
export function needsPackage(testFiles) {
  const [root, sources] = [resolve("mod.ts"), resolve("src") + sep]; // the examples in them name it
  const files = withImports(testFiles).filter((file) => file !== root && !file.startsWith(sources));
  return /from "@weir\/throttle|"\.\/dist\/|"npm", \["pack"/.test(textOf(files));
}

function textOf(files) {
  return files.map((file) => readFileSync(file, "utf8")).join("\n");
}

/** The files and their relative imports, recursively. */
function withImports(files) {
  const seen = new Set(files.map((file) => resolve(file)));
  for (const file of seen) { // a Set also visits values that are added meanwhile
    for (const [, path] of readFileSync(file, "utf8").matchAll(/(?:from |import\()"(\.[^"]+\.tsx?)"/g)) {
      const imported = resolve(dirname(file), path);
      if (existsSync(imported)) seen.add(imported);
    }
  }
  return [...seen];
}

function find({ commands, versions }) {
  const installed = versions !== undefined && existsSync(versions) ? readdirSync(versions) : [];
  const folders = [
    ...(process.env.PATH ?? "").split(delimiter),
    ...installed.sort((a, b) => Number(b) - Number(a)).map((version) => join(versions, version, "bin")),
  ];
  return commands.flatMap((command) => folders.map((folder) => join(folder, command))).find(isExecutable);
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

let listed = false;

function install(program) {
  const { debian } = program;
  if (process.getuid?.() !== 0 || !find({ commands: ["apt-get"] })) return;
  console.log(`Installing ${debian} with apt-get.`);
  const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const apt = (...words) =>
    spawnSync("apt-get", ["-qq", ...words], { stdio: ["ignore", "ignore", "inherit"], env: environment });
  if (!listed) apt("update");
  listed = true;
  apt("install", "-y", "--no-install-recommends", debian);
  return find(program);
}

function absence({ variable, commands, debian, brew }) {
  return `No ${
    commands[0]
  }: the tests that need it are skipped. Get it with "apt-get install ${debian}" (as root) or ` +
    `"brew install ${brew}", or set ${variable} to its path.`;
}
