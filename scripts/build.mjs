/** `npm run build`: the package as npm gets it. mod.ts and src become ES modules, declarations and source maps in dist. */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";

const TSC = "node_modules/typescript/bin/tsc";

/** Runs the TypeScript compiler on a project; true when it found nothing wrong. */
export function compile(project) {
  return spawnSync(process.execPath, [TSC, "--project", project], { stdio: "inherit" }).status === 0;
}

/** Builds dist anew. */
export function buildPackage() {
  rmSync("dist", { recursive: true, force: true });
  return compile("tsconfig.json");
}

/** Builds .build: the tests, the examples and the sources they import, for Node 20, which does not read TypeScript. */
export function buildTests() {
  for (const folder of ["src", "tests", "examples"]) {
    rmSync(`.build/${folder}`, { recursive: true, force: true });
  }
  return compile("tsconfig.test.json");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exit(buildPackage() ? 0 : 1);
