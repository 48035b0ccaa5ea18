/** The command `weir`, run as its users run it. */
import { assert, assertEquals } from "@std/assert";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { bruteForce, combinedLog, seededHits } from "../replay/brute_force.ts";
import { PACKAGE, weir } from "../harness/weir.ts";

const hits = seededHits(4, 500);
const log = combinedLog(hits);
const rule = { name: "api", rate: "3/10s", on: "/api/*" };
const plain = { algorithm: "fixed", limit: 3, windowMs: 10_000, on: "/api/*" } as const;

describe("weir", () => {
  let folder = "";
  const file = (name: string): string => join(folder, name);

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "weir-"));
    writeFileSync(file("access.log"), `${log} "half an agent"\n`);
    writeFileSync(file("access.log.gz"), gzipSync(log));
    writeFileSync(file("rules.mjs"), `export default ${JSON.stringify(rule)};`);
  });
  after(() => rmSync(folder, { recursive: true }));

  it("prints of a replay the figures that it promises, as a count by hand has them", async () => {
    const { code, out, err } = await weir(
      ["replay", file("access.log"), "--rules", file("rules.mjs"), "--json", "-"],
    );
    assertEquals([code, err], [0, ""]);
    const { refused, refusedClients, rules: [counted] } = bruteForce(hits, [plain]);
    assert(refused > 0);
    const worst = [...counted.refusedOf].map(([key, refused]) => ({ key, refused }))
      .sort((a, b) => b.refused - a.refused || (a.key < b.key ? -1 : 1)).slice(0, 20);
    const expected = {
      ...{ lines: 501, requests: 500, broken: 1 },
      from: new Date(hits[0].at).toISOString(),
      to: new Date(hits[499].at).toISOString(),
      clients: new Set(hits.map(({ client }) => client)).size,
      ...{ refused, refusedClients: refusedClients.size },
      rules: [{
        ...{ rule: "api", asked: counted.asked, refused: counted.refused, clients: counted.clients.size },
        ...{ refusedClients: counted.refusedOf.size, worst },
      }],
    };
    assertEquals(JSON.parse(out), expected);
  });

  it("prints of suggestions the figures that it promises", async () => {
    const words = ["suggest", file("access.log"), "--window", "60", "--window", "1h", "--route", "/api/*"];
    const { code, out } = await weir([...words, "--json", "-"]);
    const { requests, suggestions } = JSON.parse(out);
    assertEquals([code, requests, suggestions.length], [0, 500, 2]);
    const names = ["key", "route", "window", "clients", "p50", "p99", "p999", "max"];
    assertEquals(Object.keys(suggestions[0]), names);
    assertEquals([suggestions[0].key, suggestions[0].route, suggestions[0].window], ["ip", "/api/*", "1min"]);
  });

  it("reads packed logs, standard input and several logs as one", async () => {
    const rules = ["--rules", file("rules.mjs"), "--json", "-"];
    const [plain, packed, piped, both] = await Promise.all([
      weir(["replay", file("access.log"), ...rules]),
      weir(["replay", file("access.log.gz"), ...rules]),
      weir(["replay", "-", ...rules], { input: gzipSync(log) }),
      weir(["replay", file("access.log"), file("access.log.gz"), ...rules]),
    ]);
    const { refused } = JSON.parse(plain.out);
    assertEquals(JSON.parse(packed.out).refused, refused);
    assertEquals(JSON.parse(piped.out).refused, refused);
    assertEquals(JSON.parse(both.out).requests, 1000);
    assert(JSON.parse(both.out).refused > refused);
  });

  it("takes rules in each form that production imports", async () => {
    const forms = {
      "named.mjs": `export const rules = [${JSON.stringify(rule)}];`,
      "both.mjs": `export default { rules: ${JSON.stringify(rule)}, options: { sendHeaders: "never" } };`,
      "throttle.mjs": `import { createThrottle } from ${JSON.stringify(PACKAGE)};
        export const throttle = createThrottle(${JSON.stringify(rule)}, { unsafeStore: "ignore" });`,
      "rules.json": JSON.stringify([rule]),
      "marked.json": `\uFEFF${JSON.stringify([rule])}`,
    };
    const expected = bruteForce(hits, [plain]).refused;
    for (const [name, text] of Object.entries(forms)) {
      writeFileSync(file(name), text);
      const { out, err } = await weir(
        ["replay", file("access.log"), "--rules", file(name), "--json", "-"],
      );
      assertEquals([err, JSON.parse(out || "{}").refused], ["", expected], name);
    }
  });

  it("writes tables for people, and the figures into a file where one is named", async () => {
    const json = file("figures.json");
    const replayed = await weir(
      ["replay", file("access.log"), "--rules", file("rules.mjs"), "--json", json],
    );
    const { refused } = JSON.parse(readFileSync(json, "utf8"));
    assert(replayed.out.startsWith("500 requests (combined)\n1 line is no request"), replayed.out);
    assert(replayed.out.includes(`all rules: ${refused} requests refused`), replayed.out);
    const suggested = await weir(["suggest", file("access.log")]);
    assert(suggested.out.includes("99.9 %"), suggested.out);
    assert(suggested.out.includes('{ name: "ip-1min", rate: "'), suggested.out);
    assert(!suggested.out.includes("\x1b"), "no colours in a pipe");
  });

  it("speaks of one request as one, and says how many requests could not be decided", async () => {
    const lines = log.split("\n");
    writeFileSync(file("one.log"), lines[0]);
    const one = await weir(["replay", file("one.log"), "--rules", file("rules.mjs")]);
    assert(one.out.startsWith("1 request (combined)\n"), one.out);
    assert(one.out.includes("all rules: 0 requests refused, of 0 of 1 client\n"), one.out);

    const thrown = 'throw new Error("no tenant in " + request.url)';
    writeFileSync(
      file("thrower.mjs"),
      `export default { name: "api", rate: "3/min", key: ({ request }) => { ${thrown} } };`,
    );
    writeFileSync(file("odd.log"), lines[0].replace(/"GET [^ ]*/, '"GET /\x1b[2J'));
    const odd = await weir(["replay", file("odd.log"), "--rules", file("thrower.mjs")]);
    assert(odd.out.includes("1 request could not be decided"), odd.out);
    assert(odd.out.includes("no tenant in") && !odd.out.includes("\x1b"), JSON.stringify(odd.out));
    const { out } = await weir(["replay", file("odd.log"), "--rules", file("thrower.mjs"), "--json", "-"]);
    assertEquals([JSON.parse(out).refused, JSON.parse(out).failed], [0, 1]);
  });

  it("compares sets of rules in one pass", async () => {
    writeFileSync(file("next.json"), '[{ "name": "all", "rate": "1/min" }]');
    const words = [
      "replay",
      file("access.log"),
      "--rules",
      file("rules.mjs"),
      "--compare",
      file("next.json"),
    ];
    const { compared: [next], refused } = JSON.parse((await weir([...words, "--json", "-"])).out);
    const both = bruteForce(hits, [{ algorithm: "fixed", limit: 1, windowMs: 60_000, on: null }]);
    assertEquals([next.name, next.refused], [file("next.json"), both.refused]);
    assertEquals(next.both + next.onlyRules, refused);
    assertEquals(next.both + next.onlyThis, next.refused);
    assertEquals(next.rules[0].rule, "all");
    const { out } = await weir(words);
    assert(out.includes("compared with") && out.includes("who differs most under"), out);
  });

  it("reads JSON whose members have other names, by the names that it is given", async () => {
    const lines = hits.map(({ at, method, path, client }) =>
      JSON.stringify({ wann: at, method, path, wer: client })
    );
    writeFileSync(file("app.ndjson"), lines.join("\n"));
    const rules = ["--rules", file("rules.mjs"), "--json", "-"];
    const { out, err } = await weir(
      ["replay", file("app.ndjson"), "--field", "start=wann", "--field", "address=wer", ...rules],
    );
    assertEquals([err, JSON.parse(out || "{}").refused], ["", bruteForce(hits, [plain]).refused]);
  });

  it("writes its help", async () => {
    const all = await weir(["--help"]);
    assertEquals([all.code, all.err], [0, ""]);
    assert(all.out.includes("weir suggest /var/log/nginx/access.log*"), all.out);
    const one = await weir(["replay", "--help"]);
    assertEquals([one.code, one.err], [0, ""]);
    assert(one.out.includes("weir replay LOG... --rules FILE"), one.out);
    assert(one.out.includes("--format NAME"), one.out);
  });

  it("writes a page alone to standard output where it is named -, and the figures beside it into a file", async () => {
    const json = file("beside.json");
    const commands = [
      ["replay", file("access.log"), "--rules", file("rules.mjs"), "--html", "-", "--json", json],
      ["suggest", file("access.log"), "--html", "-"],
    ];
    for (const words of commands) {
      const { code, out } = await weir(words);
      assertEquals(code, 0);
      assert(out.startsWith("<!doctype html>") && out.trimEnd().endsWith("</html>"), out.slice(0, 200));
    }
    assertEquals(JSON.parse(readFileSync(json, "utf8")).requests, 500);
    assertEquals(existsSync("-"), false);
  });

  it("ends with 2 and a sentence where it is misspelt", async () => {
    for (
      const [words, text] of [
        [[], "its first word must be one of"],
        [["repaly"], 'current value is "repaly"'],
        [["replay", "x.log"], "needs --rules FILE"],
        [["suggest"], "needs a log"],
        [["suggest", "x.log", "--rules", "r.mjs"], "takes no --rules"],
        [["suggest", "x.log", "--windows", "1s"], "weir suggest takes no --windows"],
        [["suggest", "x.log", "--field", "address"], "it must be NAME=MEMBER"],
        [["suggest", "x.log", "-w"], "weir suggest takes no -w"],
        [["suggest", "x.log", "--window"], "needs a value after --window: 1min"],
        [
          ["suggest", "x.log", "--json", "-", "--html", "-"],
          '--json and --html need two places, and both name "-"',
        ],
        [["replay", "x.log", "--rules", "r.mjs", "--json", "a", "--html", "a"], 'both name "a"'],
        [["replay", "x.log", "--rules", "r.mjs", "--rules", "s.mjs"], "weir replay takes one --rules only"],
      ] as const
    ) {
      const { code, out, err } = await weir(words);
      assertEquals([code, out], [2, ""], words.join(" "));
      assert(err.startsWith("weir: ") && err.includes(text), err);
    }
  });

  it("ends with 1 and a sentence where a file cannot be read or written", async () => {
    writeFileSync(file("prose.txt"), "This is no log.\n");
    writeFileSync(file("wrong.mjs"), `export default "many";`);
    const rules = ["--rules", file("rules.mjs")];
    for (
      const [words, text] of [
        [["replay", file("none.log"), ...rules], "none.log"],
        [["replay", folder, ...rules], "Cannot read this file as"],
        [["replay", folder, ...rules], folder],
        [["replay", file("prose.txt"), ...rules], "This is no log."],
        [["replay", file("access.log"), "--rules", file("none.mjs")], "Cannot read rules as"],
        [["replay", file("access.log"), "--rules", file("wrong.mjs")], 'current value is "many"'],
        [["suggest", file("access.log"), "--format", "iis"], "format must be one of"],
        [["replay", file("access.log"), ...rules, "--json", folder], "Cannot write this file as"],
        [["replay", file("access.log"), ...rules, "--html", file("none/page.html")], "none/page.html"],
      ] as const
    ) {
      const { code, out, err } = await weir(words);
      assertEquals([code, out], [1, ""], words.join(" "));
      assert(err.startsWith("weir: ") && err.includes(text), err);
      assertEquals(err.trim().split("\n").length, 1, err);
    }
  });
});
