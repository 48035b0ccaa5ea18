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

/** A user's project: a folder of its own, outside this one, that has the package installed. */
export interface Consumer {
  /** Where it is. */
  readonly folder: string;
  /** Writes a file of it. */
  write(file: string, text: string): void;
  /** Copies a file of this project into it. */
  copy(file: string): void;
  /** Runs a program in it; what the program printed, or an error that has it. */
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

/** The files that `deno publish` would send to JSR: some files, with what deno.json says of JSX in those that have any. */
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

/** Installed here already, so that nothing is fetched: a link to each. */
function link({ folder }: Consumer, packages: readonly string[]): void {
  for (const name of packages) {
    const place = join(folder, "node_modules", name);
    mkdirSync(dirname(place), { recursive: true });
    symlinkSync(resolve("node_modules", name), place, "junction");
  }
}

/** package.json as it is here. */
export const npmPackage = JSON.parse(readFileSync("package.json", "utf8"));

const dependencies = Object.keys(npmPackage.dependencies);

let packed: Promise<string> | null = null;

/** Packs what is built, once for all consumers of a test file; where the tarball is. */
async function pack(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "weir-pack-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  await run("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder]);
  return join(folder, readdirSync(folder)[0]);
}

/**
 * A project with the package as `npm install` would put it there: what `npm pack` packs of what is built, and its
 * dependencies.
 *
 * @param packages What the user has installed besides, of what is installed here.
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
 * A project on Deno with the package as JSR would have it: the files that are published, imported by their `jsr:` name.
 * Its npm packages are where a package.json lets Deno find them without fetching any.
 *
 * @param packages What the user has installed besides, of what is installed here.
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

/** The ranges that this project has of some packages. */
function versions(packages: readonly string[]): Record<string, string> {
  const { dependencies, devDependencies, peerDependencies } = npmPackage;
  const ranges = { ...devDependencies, ...peerDependencies, ...dependencies };
  return Object.fromEntries(packages.map((name) => [name, ranges[name]]));
}
