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
/** What this file's own name ends with, as it runs: compiled on Node. */
const extension = /\.\w+$/.exec(import.meta.url)![0];

interface Arrow {
  readonly from: string;
  readonly to: string;
  /** Types vanish when the code runs. */
  readonly typesOnly: boolean;
}

const arrows: Arrow[] = sources.flatMap((from) =>
  [...text(from).matchAll(/^(?:import|export)( type)?([^;]*?) from "(\.[^"]+)";/gm)].map(
    ([, type, names, to]) => {
      const named = names.replace(/[{}]/g, "").split(",").map((name) => name.trim()).filter((name) =>
        name !== ""
      );
      return {
        from,
        to: join(dirname(from), to).replaceAll("\\", "/"),
        typesOnly: type !== undefined || named.every((name) => name.startsWith("type ")),
      };
    },
  )
);

/** The house from the top floor down: a file imports what is on its own floor or below. */
const FLOORS: readonly (readonly string[])[] = [
  ["mod.ts"],
  ["src/dashboard/mod.ts", "src/openapi/mod.ts", "src/testing/mod.ts", "src/auth/mod.ts", "src/otel/mod.ts"],
  [
    "src/dashboard/",
    "src/openapi/",
    "src/adapters/",
    "src/testing/",
    "src/stats/",
    "src/observers/log.ts",
    "src/otel/",
    "src/paced_fetch/",
  ],
  ["src/throttle/throttle.ts"],
  [
    "src/throttle/options.ts",
    "src/throttle/warnings.ts",
    "src/throttle/usage.ts",
    "src/throttle/settings.ts",
    "src/throttle/settle.ts",
    "src/observers/notify.ts",
    "src/throttle/compile_check.ts",
    "src/throttle/shrinking_window.ts",
    "src/throttle/decide.ts",
    "src/throttle/over_burst.ts",
    "src/rules/match.ts",
  ],
  [
    "src/throttle/write_headers.ts",
    "src/exchange/body_end.ts",
    "src/exchange/exchange.ts",
    "src/exchange/exchange_outcome.ts",
    "src/exchange/rule_check.ts",
  ],
  ["src/rules/rule.ts", "src/rules/default_name.ts", "src/rules/pattern.ts", "src/rules/path_pattern.ts"],
  ["src/auth/"],
  [
    "src/keys/",
    "src/stores/",
    "src/headers/",
    "src/rejections/",
    "src/observers/events.ts",
    "src/outcome.ts",
    "src/context.ts",
    "src/exchange/route_beside.ts",
  ],
  ["src/client/", "src/hash/digest.ts", "src/algorithms/"],
  ["src/rules/rate.ts", "src/decision.ts", "src/hash/half_sip_hash.ts", "src/runtime.ts", "src/warn_once.ts"],
  [
    "src/maybe.ts",
    "src/cannot.ts",
    "src/rules/request_path.ts",
    "src/rules/path_bytes.ts",
    "src/rules/preflight.ts",
    "src/exchange/require_request.ts",
  ],
];
const floorOf = (file: string): number =>
  FLOORS.findIndex((floor) => floor.some((path) => file.startsWith(path)));

describe("the repository", () => {
  it("has a floor for every file", () => {
    assertEquals(sources.filter((file) => floorOf(file) === -1), []);
  });

  it("has import arrows that go down only", () => {
    const up = arrows.filter(({ from, to, typesOnly }) => !typesOnly && floorOf(to) < floorOf(from));
    assertEquals(up, []);
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
      const names = Object.keys(await import(join("..", file).replace(/\.ts$/, extension)));
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
