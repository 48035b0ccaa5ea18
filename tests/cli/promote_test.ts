/** `weir promote`, run as a pipeline runs it. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Hono } from "hono";
import { createThrottle, memoryStore, stats } from "../../mod.ts";
import { dashboard } from "../../src/dashboard/mod.ts";
import { freePort } from "../harness/free_port.ts";
import { serve } from "../harness/serve.ts";
import { weir } from "../harness/weir.ts";

const promote = (words: readonly string[], input = "") => weir(["promote", ...words], { input });

describe("weir promote", () => {
  let folder = "";
  const statistics = stats({ showAddresses: true });
  const file = (name: string): string => join(folder, name);

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "weir-"));
    const throttle = createThrottle([
      { name: "api", rate: "10/hour", trial: "8/hour" },
      { name: "rare", rate: "1/hour", trial: "1/hour", on: "/never" },
    ], {
      store: memoryStore(),
      observers: [statistics],
      client: { address: (request) => request.headers.get("x-from") },
    });
    // Of 200 requests from 20 clients, 40 only the trial refuses; one client more sends 12.
    for (let i = 0; i < 200; i++) {
      await throttle.check(
        new Request("https://example.com/", { headers: { "x-from": `192.0.2.${i % 20}` } }),
      );
    }
    for (let i = 0; i < 12; i++) {
      await throttle.check(new Request("https://example.com/", { headers: { "x-from": "198.51.100.1" } }));
    }
    writeFileSync(file("stats.json"), JSON.stringify(await statistics.read()));
    writeFileSync(file("other.json"), '{"by_route":{}}');
    writeFileSync(file("before.json"), JSON.stringify(await stats().read()));
  });
  after(() => rmSync(folder, { recursive: true }));

  it("exits 0 where at most the share would be refused by the trial alone, and 1 above it", async () => {
    // 42 of 212 are 19.81 %.
    for (const [share, code] of [["19.9%", 0], ["19.8%", 1], ["100 %", 0], ["0%", 1]] as const) {
      const ended = await promote(["--stats", file("stats.json"), "--rule", "api", "--max-share", share]);
      assertEquals([ended.code, ended.err], [code, ""]);
      assertStringIncludes(ended.out, "would refuse 42 of 212 requests (19.81%");
      assertStringIncludes(ended.out, code === 0 ? "it may take" : "it may not take");
      assertStringIncludes(ended.out, "192.0.2.0 ");
    }
    assertEquals((await promote(["--stats", file("stats.json"), "--rule", "api"])).code, 1);
  });

  it("reads standard input, and writes figures as JSON, alone or to a file", async () => {
    const words = ["--stats", "-", "--rule", "api", "--max-share", "50%", "--json"];
    const text = readFileSync(file("stats.json"), "utf8");
    const { code, out } = await promote([...words, "-"], text);
    assertEquals(code, 0);
    const { clients, routes, share, ...figures } = JSON.parse(out);
    assertEquals(figures, {
      ...{ rule: "api", promote: true, requests: 212, maxShare: 0.5 },
      ...{ both: 2, liveOnly: 0, trialOnly: 42, neither: 168 },
    });
    assertEquals([share, clients.length, routes], [42 / 212, 10, [{ route: "*", requests: 42 }]]);
    const written = await promote([...words, file("judged.json")], text);
    assertStringIncludes(written.out, "it may take the rule's place");
    assertEquals(JSON.parse(readFileSync(file("judged.json"), "utf8")), JSON.parse(out));
  });

  it("asks a dashboard by its address, with the headers that it is given", async () => {
    const app = new Hono();
    const authorize = (request: Request) => request.headers.get("authorization") === "Bearer secret";
    const throttle = createThrottle("1/min");
    app.route("/admin", dashboard({ throttle, stats: statistics, authorize }));
    const { url, close } = await serve((request: Request) => app.fetch(request));
    try {
      const words = ["--stats", `${url}/admin/stats`, "--rule", "api", "--max-share", "50%"];
      const allowed = await promote([...words, "--header", "Authorization: Bearer secret"]);
      assertEquals([allowed.code, allowed.err], [0, ""]);
      const refused = await promote(words);
      assertEquals(refused.code, 1);
      assertStringIncludes(
        refused.err,
        'their server answered 403, so give --header "authorization: ..."',
      );
    } finally {
      await close();
    }
  });

  it("takes a name and a password in the address, and shows neither them nor its query", async () => {
    const asked: (string | null)[] = [];
    const { url, close } = await serve((request: Request) => {
      asked.push(request.headers.get("authorization"));
      return new Response(null, { status: 404 });
    });
    const { host } = new URL(url);
    const from = (address: string, ...words: readonly string[]) =>
      promote(["--stats", address, "--rule", "api", ...words]);
    try {
      for (
        const [words, sent] of [[[], "Basic YW5uOsO8JSA6cw=="], [
          ["--header", "authorization: own"],
          "own",
        ]] as const
      ) {
        const { code, out, err } = await from(`http://ann:%C3%BC%25%20:s@${host}/a?token=secret`, ...words);
        assertEquals([code, out, asked.pop()], [1, "", sent]);
        assertEquals(
          err,
          `weir: Cannot read statistics as their server answered 404: current value is "http://${host}/a"\n`,
        );
      }
      await from(`http://%zz@${host}/`);
      assertEquals(asked.pop(), "Basic JXp6Og==");
    } finally {
      await close();
    }
    const nobody = `http://ann:secret@127.0.0.1:${await freePort()}/?secret`;
    for (const address of [nobody, "https://ann:secret@[/"]) {
      const { code, err } = await from(address);
      assertEquals(code, 1);
      assertStringIncludes(err, "weir: Cannot read statistics as ");
      assert(!err.includes("secret"), err);
    }
  });

  it("exits 1 where nothing can be judged, with the reason", async () => {
    const counts = { both: 1, liveOnly: 0, trialOnly: 0, neither: 9 };
    const torn = [
      { by_rule: { api: null } },
      { by_rule: { api: { trial: null } } },
      { by_rule: { api: { trial: { both: 1 } } } },
      { by_rule: { api: { trial: { ...counts, neither: "9" } } } },
      { by_rule: { api: { trial: counts } }, top_trial_only_ips: 5 },
    ];
    torn.forEach((report, i) => writeFileSync(file(`torn${i}.json`), JSON.stringify(report)));
    const shadow = { api: { requests: 9, shadow_refused: 2, mode: "shadow" } };
    writeFileSync(file("shadow.json"), JSON.stringify({ by_rule: shadow }));
    const reasons: readonly (readonly [words: readonly string[], reason: string])[] = [
      [["--stats", file("stats.json"), "--rule", "rare"], "only these have a trial: api"],
      [["--stats", file("stats.json"), "--rule", "toString"], "only these have a trial: api"],
      [["--stats", file("stats.json"), "--rule", "api+trial"], "only these have a trial: api"],
      [
        ["--stats", file("shadow.json"), "--rule", "api"],
        "it is in shadow mode itself, where it would have refused 2 of 9 requests",
      ],
      [
        ["--stats", file("before.json"), "--rule", "api"],
        "these statistics have no request under a rule with",
      ],
      [["--stats", file("other.json"), "--rule", "api"], "they must be the JSON of stats().read()"],
      ...torn.map((_, i) =>
        [
          ["--stats", file(`torn${i}.json`), "--rule", "api"],
          "they must be the JSON of stats().read()",
        ] as const
      ),
      [
        ["--stats", file("missing.json"), "--rule", "api"],
        "weir: Cannot read this file as the system does not give it (",
      ],
      [
        ["--stats", file("missing.json"), "--rule", "api"],
        `: current value is ${JSON.stringify(file("missing.json"))}`,
      ],
      [
        ["--stats", "http://127.0.0.1:1/", "--rule", "api"],
        "weir: Cannot read statistics as their server did not answer (",
      ],
      [["--stats", "http://127.0.0.1:1/", "--rule", "api"], '): current value is "http://127.0.0.1:1/"'],
    ];
    for (const [words, reason] of reasons) {
      const { code, out, err } = await promote(words);
      assertEquals([code, out], [1, ""]);
      assertStringIncludes(err, reason);
    }
    const trial = { both: 0, liveOnly: 0, trialOnly: 0, neither: 0 };
    const none = await promote(
      ["--stats", "-", "--rule", "api"],
      JSON.stringify({ by_rule: { api: { trial } } }),
    );
    assertEquals([none.code, none.out], [
      1,
      'No request was decided by rule "api" and its trial: do not promote it yet.\n',
    ]);
  });

  it("exits 2 where it is misspelt, and 0 with its help", async () => {
    const misspelt: readonly (readonly string[])[] = [
      [],
      ["--rule", "api"],
      ["--stats", "stats.json"],
      ["--stats", "a", "--rule", "api", "--max-share", "0.1"],
      ["--stats", "a", "--rule", "api", "--max-share", "101%"],
      ["--stats", "a", "--rule", "api", "--header", "secret"],
      ["--stats", "a", "--rule", "api", "--unknown"],
      ["--stats", "a", "--rule", "api", "b"],
    ];
    for (const words of misspelt) {
      const { code, out, err } = await promote(words);
      assertEquals([code, out], [2, ""]);
      assertStringIncludes(err, "See weir --help.");
      assert(!err.includes("secret"), err);
    }
    const help = await promote(["--help"]);
    assertEquals([help.code, help.err], [0, ""]);
    assertStringIncludes(help.out, "Examples:");
  });
});
