/** Rules for every page of README and docs/, beside that its blocks run. */
import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";

const pages = [
  "README.md",
  "CONTRIBUTING.md",
  "llms.txt",
  ...readdirSync("docs", { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".md")).map((file) => `docs/${file.replaceAll("\\", "/")}`),
];
/** The end of this file's own name, as it runs: compiled on Node. */
const extension = /\.\w+$/.exec(import.meta.url)![0];
const text = (page: string): string => readFileSync(page, "utf8");

/** A page's blocks of TypeScript: what is said after the language, and the code. */
const blocksOf = (page: string): [words: string, code: string][] =>
  [...text(page).matchAll(/^ *```ts(.*)\n([^]*?)^ *```$/gm)].map(([, words, code]) => [words.trim(), code]);

/** A page without its code. */
const proseOf = (page: string): string =>
  text(page).replace(/^ *```[^]*?^ *```$/gm, "").replace(/`[^`]*`/g, "x");

/** Folders and files whose comments are held to the rule of prose. Add yours when its comments follow it. */
const REVIEWED: readonly string[] = [
  "bench/",
  "examples/",
  "src/",
  "tests/harness/",
];
const reviewed = REVIEWED.flatMap((path) =>
  path.endsWith("/")
    ? readdirSync(path, { recursive: true, encoding: "utf8" }).map((file) =>
      path + file.replaceAll("\\", "/")
    )
    : [path]
).filter((file) => /\.(?:ts|tsx|mjs)$/.test(file) && !file.includes("node_modules/"));

/** The prose of a comment: without its stars and slashes, examples and code. */
const bare = (comment: string): string =>
  comment.replace(/^\s*(?:\/\*\*?|\*\/|\* ?|\/\/)/gm, "").replace(/\*\/$/, "")
    .replace(/^ *```[^]*?^ *```$/gm, "").replace(/`[^`]*`/g, "x");

/** The comments of a source file, as prose; lines of `//` that follow each other are one. */
const commentsOf = (file: string): string[] =>
  (text(file).match(/\/\*\*[^]*?\*\/|(?:(?:^|(?<=\s))\/\/ .*\n\s*)+/gm) ?? []).map(bare);

/** The fragment that leads to a heading, as GitHub and others make it. */
const fragment = (heading: string): string =>
  heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-");

describe("README and docs", () => {
  it("have links that lead to a file, and to a heading of it", () => {
    const broken = pages.flatMap((page) =>
      [...proseOf(page).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)].filter(([, path, heading]) => {
        const target = path === "" ? page : join(dirname(page), path);
        if (!existsSync(target)) return true;
        if (heading === undefined) return false;
        const headings = [...text(target).matchAll(/^#+ (.+)$/gm)].map(([, words]) => fragment(words));
        return !headings.includes(heading);
      }).map(([link]) => `${page}: ${link}`)
    );
    assertEquals(broken, []);
  });

  it("have at most 200 lines in README, and 25 in a block that shows how to write one's own", () => {
    assertLessOrEqual(text("README.md").trimEnd().split("\n").length, 200);
    const blocks = blocksOf("docs/writing-your-own.md");
    assertEquals(blocks.length, 6);
    for (const [, code] of blocks) assertLessOrEqual(code.trimEnd().split("\n").length, 25, code);
  });

  it("check what their blocks show, in the block or, for servers, by driving them", () => {
    const driven = [
      ...text("tests/docs/readme_test.ts").matchAll(/(?:serving|blockWith)\(\s*(["'])(.+?)\1/g),
    ];
    const [[, first]] = blocksOf("README.md"); // newcomer_test.ts drives it
    const isDriven = (code: string) => code === first || driven.some(([, , marker]) => code.includes(marker));
    const unchecked = pages.filter((page) => page.endsWith(".md")).flatMap((page) =>
      blocksOf(page).filter(([words, code]) => {
        if (/from "node:assert|storeBehaviours/.test(code)) return false;
        return page === "README.md" ? !isDriven(code) : words !== "ignore";
      }).map(([, code]) => `${page}: ${code.slice(0, 80)}`)
    );
    assertEquals(unchecked, []);
  });

  it("import in llms.txt what the entries have", async () => {
    const entries: Readonly<Record<string, string>> = JSON.parse(text("deno.json")).exports;
    const imports = [...text("llms.txt").matchAll(/import \{ (.+?) \} from "@weir\/throttle(.*?)"/g)];
    assertEquals(imports.length, 11);
    for (const [line, names, entry] of imports) {
      const file = join("../..", entries[`.${entry}`]).replace(/\.ts$/, extension);
      const exported = Object.keys(await import(file));
      for (const name of names.split(", ")) assert(exported.includes(name), line);
    }
  });

  it("name the thing that a sentence is about", () => {
    const nameless = pages.flatMap((page) =>
      [
        ...proseOf(page).matchAll(
          /(?:^|[.?!]\s+|: |\n\n|\n[-|] ?)((?:What|Who|Whose|Those|How)\b(?! do I| does it)[^.]*)/g,
        ),
      ]
        .map(([, sentence]) => `${page}: ${sentence.slice(0, 60)}`)
    );
    assertEquals(nameless, []);
    for (const page of pages) assert(!/\blog-in/i.test(text(page)), page);
  });
});

describe("comments", () => {
  it("name the thing that a sentence is about", () => {
    assert(reviewed.length > 100, "The list of reviewed files is too short.");
    const nameless = reviewed.flatMap((file) =>
      commentsOf(file).flatMap((comment) => [
        ...comment.matchAll(
          /(?:^\s*|[.?!]\s+|\n\s*\n\s*|@(?:param \w+|returns) )((?:What|Who|Whose|Whom|Whoever|Those)\b[^.]*)/g,
        ),
        ...comment.matchAll(
          /(\blog-in\b|\bbe it\b|\ball else\b|\bfor ever\b|\b(?:units?|requests) a (?:window|minute|second|hour|day)\b)/gi,
        ),
      ]).map(([, sentence]) => `${file}: ${sentence.slice(0, 60)}`)
    );
    assertEquals(nameless, []);
  });
});
