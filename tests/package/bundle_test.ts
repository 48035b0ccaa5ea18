import { assert, assertEquals, assertLessOrEqual, assertMatch } from "@std/assert";
import type { BuildOptions } from "esbuild";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { SourceMap, type SourceMapping } from "node:module";
import { dirname, join } from "node:path";
import { it } from "node:test";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import * as root from "../../mod.ts";
import * as redis from "../../src/stores/redis/mod.ts";
import { writtenDuring } from "../harness/console.ts";
import { describeOnNode } from "../harness/runtime.ts";

/** Two entries of the package. */
interface Package {
  readonly root: typeof root;
  readonly redis: typeof redis;
}

/** A user's bundle of some code: how much of which file stays, and its size. */
async function bundle(code: string, options: Pick<BuildOptions, "conditions" | "platform"> = {}) {
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
  return {
    read: Object.keys(metafile.inputs),
    kept,
    kilobytes: gzipSync(file.contents, { level: 9 }).length / 1000,
  };
}

/** A bundle of some exports of the root entry. */
const bundleOf = (names: string) => bundle(`export ${names} from "./mod.ts"`);

/** Of these folders nothing is kept. */
function assertWithout(kept: readonly string[], ...folders: string[]) {
  for (const folder of folders) {
    assertEquals(kept.filter((path) => path.startsWith(`src/${folder}/`)), [], folder);
  }
}

const OTHERS = [
  "auth",
  "dashboard",
  "explain",
  "hono",
  "limits",
  "openapi",
  "otel",
  "paced_fetch",
  "stats",
  "testing",
  "tokens",
];

/** The wrappers of a shared store alone. */
const OF_SHARED_STORES = ["leases/", "redis/", "upstash/"].map((path) => `src/stores/${path}`);

/** The algorithms, as functions that a rule takes. */
const ALGORITHMS = ["concurrency", "fixed_window", "gcra", "sliding_log", "sliding_window"];

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
    const { kept } = await bundleOf("{ memoryStore }");
    assertWithout(kept, ...OTHERS, "headers", "keys", "client");
    // The code that reads a state, and no algorithm.
    for (const name of ALGORITHMS) assert(!kept.includes(`src/algorithms/${name}.ts`), name);
    assertWithout((await bundleOf("{ withThrottle }")).kept, ...OTHERS);
  });

  it("keeps nothing of an import that is not used", async () => {
    const { kept } = await bundle('import { withThrottle } from "./mod.ts"; console.log(1);');
    assertEquals(kept, ["<stdin>"]);
  });

  it("brings no store that needs a client, and no package that is a peer", async () => {
    const { kept } = await bundleOf("*");
    assertWithout(kept, ...OTHERS.filter((folder) => !["explain", "limits", "stats"].includes(folder)));
    for (const path of kept) assert(!/node_modules\/(?!hono\/)/.test(path), path);
    for (const path of kept) assert(!/stores\/(redis|upstash|script)/.test(path), path);
  });

  it("is for every platform: no part of it asks for a runtime's modules", async () => {
    for (
      const entry of ["./mod.ts", "./src/hono/mod.ts", "./src/auth/mod.ts", "./src/stores/upstash/mod.ts"]
    ) {
      await bundle(`export * from "${entry}"`, { conditions: ["workerd", "worker", "browser"] });
    }
  });

  it("is at most 3 kB gzipped for who imports ./client alone, and then nothing else of the package", async () => {
    const { kept, kilobytes } = await bundle('export * from "./src/paced_fetch/mod.ts"');
    assertEquals(kept.filter((path) => !path.startsWith("src/paced_fetch/")), []);
    assertLessOrEqual(kilobytes, 3);
  });

  it("is at most 2.4 kB gzipped for who imports byIp alone, of which the check of options is a sixth", async () => {
    assertLessOrEqual((await bundleOf("{ byIp }")).kilobytes, 2.4);
  });

  it("keeps of a throttle on a memoryStore no lease, no script and no client, no statistics and no logs", async () => {
    const { kept } = await bundleOf("{ withThrottle, memoryStore }");
    const others = [...OF_SHARED_STORES, "src/observers/log.ts", "src/stats/"];
    assertEquals(kept.filter((path) => others.some((other) => path.startsWith(other))), []);
    // Each of these is a path that leads somewhere: a throttle that has it all keeps it.
    const all = (await bundle(
      'export * from "./mod.ts"; export * from "./src/stores/redis/mod.ts"; export * from "./src/stores/upstash/mod.ts"',
    )).kept;
    for (const other of others) assert(all.some((path) => path.startsWith(other)), other);
  });
});

