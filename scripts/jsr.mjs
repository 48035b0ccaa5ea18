/** The source of the tests' `@std/assert` on Deno: JSR, or a stand-in if JSR is unreachable. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";

const IMPORT_MAP = ".build/import_map.json";

/** Asks Deno itself, which can use packages that it has fetched from JSR before. */
function reachesJsr() {
  const { status } = spawnSync("node_modules/.bin/deno", ["eval", 'import "@std/assert";'], {
    stdio: "ignore",
    timeout: 20_000,
  });
  return status === 0;
}

/**
 * The flags of a `deno` command for the tests: none if JSR answers; otherwise an import map, deno.json's own
 * `imports` with `@std/assert` pointing to tests/std_assert. It is written to .build and never published.
 */
export function importFlags() {
  return flags ??= findFlags();
}

let flags;

function findFlags() {
  if (reachesJsr()) return [];
  console.error("JSR is out of reach: on Deno, the tests use tests/std_assert in place of jsr:@std/assert.");
  const { imports } = JSON.parse(readFileSync("deno.json", "utf8"));
  const entries = Object.entries(imports).flatMap(([name, target]) => [
    [name, target],
    [`${name}/`, `${target.replace("npm:", "npm:/")}/`], // deno.json resolves a package's subpaths, an import map does not
  ]);
  mkdirSync(".build", { recursive: true });
  writeFileSync(
    IMPORT_MAP,
    JSON.stringify(
      { imports: { ...Object.fromEntries(entries), "@std/assert": "../tests/std_assert/mod.js" } },
      null,
      2,
    ),
  );
  return [`--import-map=${IMPORT_MAP}`];
}
