import { openSync, writeSync } from "node:fs";
import process from "node:process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { byHeader, createThrottle, type Rule } from "../../mod.ts";
import { CONTENDED, type ContenderOptions, storeOf } from "./contender.ts";
import { pause } from "./until.ts";

/**
 * A process that asks until it is killed, or its input ends. Each line on its input names an algorithm and a key: "gcra 1". Each pass is
 * a byte in the file of that name, written before the next question.
 */
export interface HammerOptions extends ContenderOptions {
  /** The folder of the files. */
  readonly passes: string;
}

const KEY = "x-key";

/** Two rules per algorithm: both are charged by each request, or none. The limit of the first is that of the options. */
export function hammered(limit: number): readonly Rule[] {
  const rule = (name: string, limit: number): Rule => {
    const algorithm = CONTENDED[name];
    // Nothing comes back while the test runs.
    const rate = algorithm.window === undefined ? { limit, window: "4w" as const } : { limit };
    return { name: `${name}-${limit}`, algorithm, rate, key: byHeader(KEY), on: `/${name}` };
  };
  return Object.keys(CONTENDED).flatMap((name) => [rule(name, limit), rule(name, 2 * limit)]);
}

async function hammer(options: HammerOptions): Promise<void> {
  const throttle = createThrottle(hammered(options.limit), {
    store: await storeOf(options),
    onStoreFailure: "deny",
  });
  let request: Request | null = null;
  let passes = -1;
  let isOver = false;
  createInterface({ input: process.stdin }).on("line", (line) => {
    const [name, key] = line.split(" ");
    request = new Request(`https://api.example/${name}`, { headers: { [KEY]: key } });
    passes = openSync(join(options.passes, line), "a");
  }).on("close", () => isOver = true);
  console.log("ready");
  for (let i = 0; !isOver; i++) {
    const allowed = request !== null && (await throttle.check(request)).allowed;
    if (allowed) writeSync(passes, ".");
    // So that the process hears its input.
    if (!allowed || i % 20 === 0) await pause(allowed ? 0 : 10);
  }
  // A connection that is open might keep the process.
  process.exit();
}

if (process.argv[2] === "hammer") await hammer(JSON.parse(process.argv[3]));
