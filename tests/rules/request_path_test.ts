import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import {
  collapse,
  decoded,
  fold,
  foldedPaths,
  plainPath,
  spelledPaths,
} from "../../src/rules/request_path.ts";

/** An extent that cuts nothing off. */
const WHOLE = { depth: 1000, width: 1000 };

/** Parts of a path, with all that one reader or another takes for something special. */
const PIECES = [
  ...["/", "//", "\\", ".", "..", "%2e", "%2E", "%2f", "%2F", "%5c", "%", "%6", "%ff", "%25", "%20", "%40"],
  ...[
    "%C3%89",
    "%E2%84%AA",
    "?",
    "#",
    ";",
    ":",
    "*",
    "@",
    "\t",
    "\n",
    " ",
    "é",
    "Σ",
    "a",
    "login",
    "LOGIN",
    "x",
  ],
];
const path = fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }).map((pieces) => `/${pieces.join("")}`);
const authority = fc.constantFrom("h", "h.example:80", "[::1]:80", "u@h", "h?", "h#", "h\\", "H.Example", "");

/** The path that `new URL` gives, decoded and folded with what the source has for patterns. */
function standard(url: string): string | null {
  try {
    return collapse(fold(decoded(new URL(url).pathname)));
  } catch {
    return null;
  }
}

describe("the path of a request", () => {
  it("is read as new URL reads it, whatever the server hands over", () => {
    fc.assert(
      fc.property(fc.constantFrom("http", "https"), authority, path, (scheme, host, path) => {
        const url = `${scheme}://${host}${path}`;
        const expected = standard(url);
        const plain = plainPath(url, true);
        const found = plain === null ? [...foldedPaths(url, WHOLE)] : [plain];
        // An encoded backslash is kept where dots are resolved: decoded it would be a slash.
        const kept = found.map((path) => path.replaceAll("%5c", "\\"));
        assert(expected === null || kept.includes(expected.replaceAll("%5c", "\\")), `${expected}: ${found}`);
        const written = plainPath(url, false);
        const spelled = written === null ? [...spelledPaths(url)] : [written];
        if (expected !== null) assert(spelled.includes(decoded(new URL(url).pathname)), spelled.join());
      }),
      { numRuns: 5000 },
    );
  });

  it("is read from the start, and as Hono reads it, where a server hands over no origin", () => {
    for (const url of ["/login", "/Login/", "/%6cogin?x://h/y", "/x/../login", "/:/xx/login"]) {
      assert(plainPath(url, true) === null && [...foldedPaths(url, WHOLE)].includes("/login"), url);
    }
  });

  it("is the same read the quick way and with care", () => {
    const letters = fc.constantFrom(..."abzAZ09-_.~!$&'()*+,;=:@/", "/");
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 20 }), (letters) => {
        const url = `http://h.example/${letters.join("")}?x=/y`;
        const plain = plainPath(url, true);
        if (plain !== null) assertEquals([...foldedPaths(url, WHOLE)], [plain]);
      }),
    );
  });

  it("is cut for the router where no pattern can tell the rest apart", () => {
    const long = `http://h.example/${"a/".repeat(5000)}%2e`;
    assertEquals([...foldedPaths(long, { depth: 2, width: 5 })], ["/a/a/a"]);
    const [wide] = foldedPaths(`http://h.example/login/%${"x".repeat(5000)}`, { depth: 2, width: 5 });
    assert(wide.length < 50 && wide.startsWith("/login/%xxxxx"), wide);
  });

  const SAME: readonly (readonly [string, string])[] = [
    ["/STRASSE", "/straße"],
    ["/ΟΔΟΣ", "/οδοσ"],
    ["/%E2%84%AAelvin", "/kelvin"],
    ["/ÉTÉ", "/%C3%A9t%c3%a9"],
  ];
  for (const [one, other] of SAME) {
    it(`${one} and ${other} are the same`, () => {
      const read = (path: string) => [...foldedPaths(`http://h.example${path}`, WHOLE)];
      assertEquals(read(one), read(other));
    });
  }
});
