/**
 * `node scripts/deno.mjs check`, `node scripts/deno.mjs test -A tests/rules/rate_test.ts`: the installed Deno with what it
 * needs to find `@std/assert` here.
 */
import { spawnSync } from "node:child_process";
import process from "node:process";
import { importFlags } from "./jsr.mjs";

const [command, ...rest] = process.argv.slice(2);
const { status } = spawnSync("node_modules/.bin/deno", [command, ...importFlags(), ...rest], {
  stdio: "inherit",
});
process.exit(status ?? 1);
