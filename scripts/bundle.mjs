/**
 * The code of dist, in few files, as each costs a process that starts a millisecond:
 *
 *   dist/mod.js, dist/src/...   the entries
 *   dist/root.js                what the root entry is made of; the other entries take from it what they share with it
 *   dist/src/shared-....js      what the other entries share besides
 *
 * No module is in two files, so what is one thing in src is one thing in dist. Packages stay imports, all but Hono's
 * routers and what they are made with: in their own fourteen files they would take most of the time.
 */
import { build, transform } from "esbuild";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, posix, relative } from "node:path";
import { fileURLToPath } from "node:url";

const DIST = "dist";
const ROOT_ENTRY = "mod.ts";

const SETTINGS = {
  bundle: true,
  write: false,
  outdir: DIST,
  outbase: ".",
  format: "esm",
  target: "es2022",
  packages: "external",
  sourcemap: true,
  logLevel: "warning",
  logOverride: { "ambiguous-reexport": "error" },
};

const { exports: entries } = JSON.parse(readFileSync("deno.json", "utf8"));
const { metafile } = await build({ ...SETTINGS, entryPoints: [ROOT_ENTRY], metafile: true });
const modules = Object.keys(metafile.inputs).filter((file) => file !== ROOT_ENTRY);

const bundles = await Promise.all([
  build({
    ...SETTINGS,
    // Of two exports with one name it could have neither; that is an error.
    stdin: { contents: modules.map((file) => `export * from "./${file}";`).join("\n"), resolveDir: "." },
    entryNames: "root",
    banner: {
      js: `/*\nHono's routers are in this file.\n\n${readFileSync("node_modules/hono/LICENSE", "utf8")}*/`,
    },
    plugins: [{ name: "Hono's routers", setup: bringHono }],
  }),
  build({
    ...SETTINGS,
    entryPoints: Object.values(entries),
    splitting: true,
    chunkNames: "src/shared-[hash]",
    plugins: [{ name: "root.js", setup: takeFromRoot }],
  }),
]);
const written = await Promise.all(bundles.flatMap(({ outputFiles }) => outputFiles).map(write));
for (const file of readdirSync(DIST, { recursive: true, encoding: "utf8" })) {
  const path = fromHere(join(DIST, file));
  if (/\.js(?:\.map)?$/.test(path) && !written.includes(path)) rmSync(path);
}

/** As esbuild names files. */
function fromHere(path) {
  return relative(".", path).replaceAll("\\", "/");
}

function bringHono({ onResolve }) {
  onResolve(
    { filter: /^hono\/(?:router|utils)\// },
    ({ path }) => ({ path: fileURLToPath(import.meta.resolve(path)) }),
  );
}

function takeFromRoot({ onResolve }) {
  onResolve({ filter: /^\./ }, ({ kind, path, resolveDir }) => {
    const isOfRoot = kind !== "entry-point" && modules.includes(fromHere(join(resolveDir, path)));
    // Of no folder yet: `write` knows which file imports it.
    return isOfRoot ? { path: "root.js", external: true, sideEffects: false } : undefined;
  });
}

/** One file at a time, and none that is right already, so that a run beside this one keeps what it reads. */
async function write({ path, text }) {
  const file = fromHere(path);
  const right = file.endsWith(".map")
    ? withoutShipped(text)
    : await withConstants(withPaths(text, dirname(file)));
  mkdirSync(dirname(file), { recursive: true });
  if (!existsSync(file) || readFileSync(file, "utf8") !== right) writeFileSync(file, right);
  return file;
}

function withPaths(code, folder) {
  const path = posix.relative(folder, `${DIST}/root.js`);
  return code.replaceAll('from "root.js";', `from "${path.startsWith(".") ? path : `./${path}`}";`);
}

/**
 * esbuild makes a `var` of what is constant at the top of a module. V8 knows the value of a constant and has to read that of
 * a variable: a request would take 7 % longer. No column moves, as the source map knows them.
 */
async function withConstants(code) {
  const lines = code.replace(/^var ([\w$]+) = /gm, "const $1=").split("\n");
  const { warnings } = await transform(lines.join("\n"), { logLevel: "silent" });
  const assigned = warnings.filter(({ id }) => id === "assign-to-constant").flatMap(({ notes }) => notes);
  for (const { location } of assigned) {
    lines[location.line - 1] = lines[location.line - 1].replace(/^const ([\w$]+)=/, "let $1 = ");
  }
  return lines.join("\n");
}

/** A source map without the text of sources that are in the package beside it. */
function withoutShipped(text) {
  const map = JSON.parse(text);
  map.sourcesContent = map.sources.map((source, i) =>
    /\bnode_modules\b/.test(source) ? map.sourcesContent[i] : null
  );
  return JSON.stringify(map);
}
