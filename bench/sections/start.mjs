/** What it takes to begin: the time to import the root entry, over that of an empty module, and its size. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { median } from "../timing.mjs";
import { peer } from "../peers.mjs";

const { build } = await peer("esbuild");

export const title = "The start of a process";
export const metrics = {
  ms: "import over an empty module, ms",
  kB: "gzipped without Hono's router, kB",
};
export const runtimes = ["node"];
export const contestants = [{ id: "Weir" }];

/** How long a process takes to import a file, ms: by its own watch, as a process takes ten times as long to come and go. */
function importMs(file) {
  const timing = "const start = performance.now(); await import(process.argv[1]);" +
    "process.stdout.write(String(performance.now() - start))";
  const words = [
    "--input-type=module",
    "--eval",
    timing,
    pathToFileURL(file).href,
  ];
  return Number(
    spawnSync(process.execPath, words, { encoding: "utf8" }).stdout,
  );
}

export async function measure(_id, { quick }) {
  const entry = join(process.env.WEIR ?? resolve("dist"), "mod.js");
  const folder = mkdtempSync(join(tmpdir(), "weir-bench-"));
  const empty = join(folder, "empty.mjs");
  writeFileSync(empty, "");
  const times = Array.from(
    { length: quick ? 7 : 25 },
    () => [importMs(empty), importMs(entry)],
  );
  rmSync(folder, { recursive: true });
  // Of the sources: what is built has the router within.
  const bundle = await build({
    entryPoints: ["mod.ts"],
    bundle: true,
    minify: true,
    format: "esm",
    external: ["hono/router/*"],
    write: false,
  });
  return {
    ms: median(times.map(([, full]) => full)) -
      median(times.map(([none]) => none)),
    kB: gzipSync(bundle.outputFiles[0].contents, { level: 9 }).length / 1000,
  };
}
