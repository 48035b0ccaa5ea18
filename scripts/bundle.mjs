/**
 * The code of dist, in few files, as each file costs a process that starts a part of a millisecond:
 *
 *   dist/mod.js, dist/src/...   the entries
 *   dist/root.js                what the root entry is made of; the other entries take from it what they share with it
 *   dist/hono.js                what that needs of Hono, whose own files take most of the time that importing takes
 *   dist/src/shared-....js      what the other entries share besides
 *
 * No module is in two files, so what is one thing in src is one thing in dist.
 */
import { build } from "esbuild";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

const DIST = "dist";
const ROOT_ENTRY = "mod.ts";
const HONO = /^import (\{[^}]*\} from "hono\/(?:router|utils)\/.*";)$/gm;

const SETTINGS = {
  bundle: true,
  write: false,
  outdir: DIST,
  outbase: ".",
  format: "esm",
  target: "es2022",
  packages: "external",
  sourcemap: true,
  sourcesContent: false, // The sources are in the package.
  logLevel: "warning",
  logOverride: { "ambiguous-reexport": "error" },
};

const { exports: entries } = JSON.parse(readFileSync("deno.json", "utf8"));
const { metafile } = await build({ ...SETTINGS, entryPoints: [ROOT_ENTRY], metafile: true });
const modules = Object.keys(metafile.inputs).filter((file) => file !== ROOT_ENTRY);

const bundles = await Promise.all([
  build({
    ...SETTINGS,
    ...whole("hono", modules.flatMap(importsOfHono)),
    packages: "bundle",
    sourcemap: false, // Hono's files beside a user's copy of this one may be of another version.
    banner: { js: `/*\n${readFileSync("node_modules/hono/LICENSE", "utf8")}*/` },
  }),
  build({
    ...SETTINGS,
    ...whole("root", modules.map((file) => `* from "./${file}";`)),
    plugins: [takeFrom("hono", (path) => /^hono\/(?:router|utils)\//.test(path))],
  }),
  build({
    ...SETTINGS,
    entryPoints: Object.values(entries),
    splitting: true,
    chunkNames: "src/shared-[hash]",
    plugins: [takeFrom("root", (path, folder) => modules.includes(relative(".", join(folder, path))))],
  }),
]);
const written = bundles.flatMap(({ outputFiles }) => outputFiles).map(write);
for (const file of readdirSync(DIST, { recursive: true, encoding: "utf8" })) {
  if (/\.js(?:\.map)?$/.test(file) && !written.includes(`${DIST}/${file}`)) rmSync(`${DIST}/${file}`);
}

/** What a source file imports of Hono's routers and of what they are made with. */
function importsOfHono(file) {
  return Array.from(readFileSync(file, "utf8").matchAll(HONO), ([, imports]) => imports);
}

/** A file of dist that exports things of other files. Of two with one name it could have neither, so that is an error. */
function whole(name, exported) {
  const contents = exported.map((what) => `export ${what}`).join("\n");
  return { stdin: { contents, resolveDir: "." }, entryNames: name };
}

/** Imports of some modules become imports of a file of dist: by a word that `write` makes a path. */
function takeFrom(name, has) {
  return {
    name,
    setup({ onResolve }) {
      onResolve({ filter: /./ }, ({ kind, path, resolveDir }) => {
        if (kind === "entry-point" || !has(path, resolveDir)) return;
        return { path: `dist:${name}.js`, external: true, sideEffects: false };
      });
    },
  };
}

/** One file at a time, and none that is right already, so that a run beside this one keeps what it reads. */
function write({ path, text }) {
  const file = relative(".", path);
  const code = text.replace(/"dist:(.+?)"/g, (_, other) => {
    const from = relative(dirname(file), `${DIST}/${other}`);
    return JSON.stringify(from.startsWith(".") ? from : `./${from}`);
  });
  mkdirSync(dirname(file), { recursive: true });
  if (!existsSync(file) || readFileSync(file, "utf8") !== code) writeFileSync(file, code);
  return file;
}
