/**
 * Every row of the two documents that Weir was made from, by name: D001 to D160 is django-modern-rest's page on
 * throttling, S001 to S112 a guide to rate limiting in Django REST Framework. acceptance.json says by which file and title
 * of a test each is shown, or in one line why by none.
 */
import { assert, assertEquals } from "@std/assert";
import { existsSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";

interface Table {
  /** By file and title, as they are written: the rows. */
  readonly tests: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** By row: what is in the place of a test. */
  readonly reasons: Readonly<Record<string, string>>;
}

const { tests, reasons }: Table = JSON.parse(readFileSync("tests/acceptance/acceptance.json", "utf8"));

function rowsOf(kind: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => kind + String(i + 1).padStart(3, "0"));
}
const rows = [...rowsOf("D", 160), ...rowsOf("S", 112)];

/** Where a test begins: by itself, in a loop over subjects, or in a list of titles. */
const BEGINS = /(?:\bit\(|\beach\([^"`]*|\[)\s*$/;
const SKIPPED = /\b(?:it|describe|suite|test)\.(?:skip|todo|only)\(|\b(?:skip|todo): true/;

/** Has this source a test of this title, as it is written there? */
function hasTest(source: string, title: string): boolean {
  return [JSON.stringify(title), `'${title}'`, `\`${title}\``].some((literal) => {
    const at = source.indexOf(literal);
    return at !== -1 && BEGINS.test(source.slice(Math.max(0, at - 200), at));
  });
}

describe("the acceptance table", () => {
  it("shows each row by a test, or says in one line why not", () => {
    const shown = new Set(Object.values(tests).flatMap(Object.values).join(" ").split(" "));
    assertEquals(rows.filter((row) => !shown.has(row) && !Object.hasOwn(reasons, row)), []);
    assertEquals(Object.keys(reasons).filter((row) => shown.has(row)), []);
    assertEquals([...shown, ...Object.keys(reasons)].filter((row) => !rows.includes(row)), []);
    for (const reason of Object.values(reasons)) {
      assert(/^[^\n]{9,120}\.$/.test(reason), reason);
      for (const [page] of reason.matchAll(/[\w/-]+\.md/g)) assert(existsSync(page), reason);
    }
  });

  for (const [file, titles] of Object.entries(tests)) {
    it(`names tests that there are, and that run: ${file}`, () => {
      const source = readFileSync(`tests/${file}`, "utf8");
      assertEquals(SKIPPED.exec(source)?.[0] ?? null, null);
      assertEquals(Object.keys(titles).filter((title) => !hasTest(source, title)), []);
    });
  }
});
