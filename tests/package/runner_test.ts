import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import process from "node:process";
import { after, before, it } from "node:test";
import { contestOf } from "../harness/contest.ts";
import { describeOnNode } from "../harness/runtime.ts";

/** Node runs what is built of this file, and the scripts are not built. */
const ROOT = import.meta.url.replace(/(?:\.build\/)?tests\/package\/.*/, "");
const { failureLines, hasCrashed } = await import(`${ROOT}scripts/failures.mjs`);

const FOLDER = `.build/runner-${process.pid}`;
const FAILING = `
import { describe, it } from "node:test";
describe("a suite", () => {
  it("passes", () => {});
  it("fails", () => { throw new Error("the first line\\nthe second line\\nthe third line\\nthe fourth line"); });
});
it("fails alone", () => { throw new TypeError("an error of its own"); });
`;

/** For each runner, its command, and how it writes a title and an error. */
const RUNNERS = {
  deno: {
    command: ["node_modules/.bin/deno", "test", "-A", "--no-check", "--no-config", "--reporter=dot"],
    title: "a suite ... fails",
    alone: "error: TypeError: an error of its own",
  },
  bun: {
    command: ["node_modules/.bin/bun", "test", "--parallel=2", "--only-failures"],
    title: "a suite > fails",
    alone: "TypeError: an error of its own",
  },
  node: {
    command: [process.execPath, "--test", "--test-reporter=spec"],
    title: `fails (${FOLDER}/failing_test.mjs:5:3)`,
    alone: "TypeError: an error of its own",
  },
};

describeOnNode("the runner of the tests", () => {
  before(() => {
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(`${FOLDER}/failing_test.mjs`, FAILING);
    writeFileSync(`${FOLDER}/missing_test.mjs`, 'import "./missing.mjs";\n');
  });
  after(() => rmSync(FOLDER, { recursive: true, force: true }));

  const output = ([program, ...words]: readonly string[], file: string) => {
    const env = { PATH: process.env.PATH, HOME: process.env.HOME, NO_COLOR: "1" };
    const { stdout, stderr } = spawnSync(program, [...words, `./${FOLDER}/${file}`], {
      encoding: "utf8",
      env,
    });
    return stdout + stderr;
  };

  it("tells a runtime that crashed from a test that failed", () => {
    const crashes = [
      "=====\nDeno has panicked. This is a bug in Deno.\n",
      "panic(main thread): unreachable\noh no: Bun has crashed. This indicates a bug in Bun, not your code.\n",
    ];
    assertEquals(crashes.map(hasCrashed), [true, true]);
    const { deno, bun, node } = RUNNERS;
    const failed = [deno, bun, node].map(({ command }) => output(command, "failing_test.mjs"));
    assertEquals(failed.map(hasCrashed), [false, false, false]);
  });

  for (const [name, { command, title, alone }] of Object.entries(RUNNERS)) {
    it(`ends with the titles of the tests that failed on ${name}, and with the first lines of their errors`, () => {
      const lines: string[] = failureLines([{ name, output: output(command, "failing_test.mjs") }]);
      assertEquals(lines[0], `Failed on ${name}:`);
      const at = lines.indexOf(`  ${title}`);
      assertMatch(lines[at + 1], /^ {6}(?:error: )?(?:Error: )?the first line$/, lines.join("\n"));
      assertEquals(lines.slice(at + 2, at + 4), ["      the second line", "      the third line"]);
      assertEquals(lines.filter((line) => /^ {2}\S/.test(line)).length, 2, lines.join("\n"));
      assertStringIncludes(lines.join("\n"), `fails alone`);
      assertStringIncludes(lines.join("\n"), alone);
    });
  }

  it("ends with the last lines of a part that failed without a test's title", () => {
    const lines: string[] = failureLines([{
      name: "deno",
      output: output(RUNNERS.deno.command, "missing_test.mjs"),
    }]);
    assertEquals(lines[0], "Failed on deno, without the title of a test:");
    assertStringIncludes(lines.join("\n"), `${FOLDER}/missing.mjs`);
  });

  it("ends with at most 40 lines of failures, the titles before the errors", () => {
    const failed = (count: number) =>
      "✖ failing tests:\n" + Array.from(
        { length: count },
        (_, i) => `\ntest at a.js:${i}:1\n✖ number ${i} (0.1ms)\n  one\n  two\n  three\n`,
      ).join("");
    const lines = (count: number): string[] => failureLines([{ name: "node24", output: failed(count) }]);
    assertEquals(lines(9).length, 1 + 9 * 4);
    assertEquals(lines(13).length, 1 + 13 * 3);
    assertEquals(lines(39).length, 1 + 39);
    assertEquals(lines(50).length, 40);
    assertEquals(lines(50).at(-1), "... and 12 lines more: see the parts above.");
  });
});

describeOnNode("a contest of processes", () => {
  it("names the code and the last errors of a process that ends early", async () => {
    mkdirSync(FOLDER, { recursive: true });
    const file = `${FOLDER}/early.ts`;
    writeFileSync(
      file,
      'console.log("ready");\nfor (let i = 1; i <= 12; i++) console.error(`line ${i}`);\nprocess.exitCode = 3;\n',
    );
    const contest = contestOf(file);
    try {
      const { read } = contest.start("node");
      assertEquals(await read(), "ready");
      const last = Array.from({ length: 10 }, (_, i) => `line ${i + 3}`).join("\n");
      const error = await assertRejects(() => read(), Error);
      assertEquals(error.message, `The process on node has ended with code 3. Its last errors:\n${last}`);
    } finally {
      contest.end();
      rmSync(FOLDER, { recursive: true, force: true });
    }
  });
});
