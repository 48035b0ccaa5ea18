import { describe, it } from "node:test";

/** The runtime that runs this test. */
export const runtime: "deno" | "bun" | "node" = "Deno" in globalThis
  ? "deno"
  : "Bun" in globalThis
  ? "bun"
  : "node";

/** Runs tests on Node alone: they start their own programs, so their result is the same on each runtime. */
export const describeOnNode: typeof describe = runtime === "node"
  ? describe
  : ((name: string) => it(`${name}: seen by the tests on Node`, () => {})) as typeof describe;
