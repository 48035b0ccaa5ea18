/** How the command `weir` is started: as npm installs it on Node, from its source elsewhere. */
import { runtime } from "./runtime.ts";

export const COMMAND: readonly string[] = {
  node: ["dist/cli.js"],
  bun: ["src/cli/mod.ts"],
  deno: [
    "run",
    "--allow-read",
    "--allow-write",
    "--allow-env",
    "--no-check",
    "src/cli/mod.ts",
  ],
}[runtime];
