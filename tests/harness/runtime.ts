/** The runtime that runs this test. A test of one runtime's own thing skips on the others: `{ skip: runtime !== "deno" }`. */
export const runtime: "deno" | "bun" | "node" = "Deno" in globalThis
  ? "deno"
  : "Bun" in globalThis
  ? "bun"
  : "node";
