/** `npm run build`: the package as npm gets it. mod.ts and src become ES modules, declarations and source maps in dist. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";

const TSC = "node_modules/typescript/bin/tsc";

/** Builds dist. */
export function buildPackage() {
  return build("tsconfig.json", "dist", ["src"]);
}

/** Builds .build: the tests, the examples and the sources they import, for Node 20, which does not read TypeScript. */
export function buildTests() {
  return build("tsconfig.test.json", ".build", ["src", "tests", "examples"]);
}

/** True when the compiler found nothing wrong. What it wrote of files that are no more is removed. */
function build(project, output, folders) {
  const { status } = spawnSync(process.execPath, [TSC, "--project", project], { stdio: "inherit" });
  for (const folder of folders) removeStale(output, folder);
  return status === 0;
}

/** One file at a time, so that a run beside this one keeps what it reads. */
function removeStale(output, folder) {
  if (!existsSync(`${output}/${folder}`)) return;
  for (const file of readdirSync(`${output}/${folder}`, { recursive: true })) {
    const source = `${folder}/${file}`.replace(/(\.d\.ts|\.js)(\.map)?$/, "");
    const exists = [source, `${source}.ts`, `${source}.tsx`].some((path) => existsSync(path));
    if (!exists) rmSync(`${output}/${folder}/${file}`, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exit(buildPackage() ? 0 : 1);
