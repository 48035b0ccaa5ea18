/** Rules of this repository that a linter cannot see. */
import { assert, assertEquals } from "@std/assert";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";

const files = (folder: string): string[] =>
  readdirSync(folder, { recursive: true }).map((file) => join(folder, String(file)).replaceAll("\\", "/"));
const sources = ["mod.ts", ...files("src").filter((file) => /\.tsx?$/.test(file))];
const text = (file: string): string => readFileSync(file, "utf8");
/** A file without its comments. */
const code = (file: string): string => text(file).replace(/^\s*(?:\*|\/\*|\/\/).*$/gm, "");
const entries: Readonly<Record<string, string>> = JSON.parse(text("deno.json")).exports;
/** The end of this file's own name, as it runs: compiled on Node. */
const extension = /\.\w+$/.exec(import.meta.url)![0];

interface Arrow {
  readonly from: string;
  readonly to: string;
}

const arrows: Arrow[] = sources.flatMap((from) =>
  [...text(from).matchAll(/^(?:import|export)[^;]*? from "(\.[^"]+)";/gm)].map(([, to]) => ({
    from,
    to: join(dirname(from), to).replaceAll("\\", "/"),
  }))
);

/** The house from the top floor down: a file imports what is in its own folder, or on a floor below. */
const FLOORS: readonly (readonly string[])[] = [
  ["src/cli/"],
  [
    "mod.ts",
    "src/dashboard/",
    "src/openapi/",
    "src/testing/",
    "src/otel/",
    "src/hono/",
    "src/limits/",
    "src/paced_fetch/",
    "src/replay/",
    "src/tokens/",
  ],
  ["src/stats/"],
  ["src/throttle/"],
  ["src/explain/"],
  ["src/observers/"],
  ["src/exchange/"],
  ["src/auth/", "src/stores/"],
  ["src/rules/"],
  ["src/headers/", "src/keys/", "src/rejections/"],
  ["src/context.ts", "src/outcome.ts", "src/client/", "src/hash/", "src/algorithms/"],
  ["src/decision.ts", "src/duration.ts"],
  [
    "src/runtime.ts",
    "src/warn_once.ts",
    "src/maybe.ts",
    "src/cannot.ts",
    "src/options.ts",
    "src/whole_clock.ts",
  ],
];
const floorOf = (file: string): number =>
  FLOORS.findIndex((floor) => floor.some((path) => file.startsWith(path)));

