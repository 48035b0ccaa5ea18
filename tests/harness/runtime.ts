import { describe, it } from "node:test";

/** The runtime that runs this test. */
export const runtime: "deno" | "bun" | "node" = "Deno" in globalThis
  ? "deno"
  : "Bun" in globalThis
  ? "bun"
  : "node";

/** Tests that are the same whichever runtime starts them, as they start what they need themselves: Node does. */
export const describeOnNode: typeof describe = runtime === "node"
  ? describe
  : ((name: string) => it(`${name}: seen by the tests on Node`, () => {})) as typeof describe;
