/** `npm run check`: all checks that run no test. It stops at the first failure. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { delimiter, resolve } from "node:path";
import process from "node:process";
import { importFlags } from "./jsr.mjs";

const entries = Object.values(JSON.parse(readFileSync("deno.json", "utf8")).exports);

// Bun's types and Deno's do not go together, and Deno asks for packages that are declared only, and finds no types in the exports of
// MCP's SDK: tsc checks these examples.
const APART = /^(?:bun|mcp|next|sveltekit|astro|react_router|tanstack)/;
const examples = readdirSync("examples").filter((file) => /\.tsx?$/.test(file) && !APART.test(file));
const sources = ["mod.ts", "src", "tests", "bench", ...examples.map((file) => `examples/${file}`)].filter(
  existsSync,
);

const checks = [
  ["deno", "fmt", "--check"],
  ["deno", "lint"],
  ["deno", "check", "--quiet", ...importFlags(), ...sources],
  ["deno", "doc", "--lint", ...entries],
  // The package as JSR gets it, and as npm gets it.
  ["deno", "publish", "--dry-run", "--allow-dirty"],
  ["node", "scripts/build.mjs"],
  ["tsc", "--project", "examples"],
  ["publint", "--strict"],
  ["attw", "--pack", ".", "--profile", "esm-only"],
];

const environment = {
  ...process.env,
  DENO_NO_UPDATE_CHECK: "1",
  PATH: [resolve("node_modules/.bin"), process.env.PATH].join(delimiter),
};

for (const [program, ...words] of checks) {
  console.log(`\n=== ${program} ${words.join(" ")}`);
  const { status } = spawnSync(program, words, { stdio: "inherit", env: environment });
  if (status !== 0) process.exit(1);
}
