/** The commands `weir explain` and `weir lint`, run as their users run them. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { createThrottle, type Explanation } from "../../mod.ts";
import { redisStore } from "../../src/stores/redis/mod.ts";
import { type Redis, startRedis, withoutRedis } from "../harness/redis.ts";
import { type Connection, connectTo } from "../harness/resp.ts";
import { runtime } from "../harness/runtime.ts";
import { PACKAGE, weir } from "../harness/weir.ts";

/** Rules in TypeScript, of more than one file, in the spellings that projects import them by. */
const FILES: Readonly<Record<string, string>> = {
  "rules.ts": `
    import { createThrottle, type Rule } from ${JSON.stringify(PACKAGE)};
    import { login } from "./limits/login.ts";
    import type { Name } from "./limits/name.ts";
    const name: Name = "api";
    const api = { name, rate: "60/min" } satisfies Rule;
    export const throttle = createThrottle([api, login], {
      client: { trustedProxies: ["10.0.0.0/8"] },
      unsafeStore: "ignore",
    });`,
  "limits/login.ts": `
    import type { Rule } from ${JSON.stringify(PACKAGE)};
    export const login: Rule = { name: "login", rate: "5/15min", on: "POST /login" };`,
  "limits/name.ts": `export type Name = "api";`,
  "bundled.ts": `
    import { Rule } from ${JSON.stringify(PACKAGE)};
    import { login } from "./limits/login.js";
    import { more } from "./limits";
    enum Name { Api = "api" }
    const api: Rule = { name: Name.Api, rate: "60/min" };
    export default [api, login, ...more];`,
  "limits/index.ts": `export const more = [{ name: "more", rate: "9/min" }] as const;`,
  "torn.ts": `export default [{ name: "api", rate: "60/min" ];`,
  "right.mjs": `export default ["60/min", { name: "login", rate: "5/15min", on: "POST /login" }];`,
  "one.json": `{ "rate": "60/min" }`,
  "wrong.mjs": `export default {
    rules: ["1/min", { rate: "many" }, { name: "b", rate: "1/min", costs: 1 }, { name: "c", rate: "1/min" },
      { name: "c", rate: "2/min" }, { name: "d", rate: "1/min", on: "FETCH /x" }],
    options: { sendHeader: "never" },
  };`,
  "idle.mjs": `
    import { byUser, createThrottle } from ${JSON.stringify(PACKAGE)};
    console.warn("A line of the module itself.");
    export default createThrottle({ name: "u", rate: "1/min", key: byUser() });`,
  "warned.mjs": `
    import { byUser } from ${JSON.stringify(PACKAGE)};
    export const rules = [{ name: "u", rate: "1/min", key: byUser() }];`,
  "useless.mjs": `
    import { gcra } from ${JSON.stringify(PACKAGE)};
    export const rules = [
      { name: "off", rate: "0/min" }, { name: "full", rate: "9/min", cost: 9 },
      { name: "dear", rate: "9/min", cost: 4, algorithm: gcra({ burst: 3 }) },
      { name: "planned", rate: "1/min", cost: 2, mode: "shadow" },
    ];`,
  "thrown.mjs": `
    import { byUser, createThrottle } from ${JSON.stringify(PACKAGE)};
    export default createThrottle({ name: "u", rate: "1/min", key: byUser(), stage: "before-auth" });`,
  "broken.mjs": "this is no module",
};

/** Does this Node read TypeScript by itself? */
const readsTypeScript = runtime === "node" &&
  Boolean((process.features as { typescript?: unknown }).typescript);

let folder = "";
const file = (name: string): string => join(folder, name);
before(() => {
  folder = mkdtempSync(join(tmpdir(), "weir-"));
  mkdirSync(file("limits"));
  for (const [name, text] of Object.entries(FILES)) writeFileSync(file(name), text);
});
after(() => rmSync(folder, { recursive: true }));

