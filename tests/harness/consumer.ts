import { execFile } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import process from "node:process";
import { promisify } from "node:util";

/** A user's project: a separate folder with the package installed. */
export interface Consumer {
  /** Its path. */
  readonly folder: string;
  /** Writes a file. */
  write(file: string, text: string): void;
  /** Copies a file of this repository into it. */
  copy(file: string): void;
  /** Runs a program in it; returns its output, or throws an error with the output. */
  run(program: string, ...words: readonly string[]): Promise<string>;
  /** Deletes it. */
  remove(): void;
}

const run = promisify(execFile);

function environment(): Record<string, string | undefined> {
  return {
    ...process.env,
    ...{ NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    PATH: [resolve("node_modules/.bin"), process.env.PATH].join(delimiter),
  };
}

function emptyProject(): Consumer {
  const folder = mkdtempSync(join(tmpdir(), "weir-consumer-"));
  return {
    folder,
    write(file, text) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), text);
    },
    copy: (file) => cpSync(file, join(folder, file.slice(file.lastIndexOf("/") + 1))),
    async run(program, ...words) {
      const { stdout } = await run(program, words, { cwd: folder, env: environment() }).catch((error) => {
        throw new Error(`${[program, ...words].join(" ")} failed: ${error.stdout}${error.stderr}`);
      });
      return stdout;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The files that `deno publish` sends to JSR; files with JSX get the JSX settings of deno.json. */
function publish(folder: string): void {
  const { publish: { include }, imports, compilerOptions } = JSON.parse(readFileSync("deno.json", "utf8"));
  for (const path of include) cpSync(path, join(folder, path), { recursive: true });
  const source = compilerOptions.jsxImportSource.replace("hono", imports.hono);
  for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".tsx")) continue;
    const text = readFileSync(join(folder, file), "utf8");
    writeFileSync(join(folder, file), `/** @jsxRuntime automatic *//** @jsxImportSource ${source} */${text}`);
  }
}

/** Links packages that are installed here, so that nothing is fetched. */
function link({ folder }: Consumer, packages: readonly string[]): void {
  for (const name of packages) {
    const place = join(folder, "node_modules", name);
    mkdirSync(dirname(place), { recursive: true });
    symlinkSync(resolve("node_modules", name), place, "junction");
  }
}

/** This repository's package.json. */
export const npmPackage = JSON.parse(readFileSync("package.json", "utf8"));

const dependencies = Object.keys(npmPackage.dependencies);

let packed: Promise<string> | null = null;

/** Packs the built package, once for all consumers of a test file; returns the tarball's path. */
async function pack(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "weir-pack-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  await run("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder]);
  return join(folder, readdirSync(folder)[0]);
}

/**
 * A project with the package as `npm install` installs it: the output of `npm pack`, and its dependencies.
 *
 * @param packages Further installed packages of this repository.
 */
export async function npmConsumer(packages: readonly string[] = []): Promise<Consumer> {
  const consumer = emptyProject();
  const installed = [...dependencies, ...packages];
  const manifest = { name: "consumer", private: true, type: "module", dependencies: versions(installed) };
  consumer.write("package.json", JSON.stringify(manifest));
  const tarball = await (packed ??= pack());
  const home = `node_modules/${npmPackage.name}`;
  mkdirSync(join(consumer.folder, home), { recursive: true });
  await consumer.run("tar", "-xzf", tarball, "-C", home, "--strip-components=1");
  link(consumer, installed);
  return consumer;
}

/**
 * A Deno project with the package as on JSR: the published files, imported by their `jsr:` name. Its npm
 * packages come from a package.json, so that Deno fetches none.
 *
 * @param packages Further installed packages of this repository.
 */
export function jsrConsumer(packages: readonly string[] = []): Consumer {
  const consumer = emptyProject();
  publish(join(consumer.folder, "published"));
  const installed = [...dependencies, ...packages];
  const manifest = { name: "consumer", private: true, type: "module", dependencies: versions(installed) };
  consumer.write("package.json", JSON.stringify(manifest));
  const specifier = `jsr:${npmPackage.name}@^${npmPackage.version}`;
  const settings = {
    imports: { [npmPackage.name]: specifier },
    links: ["./published"],
    nodeModulesDir: "manual",
    lock: false,
  };
  consumer.write("deno.json", JSON.stringify(settings));
  link(consumer, installed);
  return consumer;
}

/** This repository's version ranges of some packages. */
function versions(packages: readonly string[]): Record<string, string> {
  const { dependencies, devDependencies, peerDependencies } = npmPackage;
  const ranges = { ...devDependencies, ...peerDependencies, ...dependencies };
  return Object.fromEntries(packages.map((name) => [name, ranges[name]]));
}