/** How much of which source file a user's bundler keeps of some exports of the npm package, told by its source maps. */
async function keptOfDist(names: string): Promise<ReadonlyMap<string, number>> {
  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    stdin: { contents: `export ${names} from "./dist/mod.js"`, resolveDir: "." },
    bundle: true,
    format: "esm",
    target: "es2022",
    outfile: "bundle.js",
    sourcemap: "external",
    write: false,
  });
  const [map, { text }] = outputFiles;
  const sources = new SourceMap(JSON.parse(map.text));
  const kept = new Map<string, number>();
  text.split("\n").forEach((line, i) => {
    const { originalSource = "" } = sources.findEntry(i, line.search(/\S|$/)) as { originalSource?: string };
    kept.set(originalSource, (kept.get(originalSource) ?? 0) + line.length);
  });
  return kept;
}

/** The script that rules on all algorithms run on Redis. */
async function scriptOf({ root, redis }: Package): Promise<string> {
  const { concurrency, createThrottle, fixedWindow, gcra, slidingLog, slidingWindow } = root;
  const block = { after: 2, window: 5, for: 5 };
  const rules = [fixedWindow(), gcra(), slidingLog(), slidingWindow()].map((algorithm, i) => (
    { name: `rule-${i}`, rate: "5/min", algorithm, ...i < 2 ? { block } : {} }
  ));
  let script = "";
  const client = {
    send(_command: string, [text]: string[]) {
      script = text;
      return Promise.reject(new Error("NOSCRIPT"));
    },
  };
  const store = redis.redisStore({ client });
  const slots = { name: "slots", rate: { limit: 5 }, algorithm: concurrency({ lease: 5 }) };
  const { check } = createThrottle([...rules, slots], {
    store,
    client: { address: () => "192.0.2.1" },
    onStoreFailure: "allow",
  });
  await writtenDuring(() => check(new Request("https://example.com/")), "error");
  return script;
}

