/** Nothing that Workers refuse at module load happens at import or at construction. */
import { assertEquals } from "@std/assert";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import process from "node:process";
import { describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { runtime } from "../harness/runtime.ts";

/** A source file as this runtime runs it: Node has it compiled. */
const runnable = (path: string) =>
  resolve(runtime === "node" ? `.build/${path.replace(/\.ts$/, ".js")}` : path);

const { exports } = JSON.parse(readFileSync("deno.json", "utf8")) as { exports: Record<string, string> };

describe("importing and constructing", () => {
  for (const [name, path] of Object.entries(exports)) {
    it(`${name} calls no timer, I/O, random or crypto`, () => {
      const flags = runtime === "deno" ? ["run", "-A", "--no-check"] : [];
      const script = runnable("tests/harness/quiet_construction.ts");
      const { stdout, stderr } = spawnSync(
        process.execPath,
        [...flags, script, pathToFileURL(runnable(path)).href],
        { encoding: "utf8" },
      );
      assertEquals(stdout.trim(), "quiet", stderr);
    });
  }
});
