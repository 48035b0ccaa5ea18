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
      const child = spawn(command, words, { stdio: ["pipe", "pipe", "inherit"] });
      children.push(child);
      const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
      return {
        child,
        async read() {
          const { value, done } = await lines.next();
          if (done) throw new Error(`The process on ${on} has ended`);
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
