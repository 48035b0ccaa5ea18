/** `npm run build`: the package as npm gets it. mod.ts and src become modules, declarations and source maps in dist. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";

const TSC = "node_modules/typescript/bin/tsc";

/** Builds dist: the compiler writes the declarations, one to a source file, and bundle.mjs the code, in few files. */
export function buildPackage() {
  const typesRight = compile("tsconfig.json", "dist", ["src"], /\.d\.ts(\.map)?$/);
  return run("scripts/bundle.mjs") && typesRight;
}

const TESTS_PROJECT = "tsconfig.test.json";

/** Builds .build: the tests, the examples and the sources they import, for Node 20, which does not read TypeScript. */
export function buildTests() {
  return compile(TESTS_PROJECT, ".build", ["src", "tests", "examples"], /\.js(\.map)?$/);
}

/** Builds of .build what some test files need. The sources and harnesses are all there, as tests also import by names they make. */
export function buildSomeTests(files) {
  const project = `.build/tsconfig-${process.pid}.json`;
  const settings = {
    extends: `../${TESTS_PROJECT}`,
    files: files.map((file) => `../${file}`),
    include: ["../mod.ts", "../src", "../tests/harness"],
  };
  mkdirSync(".build", { recursive: true });
  writeFileSync(project, JSON.stringify(settings));
  try {
    return run(TSC, "--project", project);
  } finally {
    rmSync(project);
  }
}

/** True if there are no errors. Outputs of deleted files are removed. */
function compile(project, output, folders, ending) {
  const right = run(TSC, "--project", project);
  for (const folder of folders) removeStale(output, folder, ending);
  return right;
}

function run(script, ...words) {
  return spawnSync(process.execPath, [script, ...words], { stdio: "inherit" }).status === 0;
}

/** One file at a time, so that a parallel run keeps its files. */
function removeStale(output, folder, ending) {
  if (!existsSync(`${output}/${folder}`)) return;
  for (const file of readdirSync(`${output}/${folder}`, { recursive: true })) {
    if (!ending.test(file)) continue;
    const source = `${folder}/${file}`.replace(ending, "");
    const exists = [`${source}.ts`, `${source}.tsx`].some((path) => existsSync(path));
    if (!exists) rmSync(`${output}/${folder}/${file}`, { force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exit(buildPackage() ? 0 : 1);
