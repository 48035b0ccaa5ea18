import { spawn } from "node:child_process";
import { resolve } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { runtime } from "./runtime.ts";

/** The start of the command: as npm installs it on Node, from its source elsewhere. */
export const COMMAND: readonly string[] = {
  node: [resolve("dist/cli.js")],
  bun: [resolve("src/cli/mod.ts")],
  deno: [
    "run",
    ...["--allow-read", "--allow-write", "--allow-env", "--no-check"],
    `--config=${resolve("deno.json")}`,
    resolve("src/cli/mod.ts"),
  ],
}[runtime];

/** The commands that may ask a server, for which Deno needs a permission. */
const CONNECTING: readonly (string | undefined)[] = ["explain", "lint", "promote"];

/** The package that modules of rules import: the one that the command runs. */
export const PACKAGE: string = pathToFileURL(resolve(runtime === "node" ? "dist/mod.js" : "mod.ts")).href;

/** The end of a command. */
export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/**
 * Runs the command `weir` to its end.
 *
 * @param folder Where it runs. Default: the project.
 * @param input Its standard input. Default: nothing.
 */
export function weir(
  words: readonly string[],
  { folder = process.cwd(), input = "" }: { folder?: string; input?: string | Uint8Array } = {},
): Promise<Ended> {
  const [first, ...rest] = COMMAND;
  const connects = runtime === "deno" && CONNECTING.includes(words[0]);
  const child = spawn(process.execPath, [first, ...connects ? ["--allow-net"] : [], ...rest, ...words], {
    cwd: folder,
    // DENO_JOBS is how Weir knows `deno serve --parallel`, and `npm test` sets it.
    env: { ...process.env, DENO_JOBS: undefined, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
  });
  // The command ends before it has read everything where it is misspelt.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => out += text);
  child.stderr.setEncoding("utf8").on("data", (text: string) => err += text);
  return new Promise((ended, failed) => {
    child.on("error", failed);
    child.on("close", (code) => ended({ code, out, err }));
  });
}
