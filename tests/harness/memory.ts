import process from "node:process";
import v8 from "node:v8";
import vm from "node:vm";

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
  for (let i = 0; i < 3; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
