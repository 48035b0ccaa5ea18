/** The blocks of README, docs/ and comments on Bun and Node; `deno test --doc` runs them on Deno. */
import { assert, assertEquals } from "@std/assert";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { after, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { inTime } from "../harness/in_time.ts";
import { runtime } from "../harness/runtime.ts";

const MAX_TRIES = 10;
const [major, minor] = process.versions.node.split(".").map(Number);
const stripsTypes = runtime === "bun" || major > 22 || (major === 22 && minor >= 18);

const filesIn = (folder: string, ending: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(ending)).map((file) => join(folder, file)).sort();

/** The blocks of a file that run by themselves, as `deno test --doc` takes them. */
function blocksOf(file: string): string[] {
  const blocks = readFileSync(file, "utf8").matchAll(/^( *\* | *)```ts\n([^]*?)^\1```$/gm);
  return [...blocks].map(([, margin, code]) =>
    code.replaceAll(new RegExp(`^${margin.trimEnd().replace("*", "\\*")} ?`, "gm"), "")
  )
    // README's servers are driven by newcomer_test.ts and readme_test.ts.
    .filter((code) => /from "node:assert|storeBehaviours/.test(code));
}

const skip = runtime === "deno"
  ? "deno test --doc runs them"
  : !stripsTypes && "this Node reads no TypeScript";

describe("the blocks of README, docs/ and comments, on this runtime", { skip }, () => {
  // Within the package, which finds its own entries by name.
  mkdirSync(".artefacts", { recursive: true });
  const folder = resolve(mkdtempSync(join(".artefacts", "blocks-")));
  after(() => rmSync(folder, { recursive: true }));

  const files = ["README.md", "mod.ts", ...filesIn("docs", ".md"), ...filesIn("src", ".ts")];
  const blocks = files.flatMap((file) =>
    blocksOf(file).map((code, i) => ({ name: `${file}, block ${i + 1}`, code }))
  );
  let runs = 0;
  async function run(code: string): Promise<void> {
    const path = join(folder, `${++runs}.ts`); // a module that failed is not run again
    writeFileSync(path, `${code}\nexport {};\n`);
    await import(pathToFileURL(path).href);
  }
  /** The stores in blocks have the default deadline, which a machine that is busy with other tests may miss. */
  const runInTime = (code: string): Promise<void> =>
    inTime(async (tries) => {
      for (;; tries++) {
        try {
          return await run(code);
        } catch (error) {
          if (tries >= MAX_TRIES || (error as Error).name !== "NotDecided") throw error;
        }
      }
    });
  for (const { name, code } of blocks) it(name, () => runInTime(code));

  it("are more than a hundred, and no time of theirs stays", () => {
    assert(blocks.length > 100);
    assertEquals(Date.now.name, "now");
  });
});
