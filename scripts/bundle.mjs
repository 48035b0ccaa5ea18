/**
 * The code of dist, in few files, as each costs a process that starts a millisecond:
 *
 *   dist/mod.js, dist/src/...   the entries
 *   dist/cli.js                 the command, which runs the entry ./cli
 *   dist/root.js                the modules of the root entry; the other entries take from it what they share with it
 *   dist/src/replay_parts.js, dist/src/dashboard_parts.js
 *                               the modules of ./replay and of ./dashboard that the command shares
 *   dist/src/shared.js          the modules that other entries share besides
 *
 * No module is in two files, so one thing in src is one thing in dist. Packages stay imports, but for the few functions
 * of Hono that read a path pattern for OpenAPI, and of d3 that the dashboard draws with, so that nobody has to install
 * d3. All of it is minified, as most of the rest of that time goes by length (breakLines gives it
 * lines); the sources and the source maps lie beside it for readers.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { rolldown } from "rolldown";
import { breakLines } from "./break_lines.mjs";

const DIST = "dist";
const ROOT = resolve("mod.ts");
/** Packages whose code is in the bundle. */
const BUNDLED = /^(?:hono\/utils\/|d3-[a-z-]+$|internmap$)/;
const D3 = /\/node_modules\/(?:d3-[a-z-]+|internmap)\//;

const { exports: entries } = JSON.parse(readFileSync("deno.json", "utf8"));

const bundle = await rolldown({
  input: Object.fromEntries(Object.values(entries).map((file) => [entryName(file), file])),
  platform: "neutral",
  external: (id) => /^[@a-z]/.test(id) && !BUNDLED.test(id),
  plugins: [{
    name: "without the comments and the indentation of scripts",
    // Their lines stay, so that source maps stay right.
    transform(code, id) {
      return id.endsWith("lua.ts")
        ? {
          code: code.replace(/^ *--.*$|^ +/gm, "").replace(/ ?([,=~<>+*/%-]+|\.\.) (?!-)/g, "$1"),
          map: null,
        }
        : null;
    },
  }],
  treeshake: { moduleSideEffects: (id) => !D3.test(id) },
  onwarn(warning) {
    throw new Error(warning.message);
  },
});
const { output } = await bundle.generate({
  dir: DIST,
  format: "es",
  chunkFileNames: ({ name }) => name === "root" ? "root.js" : `src/${name}.js`,
  codeSplitting: {
    groups: [
      {
        name: (id, modules) => isOfRoot(id, modules) ? "root" : null,
        debugName: "root",
        priority: 1,
      },
      { name: roomOf, debugName: "room", minShareCount: 2 },
      { name: "shared", minShareCount: 2 },
    ],
  },
  sourcemap: true,
  minify: true,
  // A user's bundler goes by the notes which calls it may leave out.
  comments: { annotation: true, legal: false, jsdoc: false },
  postFooter: ({ moduleIds }) => licencesOf(moduleIds),
});
await bundle.close();

const written = [];
for (const chunk of output) {
  if (chunk.type !== "chunk") continue;
  const path = join(DIST, chunk.fileName);
  const asset = output.find(({ fileName }) => fileName === chunk.sourcemapFileName);
  const { code, map } = breakLines(chunk.code, JSON.parse(asset?.source ?? "{}"));
  writeIfNew(path, code);
  written.push(path);
  if (asset === undefined) continue;
  writeIfNew(`${path}.map`, withoutShipped(map));
  written.push(`${path}.map`);
}
/** Node 20 does not tell a module whether it is the one that was started, so this one is another. */
const command = join(DIST, "cli.js");
writeIfNew(
  command,
  '#!/usr/bin/env node\nimport process from "node:process";\nimport { main } from "./src/cli/mod.js";\n\n' +
    "const code = await main(process.argv.slice(2));\n" +
    "// The rules may hold a connection open, which would keep the process.\n" +
    'process.stdout.write("", () => process.exit(code));\n',
);
chmodSync(command, 0o755);
written.push(command);
for (const file of readdirSync(DIST, { recursive: true, encoding: "utf8" })) {
  const path = join(DIST, file);
  if (/\.js(?:\.map)?$/.test(path) && !written.includes(path)) rmSync(path);
}

function entryName(file) {
  return file.replace(/^\.\//, "").replace(/\.tsx?$/, "");
}

/** The file for modules of a room that entries of other rooms share: who imports a store is not to load them. */
function roomOf(id) {
  const room = D3.test(id) ? "dashboard" : id.match(/\/src\/(replay|dashboard)\//)?.[1];
  return room === undefined ? null : `${room}_parts`;
}

/** Does the root entry, which is none of them, import this module, or one that does? */
function isOfRoot(id, modules) {
  return modules.getModuleInfo(id).importers.some((importer) =>
    importer === ROOT || isOfRoot(importer, modules)
  );
}

/** The licences of the packages whose code is in a file. */
function licencesOf(modules) {
  const byLicence = new Map();
  for (
    const name of new Set(modules.flatMap((id) => id.match(/(?<=\/node_modules\/)(?:@[^/]+\/)?[^/]+/) ?? []))
  ) {
    const licence = readFileSync(`node_modules/${name}/LICENSE`, "utf8").trim();
    byLicence.set(licence, [...byLicence.get(licence) ?? [], name]);
  }
  return [...byLicence].map(([licence, names]) => `\n/*\nCode of ${names.join(", ")}:\n\n${licence}\n*/`)
    .join("");
}

/** A source map without the text of sources that are in the package beside it. */
function withoutShipped(map) {
  map.sourcesContent = map.sourcesContent.map((content, i) =>
    map.sources[i].includes("node_modules/") ? content : null
  );
  return JSON.stringify(map);
}

/** One file at a time, and none that is right already, so that a run beside this one keeps what it reads. */
function writeIfNew(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  if (!existsSync(file) || readFileSync(file, "utf8") !== text) writeFileSync(file, text);
}