/** Where a function with a body begins, as `deno fmt` writes it: a declaration, a method, or an arrow function that has a name. */
const FUNCTION =
  /^( *)(?:(?:export )?(?:async )?function\*? (\w+)|(?:async |get |\*)?(?!if|for|while|switch|catch|return)(\w+)(?:<[^>]*>)?\(.*\{$|(?:export )?const (\w+)(?:: [^=]+)? = (?:async )?(?:\(.*\)|\w+)(?:: [^=]+)? => \{$)/;

/** The functions of more than 60 lines in a file. Lua, which is text, is none. */
function longFunctions(file: string): string[] {
  const lines = text(file).replace(/`[^`]*`/g, (quoted) => quoted.replace(/[^\n]/g, "~")).split("\n");
  return lines.flatMap((line, i) => {
    const [, indent, ...names] = FUNCTION.exec(line) ?? [];
    if (indent === undefined) return [];
    const length = lines.slice(i + 1).findIndex((other) => other.startsWith(`${indent}}`)) + 2;
    return length > 60 ? [`${file} ${names.find((name) => name !== undefined)}`] : [];
  });
}

/** Tables, and steps of exact arithmetic that stand line by line beside their Lua twins. */
const TABLES = [
  "src/algorithms/block.ts withBlock",
  "src/algorithms/gcra.ts gcra",
  "src/algorithms/gcra.ts step",
  "src/algorithms/log.ts logStep",
  "src/stores/redis/script.ts scriptText",
];

/** Functions that are still too long: strike each that is split, and add none. */
const TOO_LONG = [
  "src/stores/memory/fingerprint_table.ts fingerprintTable",
  "src/stores/memory/memory_store.ts memoryStore",
  "src/stores/wrappers/circuit_breaker.ts circuitBreaker",
  "src/stores/wrappers/health.ts newHealth",
];

describe("the repository", () => {
  it("has a floor for every file", () => {
    assertEquals(sources.filter((file) => floorOf(file) === -1), []);
  });

  it("has import arrows that go down only, types included", () => {
    const up = arrows.filter(({ from, to }) => floorOf(to) < floorOf(from));
    assertEquals(up, []);
  });

  it("has no circle of files, types included", () => {
    const left = new Map(sources.map((file) => [file, arrows.filter(({ from }) => from === file)]));
    for (let size = -1; size !== left.size;) {
      size = left.size;
      for (const [file, out] of left) if (!out.some(({ to }) => left.has(to))) left.delete(file);
    }
    assertEquals([...left.keys()], []);
  });

  it("has at most ten files beside its rooms", () => {
    assert(sources.filter((file) => /^src\/[^/]+$/.test(file)).length <= 10);
  });

  it("keeps algorithms, stores and headers ignorant of what is not theirs, types included", () => {
    const never: Readonly<Record<string, readonly string[]>> = {
      "src/algorithms/": ["src/stores/", "src/headers/", "src/keys/", "src/context.ts", "src/rules/rule.ts"],
      "src/stores/": [
        "src/headers/",
        "src/context.ts",
        "src/exchange/exchange.ts",
        "src/outcome.ts",
        "src/throttle/write_headers.ts",
      ],
      "src/headers/": ["src/stores/", "src/context.ts", "src/exchange/exchange.ts", "src/rules/rule.ts"],
    };
    const wrong = arrows.filter(({ from, to }) =>
      Object.entries(never).some(([folder, others]) =>
        from.startsWith(folder) && others.some((other) => to.startsWith(other))
      )
    );
    assertEquals(wrong, []);
  });

  it("has no function of more than 60 lines, but for tables and those that are known to be too long", () => {
    const known = [...TABLES, ...TOO_LONG];
    const long = sources.flatMap(longFunctions);
    assertEquals(long.filter((name) => !known.includes(name)), []);
    // One that is short by now leaves the list.
    assertEquals(TOO_LONG.filter((name) => !long.includes(name)), []);
  });

  it("has no file of more than 350 lines", () => {
    assertEquals(sources.filter((file) => text(file).split("\n").length > 351), []);
  });

  it("asks in one file alone whether something is a promise", () => {
    const asking = sources.filter((file) => /instanceof Promise|typeof [^=]*\.then\b/.test(code(file)));
    assertEquals(asking, ["src/maybe.ts"]);
  });

  it("reaches for the runtime's globals in one file alone", () => {
    const reaching = sources.filter((file) => /\bglobalThis\b(?!\.CryptoKey)/.test(code(file)));
    assertEquals(reaching, ["src/runtime.ts"]);
  });

  it("reads the clock only as the default of one that can be given", () => {
    const reading = sources.flatMap((file) =>
      code(file).split("\n").filter((line) => /\bDate\.now\b|\bperformance\.now\b/.test(line))
        .filter((line) => !/clock|steady|wall|stopwatch|at = Date\.now\(\)/.test(line))
        .map((line) => `${file}: ${line.trim()}`)
    );
    assertEquals(reading, []);
  });

  it("has the same entries in deno.json and package.json, each a file", () => {
    const npm = JSON.parse(text("package.json")).exports as Record<string, string>;
    delete npm["./package.json"];
    assertEquals(Object.keys(npm).sort(), Object.keys(entries).sort());
    for (const [entry, file] of Object.entries(entries)) {
      assertEquals(npm[entry], file.replace(/^\.\//, "./dist/").replace(/\.ts$/, ".js"));
      assert(sources.includes(file.replace(/^\.\//, "")), `${entry} is no file`);
    }
  });

  it("has no file that nothing needs", () => {
    const needed = new Set(Object.values(entries).map((file) => file.replace(/^\.\//, "")));
    for (const file of needed) {
      for (const { from, to } of arrows) if (from === file) needed.add(to);
    }
    assertEquals(sources.filter((file) => !needed.has(file)), []);
  });

  it("has a test that names every function of every entry", async () => {
    const tests = files("tests").filter((file) => /\.tsx?$/.test(file)).map(text).join("\n");
    for (const file of Object.values(entries)) {
      const names = Object.keys(await import(join("../..", file).replace(/\.ts$/, extension)));
      assertEquals(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(tests)), [], file);
    }
  });

  it("has no file names that say nothing", () => {
    const nothing = sources.filter((file) =>
      /(?:^|\/)(?:utils?|helpers?|common|types?|constants?)(?:\/|\.ts$)/.test(file)
    );
    assertEquals(nothing, []);
  });
});
