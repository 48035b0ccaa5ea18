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

function lifeMs(file) {
  const start = performance.now();
  spawnSync(process.execPath, [file]);
  return performance.now() - start;
}

export async function measure(_id, { quick }) {
  const entry = join(process.env.WEIR ?? resolve("dist"), "mod.js");
  const folder = mkdtempSync(join(tmpdir(), "weir-bench-"));
  const empty = join(folder, "empty.mjs");
  const importing = join(folder, "importing.mjs");
  writeFileSync(empty, "");
  writeFileSync(
    importing,
    `import ${JSON.stringify(pathToFileURL(entry).href)};`,
  );
  const lives = Array.from(
    { length: quick ? 7 : 25 },
    () => [lifeMs(empty), lifeMs(importing)],
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
    ms: median(lives.map(([, full]) => full)) -
      median(lives.map(([none]) => none)),
    kB: gzipSync(bundle.outputFiles[0].contents, { level: 9 }).length / 1000,
  };
}
