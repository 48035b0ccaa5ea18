import process from "node:process";
import v8 from "node:v8";
import vm from "node:vm";
import { pause } from "./until.ts";

/** The runtime's garbage collection: a function of Bun, and on the others behind a flag of V8. */
function collector(): () => void {
  const { Bun } = globalThis as { Bun?: { gc(now: boolean): void } };
  if (Bun !== undefined) return () => Bun.gc(true);
  v8.setFlagsFromString("--expose-gc");
  return vm.runInNewContext("gc");
}

const collect = collector();

/** Bytes in use after a collection, typed arrays included. */
export async function bytesInUse(): Promise<number> {
  let least = Infinity;
  // A collection may leave what the next one finds: until two in a row find nothing more.
  for (let left = 3; left > 0; left--) {
    collect();
    await pause(5);
    const { heapUsed, external } = process.memoryUsage();
    const bytes = heapUsed + external;
    if (bytes < 0.999 * least) left = 3;
    least = Math.min(least, bytes);
  }
  return least;
}
