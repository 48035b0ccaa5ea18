import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { delimiter, resolve } from "node:path";
import process from "node:process";

/** A program that serves HTTP. */
export interface Program {
  /** Its URL from its output, without a slash at the end: "http://localhost:40123". */
  readonly url: string;
  /** Its output so far, of both streams. */
  output(): string;
  /** Stops it. */
  stop(): Promise<void>;
}

/** The longest start of a program, in ms: Deno and Netlify's tools start slowly on a busy machine. */
const MAX_START_MS = 120_000;

const running = new Set<ChildProcess>();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

/** The environment of a program that listens on a free port and prints its URL in plain text. */
function environment(more: Readonly<Record<string, string>>): Record<string, string | undefined> {
  return {
    ...process.env,
    ...{ PORT: "0", DENO_SERVE_ADDRESS: "tcp:127.0.0.1:0", NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    PATH: [resolve("node_modules/.bin"), process.env.PATH].join(delimiter),
    ...more,
  };
}

/**
 * Starts a program; resolves when it has printed its URL.
 *
 * @param command The command line: `["bun", "examples/bun.ts"]`.
 * @param env Additional environment variables.
 * @param cwd Its working folder. Default: this repository.
 */
export async function startProgram(
  [name, ...words]: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd?: string,
): Promise<Program> {
  const child = spawn(name, words, { cwd, env: environment(env), stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  child.once("exit", () => running.delete(child));
  let said = "";

  const url = await new Promise<string>((listening, failed) => {
    const give = (why: string) => failed(new Error(`${[name, ...words].join(" ")} ${why}: ${said}`));
    const timer = setTimeout(() => give("does not listen"), MAX_START_MS);
    child.once("error", failed);
    child.once("exit", (code) => {
      clearTimeout(timer);
      give(`ended with ${code}`);
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream!.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        const found = /(?:listening|started|local)\b.*?(https?:\/\/[^\s/]+:\d+)/i.exec(said);
        if (found === null) return;
        clearTimeout(timer);
        listening(found[1].replace("//0.0.0.0:", "//127.0.0.1:"));
      });
    }
  }).catch((error) => {
    child.kill("SIGKILL");
    throw error;
  });

  return {
    url,
    output: () => said,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      const impatience = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await ended;
      clearTimeout(impatience);
    },
  };
}
