import { openSync, writeSync } from "node:fs";
import process from "node:process";
import { byGlobal, createThrottle, type Rule } from "../../mod.ts";
import { type ContenderOptions, storeOf } from "./contender.ts";

/** A process that asks until it is killed. Each pass is a byte in a file, written before the next question. */
export interface HammerOptions extends ContenderOptions {
  /** The file of passes. */
  readonly passes: string;
}

/** Both are charged by each request, or none. */
export const HAMMERED: readonly Rule[] = [
  { name: "few", rate: "3000/day", key: byGlobal() },
  { name: "many", rate: "1000000/day", key: byGlobal() },
];

async function hammer(options: HammerOptions): Promise<void> {
  const passes = openSync(options.passes, "a");
  const throttle = createThrottle(HAMMERED, { store: await storeOf(options), onStoreFailure: "deny" });
  console.log("ready");
  for (let i = 0;; i++) {
    const { allowed } = await throttle.check(new Request("https://api.example/"));
    if (allowed) writeSync(passes, ".");
    // So that the process hears that it is to end.
    if (i % 100 === 0) await new Promise((resume) => setTimeout(resume));
  }
}

if (process.argv[2] === "hammer") await hammer(JSON.parse(process.argv[3]));
