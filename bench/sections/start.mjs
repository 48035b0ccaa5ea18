/**
 * The cost of starting: the time to import the root entry, relative to an empty module, and the size of a throttle
 * in a user's bundle.
 */
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
  kB: "a throttle in a user's bundle, gzipped, kB",
};
export const runtimes = ["node"];
export const contestants = [{ id: "Weir" }];

/**
 * The time of an import in a new process, in ms, by that process's own clock: starting and ending it takes
 * ten times as long.
 */
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
  const program = `import { withThrottle } from ${JSON.stringify(entry)};
    export default { fetch: withThrottle(() => new Response("hello"), ["60/min"]) };`;
  const bundle = await build({
    stdin: { contents: program, resolveDir: "." },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    platform: "browser",
    write: false,
  });
  return {
    ms: median(times.map(([, full]) => full)) -
      median(times.map(([none]) => none)),
    kB: gzipSync(bundle.outputFiles[0].contents, { level: 9 }).length / 1000,
  };
}
