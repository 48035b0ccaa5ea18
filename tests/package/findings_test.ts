/** The form of findings/, which findings/README.md states. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { accessSync, constants, readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";

const scripts = readdirSync("findings").filter((file) => file !== "README.md").sort();

describe("findings", () => {
  it("are listed, each with one line", () => {
    const readme = readFileSync("findings/README.md", "utf8");
    assertEquals([...readme.matchAll(/^\| \[(\S+)\]\(\1\) +\| \S/gm)].map(([, name]) => name), scripts);
  });

  for (const script of scripts) {
    it(`${script} can be run, in a folder of its own, on pinned packages, without Weir`, () => {
      accessSync(`findings/${script}`, constants.X_OK);
      const text = readFileSync(`findings/${script}`, "utf8");
      assertMatch(text, /^#!\S+ ?\S+\n# /);
      assertMatch(text, /^set -eu/m);
      assertMatch(text, /^folder=\$\(mktemp -d\)\ntrap '.*rm -rf "\$folder"' EXIT\ncd "\$folder"$/m);
      const installed = [...text.matchAll(/^npm install(.*)$/gm)].flatMap(([, words]) =>
        words.split(" ").filter((word) => /^[@\w]/.test(word) && !/^\d?>/.test(word))
      );
      assert(installed.length > 0);
      assertEquals(installed.filter((name) => !/^(?:@[\w-]+\/)?[\w.-]+@\d+\.\d+\.\d+$/.test(name)), []);
      assert(!/@weir|\.\.\//.test(text));
    });
  }
});
