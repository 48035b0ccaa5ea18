import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import type { BuildOptions } from "esbuild";
import { it } from "node:test";
import { gzipSync } from "node:zlib";
import { describeOnNode } from "./harness/runtime.ts";

/** What a user's bundler makes of some code: how much of which file stays, and its size. */
async function bundle(code: string, options: Pick<BuildOptions, "external" | "conditions"> = {}) {
  const { build } = await import("esbuild");
  const { outputFiles: [file], metafile } = await build({
    stdin: { contents: code, resolveDir: "." },
    bundle: true,
    format: "esm",
    target: "es2022",
    minify: true,
    write: false,
    metafile: true,
    logLevel: "error",
    ...options,
  });
  const [{ inputs }] = Object.values(metafile.outputs);
  const kept = Object.keys(inputs).filter((path) => inputs[path].bytesInOutput > 0);
  return { kept, kilobytes: gzipSync(file.contents, { level: 9 }).length / 1000 };
}

/** A bundle of some exports of the root entry. */
const bundleOf = (names: string) => bundle(`export ${names} from "./mod.ts"`);

/** Of these folders nothing is kept. */
function assertWithout(kept: readonly string[], ...folders: string[]) {
  for (const folder of folders) {
    assertEquals(kept.filter((path) => path.startsWith(`src/${folder}/`)), [], folder);
  }
}

const OTHERS = ["adapters", "auth", "dashboard", "openapi", "stats", "testing"];

// A bundle is the same whichever runtime looks at it.
describeOnNode("the package in a bundle", () => {
  it("keeps of the root entry only what is imported", async () => {
    assertWithout(
      (await bundleOf("{ byIp }")).kept,
      ...OTHERS,
      "stores",
      "algorithms",
      "headers",
      "rejections",
    );
    assertWithout((await bundleOf("{ fixedWindow }")).kept, ...OTHERS, "stores", "headers", "keys", "client");
    assertWithout(
      (await bundleOf("{ rateLimit }")).kept,
      ...OTHERS,
      "stores",
      "algorithms",
      "keys",
      "client",
    );
    assertWithout(
      (await bundleOf("{ memoryStore }")).kept,
      ...OTHERS,
      "algorithms",
      "headers",
      "keys",
      "client",
    );
    assertWithout((await bundleOf("{ withThrottle }")).kept, ...OTHERS);
  });

  it("keeps nothing of an import that is not used", async () => {
    const { kept } = await bundle('import { withThrottle } from "./mod.ts"; console.log(1);');
    assertEquals(kept, ["<stdin>"]);
  });

  it("brings no store that needs a client, and no package that is a peer", async () => {
    const { kept } = await bundleOf("*");
    assertWithout(kept, ...OTHERS.filter((folder) => folder !== "stats"));
    for (const path of kept) assert(!/node_modules\/(?!hono\/)/.test(path), path);
    for (const path of kept) assert(!/stores\/(redis|upstash|script)/.test(path), path);
  });

  it("is for every platform: no part of it asks for a runtime's modules", async () => {
    for (const entry of ["./mod.ts", "./src/adapters/hono.ts", "./src/jwt.ts", "./src/stores/upstash.ts"]) {
      await bundle(`export * from "${entry}"`, { conditions: ["workerd", "worker", "browser"] });
    }
  });

  const SIZE = "at most 12 kB gzipped, without Hono's router";
  it(`is ${SIZE}`, { todo: "what it takes is in the test's message" }, async (t) => {
    const external = ["hono/*"];
    const [whole, path] = [
      await bundle('export * from "./mod.ts"', { external }),
      await bundle('export { withThrottle } from "./mod.ts"', { external }),
    ];
    const sizes = `${whole.kilobytes.toFixed(1)} kB, withThrottle alone ${path.kilobytes.toFixed(1)} kB`;
    t.diagnostic(sizes);
    assertLessOrEqual(whole.kilobytes, 12, `The root entry is ${sizes}`);
  });
});