describeOnNode("the code of the npm package", () => {
  it("has lines that are short enough to print, as Node prints the line that threw before the message", () => {
    const files = readdirSync("dist", { recursive: true, encoding: "utf8" }).filter((file) =>
      file.endsWith(".js")
    );
    assert(files.includes("root.js"));
    for (const file of files) {
      const lines = readFileSync(join("dist", file), "utf8").split("\n");
      assertLessOrEqual(Math.max(...lines.map(({ length }) => length)), 3000, file);
    }
  });

  it("is mapped to its sources, line for line", () => {
    const lines = readFileSync("dist/root.js", "utf8").split("\n");
    const map = new SourceMap(JSON.parse(readFileSync("dist/root.js.map", "utf8")));
    const line = lines.findIndex((text) => text.includes("rate must be"));
    const column = lines[line].search(/throw[^;]*rate must be/);
    const source = readFileSync("src/rules/rate.ts", "utf8").split("\n");
    const { originalSource, originalLine } = map.findEntry(line, column) as SourceMapping;
    assertEquals(originalSource, "../src/rules/rate.ts");
    assertMatch(source[originalLine], /throw new TypeError\(.*rate must be/);
  });

  it("is in two files for who imports the root entry, beside the one that explains, and asks for no package", async () => {
    const { read } = await bundle('export * from "./dist/mod.js"');
    const files = ["dist/mod.js", "dist/root.js", "dist/src/explain.js"];
    assertEquals(read.filter((path) => path !== "<stdin>").sort(), files);
  });

  it("explains in a file of its own, which needs no other, and which is loaded when it is first asked to", async () => {
    assertEquals((await bundle('export * from "./dist/src/explain.js"')).read, [
      "dist/src/explain.js",
      "<stdin>",
    ]);
    const size = gzipSync(readFileSync("dist/src/explain.js"), { level: 9 }).length / 1000;
    assertLessOrEqual(size, 5.5);
    // Code without a throttle cannot ask one.
    for (
      const use of [
        'withThrottle(() => new Response("hello"), "60/min")',
        "throttleOf(new Request(location.href))",
      ]
    ) {
      const code = `import { throttleOf, withThrottle } from "./dist/mod.js"; console.log(${use});`;
      assert(!(await bundle(code)).kept.includes("dist/src/explain.js"), use);
    }
  });

  /** Programs as a user writes them, with all that they need, for a browser-like target. */
  const PROGRAMS: readonly (readonly [what: string, most: number, code: string])[] = [
    [
      'withThrottle(handler, ["60/min"])',
      36.2,
      `import { withThrottle } from "./dist/mod.js";
       export default { fetch: withThrottle(() => new Response("hello"), ["60/min"]) };`,
    ],
    [
      "the same on an upstashStore",
      48.4,
      `import { withThrottle } from "./dist/mod.js";
       import { upstashStore } from "./dist/src/stores/upstash/mod.js";
       const store = upstashStore({ url: "https://example.upstash.io", token: "token" });
       export default { fetch: withThrottle(() => new Response("hello"), ["60/min"], { store }) };`,
    ],
  ];
  for (const [what, most, code] of PROGRAMS) {
    it(`is at most ${most} kB gzipped in the bundle of ${what}`, async () => {
      assertLessOrEqual((await bundle(code, { platform: "browser" })).kilobytes, most);
    });
  }

  it("sends Redis the scripts of the sources, but for blanks and comments", async () => {
    const compiled = {
      root: await import(pathToFileURL("dist/mod.js").href),
      redis: await import(pathToFileURL("dist/src/stores/redis/mod.js").href),
    };
    const ours = await scriptOf(compiled);
    const theirs = await scriptOf({ root, redis });
    assert(ours.length < theirs.length);
    const bare = (script: string) => script.replace(/--.*$/gm, "").replace(/\s+/g, "");
    assertEquals(bare(ours), bare(theirs));
    // Two minus signs begin a comment.
    for (const line of ours.split("\n")) assertEquals(/\S--(?! )/.test(line), false, line);
  });

  it("is no thenable, as an import that is awaited is asked for its then", async () => {
    for (const file of ["mod.js", "root.js"]) {
      const module = await import(pathToFileURL(join("dist", file)).href);
      assertEquals("then" in module, false, file);
    }
  });

  it("has every module once, and maps that lead to sources which are in the package or in the map", () => {
    const maps = readdirSync("dist", { recursive: true, encoding: "utf8" }).filter((file) =>
      /\.js\.map$/.test(file)
    );
    const seen = new Set<string>();
    for (const file of maps) {
      const { sources, sourcesContent }: { sources: string[]; sourcesContent: (string | null)[] } = JSON
        .parse(
          readFileSync(join("dist", file), "utf8"),
        );
      sources.map((source) => join("dist", dirname(file), source)).forEach((source, i) => {
        assert(!seen.has(source), `${source} is in two files`);
        seen.add(source);
        if (sourcesContent[i] === null) assertMatch(source, /^(?:mod\.ts|src\/.+\.tsx?)$/);
        else assertMatch(source, /^node_modules\/(?:hono|d3-[a-z-]+|internmap)\//);
        assert(existsSync(source), source);
      });
    }
    assert(seen.has("src/throttle/throttle.ts") && seen.has("src/stores/redis/mod.ts"));
  });

  it("keeps of one key no store, and nothing that is no part of a throttle", async () => {
    const kept = await keptOfDist("{ byIp }");
    // A number that is computed stays, as esbuild does not see that nothing happens there.
    const files = [...kept.keys()].filter((path) => (kept.get(path) ?? 0) > 100);
    assertWithout(files, ...OTHERS, "stores");
    assert(files.includes("src/keys/ip.ts"), files.join(", "));
  });

  it("keeps nothing of an import that is not used", async () => {
    const { kept } = await bundle('import { withThrottle } from "./dist/mod.js"; console.log(1);');
    assertEquals(kept, ["<stdin>"]);
  });

  it("is hardly more in a bundle than the sources are", async () => {
    for (const names of ["*", "{ withThrottle }"]) {
      const [compiled, source] = await Promise.all(
        ["./dist/mod.js", "./mod.ts"].map((file) => bundle(`export ${names} from "${file}"`)),
      );
      assertLessOrEqual(compiled.kilobytes, source.kilobytes + 1.5, names);
    }
  });
});
