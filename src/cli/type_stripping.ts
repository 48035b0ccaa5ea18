/**
 * TypeScript on a Node that does not read it by itself: the types are stripped by a tool that the user's project has.
 *
 * @module
 */

import { builtin } from "../runtime.ts";

/** The tools that can, in the order in which they are looked for, and the first version that cannot. */
const TOOLS: readonly (readonly [name: string, endsAt: number])[] = [["esbuild", Infinity], [
  "typescript",
  7,
]];

/** Files whose types are stripped. Node has no format for what a `.cts` file becomes. */
const TYPESCRIPT = /\.m?tsx?$/;

interface Process {
  cwd(): string;
  readonly versions: { readonly bun?: string; readonly deno?: string };
  readonly features?: { readonly typescript?: unknown };
}

interface Require {
  (id: string): { readonly version: string };
  resolve(id: string): string;
}

interface Modules {
  createRequire(from: string): Require;
  register(specifier: string, parent: string, options: { data: unknown }): void;
}

/**
 * Node's hooks run in a thread of their own, from this text, as a bundle has no second file. They strip types, and find the
 * TypeScript behind `./limits.js` and `./limits`, as compilers and bundlers do.
 */
const HOOKS = `
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

let strip;

export async function initialize({ name, url }) {
  const module = await import(url);
  const tool = module.default ?? module;
  strip = name === "esbuild"
    ? (text, file) => tool.transformSync(text, {
      loader: file.endsWith("x") ? "tsx" : "ts", format: "esm", sourcefile: file, sourcemap: "inline", logLevel: "silent",
    }).code
    : (text, fileName) => tool.transpileModule(text, {
      fileName, compilerOptions: { module: 99, target: 9, jsx: 4, inlineSourceMap: true },
    }).outputText;
}

export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context);
  } catch (error) {
    if (!/^(?:[.]{0,2}[/]|file:)/.test(specifier)) throw error;
    const others = /[.][mc]?js$/.test(specifier)
      ? [specifier.replace(/js$/, "ts"), specifier.replace(/js$/, "tsx")]
      : [specifier + ".ts", specifier + ".tsx", specifier + "/index.ts"];
    for (const other of others) {
      try {
        return await next(other, context);
      } catch {
        // The first error is the one to show.
      }
    }
    throw error;
  }
}

export async function load(url, context, next) {
  const path = url.replace(/[?#].*$/, "");
  if (!path.startsWith("file:") || !/[.]m?tsx?$/.test(path)) return await next(url, context);
  const file = fileURLToPath(path);
  return { format: "module", source: strip(await readFile(file, "utf8"), file), shortCircuit: true };
}
`;

/** Is one of the tools there, as a project in this folder sees it? */
function toolSeenFrom(from: string, { createRequire }: Modules): { name: string; path: string } | null {
  const require = createRequire(from);
  for (const [name, endsAt] of TOOLS) {
    try {
      const { version } = require(`${name}/package.json`);
      if (parseInt(version) < endsAt) return { name, path: require.resolve(name) };
    } catch {
      // The project does not have it.
    }
  }
  return null;
}

let isRegistered = false;

/**
 * Prepares this process for the import of a file, if it is one of TypeScript and the runtime needs help. Where no tool is found
 * the import fails with Node's own error, ERR_UNKNOWN_FILE_EXTENSION.
 *
 * @param file Its absolute path.
 */
export function prepareTypeScript(file: string): void {
  const process = builtin<Process>("node:process");
  const modules = builtin<Modules>("node:module");
  const { pathToFileURL } = builtin<{ pathToFileURL(path: string): URL }>("node:url") ?? {};
  if (process === undefined || modules === undefined || pathToFileURL === undefined) return;
  const { versions: { bun, deno }, features } = process;
  if (isRegistered || !TYPESCRIPT.test(file) || bun !== undefined || deno !== undefined) return;
  if (features?.typescript) return;
  const tool = toolSeenFrom(file, modules) ?? toolSeenFrom(`${process.cwd()}/_`, modules);
  if (tool === null) return;
  isRegistered = true;
  const hooks = `data:text/javascript,${encodeURIComponent(HOOKS)}`;
  const data = { name: tool.name, url: pathToFileURL(tool.path).href };
  modules.register(hooks, pathToFileURL(file).href, { data });
}