describe("weir explain", () => {
  it("explains a request in sentences, under rules in TypeScript, on each runtime", async () => {
    const { code, out, err } = await weir(
      ["explain", "--rules", file("rules.ts"), "POST /login", "--address", "203.0.113.9"],
    );
    assertEquals([code, err], [0, ""]);
    const [first, address, api, login, note] = out.trim().split("\n\n");
    assertEquals(first, 'The request "POST /login" would be allowed now.');
    assertEquals(
      address,
      "The address is 203.0.113.9, from the transport peer, which is not in trustedProxies: the header x-forwarded-for is not read.",
    );
    assertStringIncludes(api, 'Rule "api" (60 per 1 min) applies: it is for every request.');
    assertStringIncludes(login, "0 in use, 5 left; the request costs 1. It lets the request pass.");
    assertStringIncludes(note, "Note: the store of these rules counts for one process");
  });

  it("sends the headers that it is given, and writes the explanation as JSON", async () => {
    const words = ["explain", "--rules", file("rules.ts"), "/a", "--address", "10.0.0.1", "--header"];
    const { code, out } = await weir([...words, "X-Forwarded-For: 6.6.6.6, 203.0.113.9", "--json", "-"]);
    const { allowed, address, rules }: Explanation = JSON.parse(out);
    assertEquals([code, allowed, address.value, address.hop], [0, true, "203.0.113.9", 1]);
    assertEquals(rules.map(({ rule, applies }) => [rule, applies]), [["api", true], ["login", false]]);
    assertEquals(rules[1].because, 'the path is "/a", and its pattern is "POST /login"');
    const json = file("explanation.json");
    const both = await weir([
      "explain",
      "--rules",
      file("one.json"),
      "GET",
      "https://x.example/a?b",
      "--json",
      json,
    ]);
    assert(both.out.startsWith('The request "GET /a" would be refused now as a function of rule'), both.out);
    assertEquals(JSON.parse(readFileSync(json, "utf8")).allowed, false);
  });

  it(
    "reads TypeScript in the spellings that compilers and bundlers take, on Bun and on a Node that needs help",
    {
      skip: runtime === "deno" || readsTypeScript,
    },
    async () => {
      const { code, out, err } = await weir(["explain", "--rules", file("bundled.ts"), "/", "--json", "-"]);
      assertEquals([code, err], [0, ""]);
      assertEquals(JSON.parse(out).rules.map(({ rule }: { rule: string }) => rule), ["api", "login", "more"]);
      const torn = await weir(["explain", "--rules", file("torn.ts"), "/"]);
      assertEquals([torn.code, torn.err.trim().split("\n").length], [1, 1], torn.err);
      assertStringIncludes(torn.err, "weir: Cannot read rules as it cannot be imported (");
    },
  );

  it("says how to read TypeScript where nothing that can is in the project", {
    skip: runtime !== "node" || readsTypeScript,
  }, async () => {
    const { code, err } = await weir(["explain", "--rules", "rules.ts", "/"], { folder });
    assertEquals(code, 1);
    assertStringIncludes(err, "this Node does not import TypeScript: add esbuild to the project");
  });

  it("says how to give an address, where the rules need one and it has none", async () => {
    const words = ["explain", "/", "--rules", file("right.mjs")];
    assertStringIncludes((await weir(words)).out, "Note: --address ADDRESS gives the request one.");
    assert(!(await weir([...words, "--address", "192.0.2.1"])).out.includes("--address"));
  });

  it("ends with 2 and a sentence where it is misspelt", async () => {
    const rules = ["--rules", file("right.mjs")];
    for (
      const [words, text] of [
        [["explain", "/"], "weir explain needs --rules FILE"],
        [["explain", ...rules], "it needs a request that a server can get, such as"],
        [["explain", ...rules, "POST login"], 'current value is "POST login"'],
        [["explain", ...rules, "G(T /"], "that a server can get, such as"],
        [["explain", ...rules, "/", "--address", "1.2.3"], "--address must be an IP address"],
        [["explain", ...rules, "/", "--header", "x"], "--header must be a header such as"],
        [["lint"], "weir lint needs a file of rules"],
        [["lint", file("right.mjs"), "--rules", "x"], "takes no --rules"],
      ] as const
    ) {
      const { code, out, err } = await weir(words);
      assertEquals([code, out], [2, ""], words.join(" "));
      assert(err.startsWith("weir: ") && err.includes(text), err);
    }
  });

  it("writes its help, with commands to copy", async () => {
    const [explain, lint] = await Promise.all([weir(["explain", "--help"]), weir(["lint", "-h"])]);
    assertEquals([explain.code, lint.code], [0, 0]);
    assertStringIncludes(explain.out, "weir explain --rules rules.ts 'POST /login' --address 203.0.113.9");
    assertStringIncludes(lint.out, "weir lint rules.ts");
  });
});

/** The end of this file's own name, as it runs: compiled on Node. */
const extension = /\.\w+$/.exec(import.meta.url)![0];

describe("weir explain on Redis", { skip: withoutRedis }, () => {
  const rule = { name: "login", rate: "1/h", on: "POST /login" } as const;
  const settings = { prefix: "shop", hashKeys: "secret", timeoutMs: 5000 };
  let redis: Redis;
  let connection: Connection;
  before(async () => {
    redis = await startRedis();
    connection = connectTo(redis);
    // A module as production has it: its connection stays open, and keeps a process.
    const urls = {
      redisStore: new URL(PACKAGE.replace(/mod(\.\w+)$/, "src/stores/redis/mod$1")).href,
      connectTo: new URL(`../harness/resp${extension}`, import.meta.url).href,
    };
    writeFileSync(
      file("redis.mjs"),
      `import { createThrottle } from ${JSON.stringify(PACKAGE)};
       import { redisStore } from ${JSON.stringify(urls.redisStore)};
       import { connectTo } from ${JSON.stringify(urls.connectTo)};
       const connection = connectTo(${JSON.stringify({ host: redis.host, port: redis.port })});
       const client = { send: (command, words) => connection.command(command, ...words) };
       const store = redisStore({ client, ...${JSON.stringify(settings)} });
       export default createThrottle(${JSON.stringify(rule)}, { store });`,
    );
  });
  after(async () => {
    connection.close();
    await redis.stop();
  });

  it("shows the counts of the servers, charges nothing, and ends although the module holds a connection", async () => {
    const words = [
      "explain",
      "--rules",
      file("redis.mjs"),
      "POST /login",
      "--address",
      "203.0.113.9",
      "--json",
      "-",
    ];
    const ask = async (): Promise<Explanation> => {
      const { code, out, err } = await weir(words);
      assertEquals([code, err], [0, ""]);
      return JSON.parse(out);
    };
    const fresh = await ask();
    assertEquals([fresh.allowed, fresh.rules[0].used], [true, 0]);
    assertEquals(await redis.command("KEYS", "shop:*"), []);
    const client = { send: (command: string, words: string[]) => connection.command(command, ...words) };
    const server = createThrottle(rule, { store: redisStore({ client, ...settings }) });
    await server.check(new Request("http://x/login", { method: "POST" }), { ip: "203.0.113.9" });
    const used = await ask();
    assertEquals([used.allowed, used.rules[0].used, used.rules[0].neededLimit], [false, 1, 2]);
    assertEquals(await redis.command("KEYS", "shop:*"), [used.rules[0].key!.stored]);
  });
});

