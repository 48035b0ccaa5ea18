import process from "node:process";
import { describe, it } from "node:test";

/** The runtime that runs this test. */
export const runtime: "deno" | "bun" | "node" = "Deno" in globalThis
  ? "deno"
  : "Bun" in globalThis
  ? "bun"
  : "node";

/**
 * Runs tests on Node alone, and of two Nodes on the newer one: they start their own programs, so their result is the same on each
 * runtime.
 */
export const describeOnNode: typeof describe = runtime === "node" && !process.env.WEIR_SEEN_ON_NODE24
  ? describe
  : ((name: string) => it(`${name}: seen by the tests on Node`, () => {})) as typeof describe;
