/**
 * The code of dist, in few files, as each costs a process that starts a millisecond:
 *
 *   dist/mod.js, dist/src/...   the entries
 *   dist/root.js                what the root entry is made of; the other entries take from it what they share with it
 *   dist/src/shared-....js      what the other entries share besides
 *
 * No module is in two files, so what is one thing in src is one thing in dist. Packages stay imports, but for Hono's
 * routers and what they are made with, which in their own fourteen files would take most of the time, and the few functions
 * of d3 that the dashboard draws with, so that nobody has to install them. All of it is minified, as most of the rest of that
 * time goes by length; who wants to read it has the sources and source maps beside it.
 */
import { build, transform } from "esbuild";
import { Buffer } from "node:buffer";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, posix, relative } from "node:path";
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
  sourcemap: "external",
  logLevel: "warning",
  logOverride: { "ambiguous-reexport": "error" },
};

const { exports: entries } = JSON.parse(readFileSync("deno.json", "utf8"));
const { metafile } = await build({ ...SETTINGS, entryPoints: [ROOT_ENTRY], metafile: true });
const modules = Object.keys(metafile.inputs).filter((file) => file !== ROOT_ENTRY);

const others = await build({
  ...SETTINGS,
  entryPoints: Object.values(entries),
  splitting: true,
  chunkNames: "src/shared-[hash]",
  plugins: [{ name: "root.js", setup: takeFromRoot }, { name: "d3", setup: bringD3 }],
});
// No more than is taken: each name costs a process that starts, and one of them is `then`, which would make of
// `await import("…/root.js")` a call.
const root = await build({
  ...SETTINGS,
  stdin: { contents: `export { ${taken(others).join(", ")} } from "all";`, resolveDir: "." },
  entryNames: "root",
  plugins: [{ name: "all", setup: bringAll }, { name: "Hono's routers", setup: bringHono }],
});
const outputs = [others, root].flatMap(({ outputFiles }) => outputFiles);
const written = (await Promise.all(outputs.filter(({ path }) => path.endsWith(".js")).map(write))).flat();
for (const file of readdirSync(DIST, { recursive: true, encoding: "utf8" })) {
  const path = fromHere(join(DIST, file));
  if (/\.js(?:\.map)?$/.test(path) && !written.includes(path)) rmSync(path);
}

/** As esbuild names files. */
function fromHere(path) {
  return relative(".", path).replaceAll("\\", "/");
}

/** The names that files take from root.js. */
function taken({ outputFiles }) {
  const code = outputFiles.map(({ text }) => text).join("\n");
  const lists = [...code.matchAll(/^(?:im|ex)port \{([^}]*)\} from "root.js";/gm)].map(([, list]) => list);
  return [...new Set(lists.join(",").split(",").map((name) => name.trim().split(" as ")[0]))];
}

/** Everything that root.js may hold. Of two exports with one name it could have neither; that is an error. */
function bringAll({ onResolve, onLoad }) {
  onResolve({ filter: /^all$/ }, () => ({ path: "all", namespace: "all" }));
  onLoad({ filter: /^all$/, namespace: "all" }, () => ({
    contents: modules.map((file) => `export * from "./${file}";`).join("\n"),
    resolveDir: ".",
  }));
}

function bringHono({ onResolve }) {
  onResolve(
    { filter: /^hono\/(?:router|utils)\// },
    ({ path }) => ({ path: fileURLToPath(import.meta.resolve(path)) }),
  );
}

function bringD3({ onResolve }) {
  onResolve(
    { filter: /^(?:d3-[a-z-]+|internmap)$/ },
    ({ path }) => ({ path: fileURLToPath(import.meta.resolve(path)), sideEffects: false }),
  );
}

function takeFromRoot({ onResolve }) {
  onResolve({ filter: /^\./ }, ({ kind, path, resolveDir }) => {
    const isOfRoot = kind !== "entry-point" && modules.includes(fromHere(join(resolveDir, path)));
    // Of no folder yet: `write` knows which file imports it.
    return isOfRoot ? { path: "root.js", external: true, sideEffects: false } : undefined;
  });
}

/** A bundle and its source map. */
async function write({ path, text }) {
  const file = fromHere(path);
  const map = outputs.find((output) => output.path === `${path}.map`).text;
  const readable = await withConstants(withPaths(text, dirname(file)));
  const { code, map: newMap } = await minified(readable, map);
  writeIfNew(file, `${code}${notices(newMap)}//# sourceMappingURL=${basename(file)}.map\n`);
  writeIfNew(`${file}.map`, withoutShipped(newMap));
  return [file, `${file}.map`];
}

/** The licences of the packages whose code is in a bundle, told by its source map. */
function notices(map) {
  const packages = JSON.parse(map).sources.flatMap((source) =>
    source.match(/(?<=\bnode_modules\/)(?:@[^/]+\/)?[^/]+/) ?? []
  );
  const byLicence = new Map();
  for (const name of new Set(packages)) {
    const licence = readFileSync(`node_modules/${name}/LICENSE`, "utf8").trim();
    byLicence.set(licence, [...byLicence.get(licence) ?? [], name]);
  }
  return [...byLicence].map(([licence, names]) => `/*\nCode of ${names.join(", ")}:\n\n${licence}\n*/\n`)
    .join("");
}

/** One file at a time, and none that is right already, so that a run beside this one keeps what it reads. */
function writeIfNew(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  if (!existsSync(file) || readFileSync(file, "utf8") !== text) writeFileSync(file, text);
}

/**
 * esbuild takes the notes out of what it minifies that say which calls a user's bundler may leave out. So a call at the top
 * of a module goes through it as the argument of another, whose name is as long as the note.
 */
async function minified(code, map) {
  const note = "/*@__PURE__*/";
  const noted = code.replace(/^(const [\w$]+=)\/\* @__PURE__ \*\/ (.*);$/gm, "$1PURE_________($2);");
  const result = await transform(
    `${noted}\n//# sourceMappingURL=data:application/json;base64,${Buffer.from(map).toString("base64")}`,
    { minify: true, format: "esm", target: SETTINGS.target, sourcemap: "external" },
  );
  return { code: result.code.replaceAll("PURE_________(", `${note}(`), map: result.map };
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
