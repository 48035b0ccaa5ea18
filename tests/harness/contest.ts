import { assertEquals } from "@std/assert";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";

const BIN = "node_modules/.bin";
const RUNTIMES: Readonly<Record<string, readonly string[]>> = {
  deno: [`${BIN}/deno`, "run", "-A", "--no-check", "--config=deno.json"],
  bun: [`${BIN}/bun`, "run"],
  node: [process.execPath],
};

/** How many lines of a process's errors are in the message where it ends early. */
const LAST_LINES = 10;

/** A process that is spoken to by lines. */
export interface Contestant {
  readonly child: ChildProcess;
  /** Its next line. */
  read(): Promise<string>;
}

/** A program that runs on all runtimes. */
export interface Contest {
  /**
   * Starts it.
   *
   * @param on The runtime.
   */
  start(on: string, ...words: readonly string[]): Contestant;
  /** Ends all processes that it has started, and removes it. */
  end(): void;
}

/** Makes one file of a program, as Node 20 does not read TypeScript. To be called on Node. */
export function contestOf(file: string): Contest {
  const program = `.build/${file.replace(/.*\//, "").replace(".ts", "")}-${process.pid}.mjs`;
  const words = ["--bundle", "--platform=node", "--format=esm", "--packages=external", "--log-level=error"];
  const { status } = spawnSync(`${BIN}/esbuild`, [file, ...words, `--outfile=${program}`], {
    stdio: "inherit",
  });
  assertEquals(status, 0);
  const children: ChildProcess[] = [];
  return {
    start(on, ...own) {
      const [command, ...words] = [...RUNTIMES[on], program, ...own];
      const child = spawn(command, words, { stdio: ["pipe", "pipe", "pipe"] });
      children.push(child);
      const ending = endingOf(child);
      const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
      return {
        child,
        async read() {
          const { value, done } = await lines.next();
          if (done) throw new Error(`The process on ${on} has ended ${await ending}`);
          return value;
        },
      };
    },
    end() {
      for (const child of children) child.kill("SIGKILL");
      rmSync(program, { force: true });
    },
  };
}

/** Sends all processes a line at once; their reports, which are lines of JSON. */
export async function reportsOf<Report>(contestants: readonly Contestant[], line: string): Promise<Report[]> {
  for (const { child } of contestants) child.stdin!.write(`${line}\n`);
  return await Promise.all(contestants.map(async ({ read }): Promise<Report> => JSON.parse(await read())));
}

/** Shows the errors of a process, and says how it ended: by its code or signal, and with the last lines of those. */
function endingOf(child: ChildProcess): Promise<string> {
  let errors = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    process.stderr.write(text);
    errors = (errors + text).split("\n").slice(-LAST_LINES - 1).join("\n");
  });
  return new Promise((resolve) => {
    child.on("error", (error) => resolve(`before it started: ${error.message}`));
    child.on("close", (code, signal) => {
      const how = code === null ? `by ${signal}` : `with code ${code}`;
      resolve(`${how}${errors === "" ? ", and wrote no error" : `. Its last errors:\n${errors.trimEnd()}`}`);
    });
  });
}