describe("weir lint", () => {
  it("says nothing against rules that are right, and ends with 0", async () => {
    const { code, out, err } = await weir(["lint", file("right.mjs"), file("one.json"), file("rules.ts")]);
    assertEquals([code, err], [0, ""]);
    assertEquals(
      out,
      [["right.mjs", "2 rules, which are"], ["one.json", "1 rule, which is"], [
        "rules.ts",
        "2 rules, which are",
      ]]
        .map(([name, text]) => `${file(name)}: ${text} right\n`).join(""),
    );
  });

  it("takes no minutes for hundreds of rules", async () => {
    const many = Array.from({ length: 400 }, (_, i) => ({ name: `r${i}`, rate: "60/min" }));
    writeFileSync(file("many.json"), JSON.stringify(many));
    const begun = performance.now();
    assertEquals(await weir(["lint", file("many.json")]), {
      ...{ code: 0, out: `${file("many.json")}: 400 rules, which are right\n`, err: "" },
    });
    assert(performance.now() - begun < 30_000);
  });

  it("says all that is wrong with rules and options, each in a sentence, and ends with 1", async () => {
    const { code, out } = await weir(["lint", file("wrong.mjs"), file("right.mjs"), "--json", "-"]);
    assertEquals(code, 1);
    const { files: [wrong, right] } = JSON.parse(out);
    assertEquals([wrong.file, wrong.rules, right.sentences], [file("wrong.mjs"), 6, []]);
    const beginnings = [
      'The method FETCH of rule "d"',
      'Cannot use rule 2 as rate must be "100/hour"',
      'Cannot use rule "b" as it takes no option but',
      'Cannot use rule "c" as its name must be unique',
      "Cannot create a throttle as it takes no option but",
    ];
    assertEquals(wrong.sentences.length, beginnings.length, wrong.sentences.join("\n"));
    beginnings.forEach((text, i) => assert(wrong.sentences[i].startsWith(text), wrong.sentences[i]));
  });

  it("says what a start would warn of, which rule refuses all, and what a module throws that makes its throttle", async () => {
    const idle = 'Rules that never apply: "u" count by identity, and there is no `authenticate`.';
    for (
      const [name, sentence, err] of [
        ["idle.mjs", idle, "A line of the module itself.\n"],
        ["warned.mjs", `${idle} If production has one, export it beside the rules`, ""],
        [
          "useless.mjs",
          'Rule "dear" refuses every request: its cost of 4 is above the 3 that can pass at once.',
          "",
        ],
        [
          "thrown.mjs",
          'Cannot use rule "u" as its key (user) needs an identity, so stage must be "after-auth"',
          "",
        ],
      ]
    ) {
      const ended = await weir(["lint", file(name)]);
      assertEquals([ended.code, ended.err], [1, err], name);
      assert(ended.out.startsWith(`${file(name)}: ${sentence}`), ended.out);
      assertEquals(ended.out.trim().split("\n").length, 1, ended.out);
      // A throttle is whole: nothing is to be exported beside it.
      if (name === "idle.mjs") assert(!ended.out.includes("export it"), ended.out);
    }
  });

  it("ends with 1 and a sentence where a file cannot be read", async () => {
    for (const name of ["broken.mjs", "none.mjs"]) {
      const { code, out, err } = await weir(["lint", file(name)]);
      assertEquals([code, out], [1, ""]);
      assertStringIncludes(err, "weir: Cannot read rules as it cannot be imported");
    }
  });

  it("says what is wrong with the other files where one cannot be read", async () => {
    const { code, out, err } = await weir(["lint", file("broken.mjs"), file("wrong.mjs"), file("none.mjs")]);
    assertEquals(code, 1);
    assert(out.startsWith(`${file("wrong.mjs")}: The method FETCH of rule "d"`), out);
    assertEquals(err.match(/^weir: Cannot read rules as it cannot be imported/gm)?.length, 2, err);
  });
});
