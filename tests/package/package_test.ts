import { existsSync, readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { describe, it } from "node:test";
import { assert, assertEquals, assertMatch } from "@std/assert";

// Read from the project's root: on Node this file runs compiled, from another folder.
function read(path: string) {
  return JSON.parse(readFileSync(path, "utf8"));
}

/** The Markdown files of a folder. */
function pagesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => posix.join(folder, name.replaceAll("\\", "/")));
}

describe("the package", () => {
  const npm = read("package.json");
  const jsr = read("deno.json");

  it("is the same package on JSR and on npm", () => {
    assertEquals([jsr.name, jsr.version, jsr.license], [npm.name, npm.version, npm.license]);
  });

  it("has the same entries on JSR and on npm", () => {
    const compiled = Object.entries<string>(jsr.exports).map(([entry, source]) => [
      entry,
      source.replace(/^\.\//, "./dist/").replace(/\.tsx?$/, ".js"),
    ]);
    assertEquals({ ...Object.fromEntries(compiled), "./package.json": "./package.json" }, npm.exports);
  });

  it("asks for the same ranges of npm packages on JSR and on npm, but for what npm's has in it", () => {
    const { "@std/assert": assertions, "d3-scale": scale, "d3-shape": shape, ...imports } = jsr.imports;
    const ranges = Object.entries({ ...npm.dependencies, ...npm.peerDependencies });
    assertEquals(imports, Object.fromEntries(ranges.map(([name, range]) => [name, `npm:${name}@${range}`])));
    assertEquals(assertions, "jsr:@std/assert@^1");
    // The package on npm has the code of these, of a version that JSR's range admits.
    const { "d3-scale": ownScale, "d3-shape": ownShape } = npm.devDependencies;
    assertEquals([scale, shape], ["npm:d3-scale@^4.0.2", "npm:d3-shape@^3.2.0"]);
    assertMatch(`${ownScale} ${ownShape}`, /^4\.\d+\.\d+ 3\.[2-9]\d*\.\d+$/);
  });

  it("asks a user for no peer that is not used", () => {
    assertEquals(Object.keys(npm.peerDependenciesMeta).sort(), Object.keys(npm.peerDependencies).sort());
    for (const { optional } of Object.values<{ optional: boolean }>(npm.peerDependenciesMeta)) {
      assertEquals(optional, true);
    }
  });

  it("depends on hono alone: the client of a store is the user's", () => {
    assertEquals(Object.keys(npm.dependencies), ["hono"]);
  });

  it("ships no test", () => {
    for (const path of [...npm.files, ...jsr.publish.include]) {
      assertMatch(
        path,
        /^(dist|src|docs|examples|!examples\/tsconfig\.json|mod\.ts|deno\.json|llms\.txt|[A-Z]+(\.md)?)$/,
      );
    }
  });

  it("ships the pages and examples that its pages lead to, as nobody knows where else they are", () => {
    const pages = ["README.md", "llms.txt", "CHANGELOG.md", "examples/README.md", ...pagesIn("docs")];
    for (const shipped of [[...npm.files, "README.md"], jsr.publish.include as string[]]) {
      for (const page of pages) {
        for (const [, link] of readFileSync(page, "utf8").matchAll(/\]\(([^)#\s:]+)(?:#[^)]*)?\)/g)) {
          const path = posix.join(posix.dirname(page), link);
          // Figures are read where they are made.
          if (path.startsWith("bench/")) continue;
          assert(existsSync(path), `${page}: ${link}`);
          const entry = path.replace(/^(docs|examples|src)\/.*/, "$1");
          assert(shipped.includes(entry), `${page}: ${link}`);
        }
      }
    }
  });

  it("is locked without the address of a registry", () => {
    for (const [path, entry] of Object.entries<{ resolved?: string }>(read("package-lock.json").packages)) {
      assertEquals(
        entry.resolved,
        path === "node_modules/@std/assert" ? "tests/std_assert" : undefined,
        path,
      );
    }
  });
});
