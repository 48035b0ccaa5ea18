/** Rules tried on logs, against counts by hand. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { describe, it } from "node:test";
import {
  byGlobal,
  byHeader,
  byUser,
  concurrency,
  fixedWindow,
  gcra,
  type Rule,
  slidingLog,
} from "../../mod.ts";
import { type LoggedRequest, readLog, replay, suggest } from "../../src/replay/mod.ts";
import { bruteForce, combinedLog, type Hit, type PlainRule, seeded, seededHits } from "./brute_force.ts";
import { chunksOf, debianLog, listOf } from "./logs.ts";

const ALGORITHMS = { fixed: fixedWindow, gcra, log: slidingLog };

function ruleOf({ algorithm, limit, windowMs, on }: PlainRule, index: number): Rule {
  return {
    ...{
      name: `rule-${index}`,
      rate: { limit, window: windowMs / 1000 },
      algorithm: ALGORITHMS[algorithm](),
    },
    ...on === null ? {} : { on },
  };
}

/** One to three rules of a seed. */
function rulesOf(seed: number): PlainRule[] {
  const random = seeded(seed);
  const algorithms = ["fixed", "gcra", "log"] as const;
  return Array.from({ length: 1 + random(3) }, () => ({
    algorithm: algorithms[random(3)],
    limit: 1 + random(6),
    windowMs: [1000, 10_000, 60_000, 600_000][random(4)],
    on: [null, null, "/api/*", "POST /login"][random(4)],
  }));
}

/** A replay and the count by hand of the same requests must agree in every number. */
async function compare(log: Parameters<typeof replay>[0], hits: readonly Hit[], rules: readonly PlainRule[]) {
  const report = await replay(log, { rules: rules.map(ruleOf) });
  const total = bruteForce(hits, rules);
  assertEquals(report.requests, hits.length);
  assertEquals(report.clients, new Set(hits.map(({ client }) => client)).size);
  assertEquals([report.refused, report.refusedClients], [total.refused, total.refusedClients.size]);
  assertEquals(
    report.rules.map((
      { asked, refused, clients, refusedClients },
    ) => [asked, refused, clients, refusedClients]),
    total.rules.map((
      { asked, refused, clients, refusedOf },
    ) => [asked, refused, clients.size, refusedOf.size]),
  );
  for (const [i, { worst, byHour, byRoute, refused, asked }] of report.rules.entries()) {
    const { refusedOf } = total.rules[i];
    assertEquals(worst.length, Math.min(20, refusedOf.size));
    assert(worst.every(({ key, refused }) => refusedOf.get(key) === refused));
    assert(worst.every(({ refused }, j) => j === 0 || refused <= worst[j - 1].refused), "most first");
    const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
    assertEquals(sum(byHour.map((hour) => hour.asked)), asked);
    assertEquals(sum(byHour.map((hour) => hour.refused)), refused);
    assertEquals(sum(byRoute.map((route) => route.refused)), refused);
  }
  return report;
}

const at = Date.UTC(2026, 10, 29, 4, 30);
const logged = (ms: number, more: Partial<LoggedRequest> = {}): LoggedRequest => ({
  ...{ at: at + ms, method: "GET", url: "http://localhost/", address: "192.0.2.1" },
  ...more,
});

/** The logs that have more than a few requests. */
const DEBIAN = [
  ...["nginx-combined", "nginx-main", "nginx-upstream", "nginx-json", "apache-combined", "apache-common"],
  ...[
    "apache-vhost_combined",
    "apache-json",
    "haproxy-httplog",
    "haproxy-clf",
    "haproxy-json",
    "haproxy-rfc5424",
  ],
  ...["caddy-json", "lighttpd-default"],
];

describe("replay", () => {
  it("refuses exactly the requests that a count by hand refuses, for 60 seeds of rules and logs", async () => {
    let refusedSomething = 0;
    for (let seed = 1; seed <= 60; seed++) {
      const hits = seededHits(seed, 400);
      const { refused, lines } = await compare(readLog(chunksOf(combinedLog(hits))), hits, rulesOf(seed));
      assertEquals(lines, 400);
      if (refused > 0 && refused < 400) refusedSomething++;
    }
    assert(refusedSomething > 30, `only ${refusedSomething} logs had requests of both kinds`);
  });

  it("agrees with a count by hand on the logs that Debian's servers wrote", async () => {
    for (const name of DEBIAN) {
      const list = (await listOf(readLog(debianLog(name)))).filter(({ address }) => address !== null);
      const hits = list.map(({ at, method, url, address }) => ({
        ...{ at, method, path: url.slice(url.indexOf("/", 8)) },
        client: address === "::1" ? "::/64" : address as string,
      }));
      for (const algorithm of ["fixed", "gcra", "log"] as const) {
        const rules = [{ algorithm, limit: 3, windowMs: 1000, on: null }, {
          algorithm,
          limit: 1,
          windowMs: 60_000,
          on: "/app/*",
        }];
        const { rules: counted, ...total } = await replay(list, { rules: rules.map(ruleOf) });
        const expected = bruteForce(hits, rules);
        assert(total.refused > 0, name);
        assertEquals(total.refused, expected.refused, name);
        assertEquals(
          counted.map(({ refused }) => refused),
          expected.rules.map(({ refused }) => refused),
          name,
        );
      }
    }
  });

  it("decides in the order of times, whatever the order of the lines", async () => {
    for (const seed of [21, 22, 23]) {
      const random = seeded(seed);
      const hits = seededHits(seed, 400);
      // Days that stand newest first, and neighbours that changed places, as servers write lines at the ends of requests.
      const days = [hits.slice(250), hits.slice(100, 250), hits.slice(0, 100)].flat();
      const lines = combinedLog(days).trimEnd().split("\n");
      for (let i = 0; i + 1 < lines.length; i++) {
        if (random(3) === 0) [lines[i], lines[i + 1]] = [lines[i + 1], lines[i]];
      }
      const timeOf = (line: string): number => {
        const [, day, month, year, time] = /\[(\d+)\/(\w+)\/(\d+):([\d:]+)/.exec(line) as string[];
        return Date.parse(`${day} ${month} ${year} ${time} UTC`);
      };
      const sorted = lines.map((line, i) => ({ line, i }))
        .sort((a, b) => timeOf(a.line) - timeOf(b.line) || a.i - b.i).map(({ line }) => line);
      const urls = async (text: string[]) =>
        (await listOf(readLog(chunksOf(text.join("\n"))))).map(({ at, url, address }) =>
          `${at} ${url} ${address}`
        );
      assertEquals(await urls(lines), await urls(sorted));
      const refusals = async (text: string[]) =>
        (await replay(readLog(chunksOf(text.join("\n"))), { rules: rulesOf(seed).map(ruleOf) })).refused;
      assertEquals(await refusals(lines), await refusals(sorted));
    }
  });

  it("has a window that ends exactly one window after it began", async () => {
    const { refused } = await replay([logged(0), logged(999), logged(1000)], { rules: "1/1s" });
    assertEquals(refused, 1);
  });

  it("counts months of the calendar by the times of the log, from their first day on", async () => {
    const month = (rate: Rule["rate"]) =>
      replay(
        ["2026-10-30", "2026-10-31", "2026-11-01", "2026-11-02", "2026-11-30T23:30", "2026-12-01"].map((
          day,
        ) => logged(Date.parse(`${day}${day.includes("T") ? "" : "T00:00"}Z`) - at)),
        { rules: { name: "plan", rate } },
      );
    assertEquals((await month("2/month")).refused, 1);
    assertEquals((await month("1/month")).refused, 3);
    // In Berlin the last half hour of November is in December already.
    assertEquals((await month({ limit: 2, every: "month", timeZone: "Europe/Berlin" })).refused, 0);
    assertEquals((await month("2/31d")).refused, 2);
  });

  it("says how the server answered the requests that would be refused", async () => {
    const requests = [200, 200, 401, 429, undefined].map((status, i) =>
      logged(i, status === undefined ? {} : { status })
    );
    const report = await replay(requests, { rules: "1/min" });
    assertEquals(report.refusedByStatus, { 200: 1, 401: 1, 429: 1, unknown: 1 });
    assert(report.limitations.some((text) => text.includes("1 request was answered with 429")));
  });

  it("counts in shadow mode without refusing", async () => {
    const report = await replay([logged(0), logged(1)], { rules: { rate: "1/min", mode: "shadow" } });
    assertEquals([report.refused, report.rules[0].refused, report.rules[0].mode], [0, 1, "shadow"]);
  });

  it("corrects charges by the statuses of the log, each at the end of its request", async () => {
    const rule: Rule = { name: "login", rate: "1/min", count: "failures" };
    // The second comes while the first runs, which is charged until it has succeeded.
    const requests = [
      logged(0, { status: 200, durationMs: 100 }),
      logged(50, { status: 200, durationMs: 100 }),
      logged(200, { status: 401, durationMs: 10 }),
      logged(300, { status: 401 }),
    ];
    const report = await replay(requests, { rules: rule });
    assertEquals([report.refused, report.refusedByStatus], [2, { 200: 1, 401: 1 }]);
  });

  it("holds what runs until its end, by the durations of the log", async () => {
    const rules = { rate: { limit: 2 }, algorithm: concurrency({ lease: 60 }), key: byGlobal() };
    const refusedOf = async (...starts: number[]) =>
      (await replay(starts.map((ms) => logged(ms, { durationMs: 90 })), { rules })).refused;
    // 0 ends at 90, 10 at 100: 20 finds no room, 99 takes that of 0, 100 that of 10, 101 finds none.
    assertEquals(await refusedOf(0, 10, 20, 99), 1);
    assertEquals(await refusedOf(0, 10, 20, 99, 100), 1);
    assertEquals(await refusedOf(0, 10, 20, 99, 100, 101), 2);
  });

  it("knows users by the log, after the rules that know none", async () => {
    const user = (id: string) => ({ identity: { id } });
    const requests = [logged(0, user("a")), logged(1, user("a")), logged(2, user("b")), logged(3)];
    const report = await replay(requests, { rules: { rate: "1/min", key: byUser() } });
    assertEquals(report.rules[0].worst, [{ key: "a", refused: 1 }]);
    assertEquals(report.rules[0].asked, 3);
  });

  it("gives rules the headers that a log has", async () => {
    const requests = ["a", "a", "b"].map((name, i) => logged(i, { headers: { "x-tenant": name } }));
    const report = await replay(requests, { rules: { rate: "1/min", key: byHeader("x-tenant") } });
    assertEquals(report.rules[0].worst.length, 1);
    const byAgent: Rule = {
      rate: "1/min",
      unless: ({ request }) => request.headers.get("user-agent") === "bot",
    };
    const agents = ["bot", "bot", "me", "me"].map((userAgent, i) => logged(i, { userAgent }));
    assertEquals((await replay(agents, { rules: byAgent })).refused, 1);
  });

  it("waits for functions that answer later", async () => {
    const rules: Rule = { rate: () => Promise.resolve("1/min"), name: "later" };
    const report = await replay([logged(0), logged(1), logged(60_000)], { rules });
    assertEquals(report.refused, 1);
  });

  it("counts requests that cannot be decided, and says why", async () => {
    const report = await replay([logged(0, { address: null }), logged(1)], { rules: "1/min" });
    assertEquals([report.failed, report.rules[0].asked], [1, 1]);
    assert(report.limitations.some((text) => text.includes("the log has none for this request")));
  });

  it("gives back what the first stage took of a request that the second cannot decide", async () => {
    const slot: Rule = { rate: { limit: 1 }, algorithm: concurrency({ lease: 60 }), key: byGlobal() };
    const answered: Rule = { name: "answered", rate: "1/min", key: byGlobal(), count: "successes" };
    const byId: Rule = {
      name: "id",
      rate: "9/min",
      key: ({ identity }) => identity!.id,
      stage: "after-auth",
    };
    const requests = [logged(0), logged(1, { identity: { id: "a" }, durationMs: 5 })];
    for (const rule of [slot, answered]) {
      const { failed, refused } = await replay(requests, { rules: [rule, byId] });
      assertEquals([failed, refused], [1, 0]);
    }
  });

  it("counts as failed a request that no rule can be matched with, and goes on", async () => {
    const headers = { "bad name": "x" };
    const { failed, requests } = await replay([logged(0, { method: "OPTIONS", headers }), logged(1)], {
      rules: [{ name: "preflights", rate: "1/min", on: "OPTIONS /" }],
    });
    assertEquals([failed, requests], [1, 2]);
  });

  it("says when a few addresses carry nearly all requests", async () => {
    const school = Array.from({ length: 2000 }, (_, i) => logged(i, { address: `192.0.2.${1 + i % 5}` }));
    const { limitations } = await replay(school, { rules: "60/min" });
    assert(limitations.some((text) => text.startsWith("5 of 5 addresses sent 100 %")), limitations.join());
    const many = Array.from({ length: 2000 }, (_, i) => logged(i, { address: `198.51.100.${1 + i % 200}` }));
    assert(
      !(await replay(many, { rules: "60/min" })).limitations.some((text) => text.includes("addresses sent")),
    );
  });

  it("says when the log is shorter than the longest window", async () => {
    const hour = [logged(0), logged(3_599_000)];
    const shortOf = async (rules: Rule[]) =>
      (await replay(hour, { rules })).limitations.filter((text) => text.startsWith("The log covers less"));
    assertEquals(await shortOf([{ name: "day", rate: "9/day" }, { name: "minute", rate: "9/min" }]), [
      "The log covers less time than the longest window, 24 hours: a longer log may have more requests in one.",
    ]);
    assertEquals(await shortOf([{ rate: "9/3599s" }]), []);
    // A lease is no window.
    assertEquals(await shortOf([{ rate: { limit: 2 }, algorithm: concurrency({ lease: 86400 }) }]), []);
  });

  it("decides a request that is earlier than the one before it as one of the same time", async () => {
    const { refused } = await replay([logged(5000), logged(0), logged(5999), logged(6000)], {
      rules: "1/1s",
    });
    assertEquals(refused, 2);
  });

  it("reports an empty log", async () => {
    const report = await replay([], { rules: "1/min" });
    assertEquals([report.requests, report.from, report.rules[0].asked, report.limitations], [0, null, 0, []]);
  });

  it("refuses rules that production refuses", async () => {
    await assertRejects(() => replay([], { rules: "1/moon" }), Error, "Cannot use rule 1");
    await assertRejects(() => replay([], { rules: "1/min", option: {} } as never), TypeError, "option");
  });

  it("refuses requests that are none, as suggest does", async () => {
    const one = logged(0);
    const wrong: readonly (readonly [requests: unknown, why: RegExp])[] = [
      ...["access.log", null, undefined, 5, {}, Symbol("log")].map((given) =>
        [given, /must be a list/] as const
      ),
      ...[[null], [undefined], ["GET /"], [{}]].map((given) => [given, /at of each must be a time/] as const),
      ...[NaN, Infinity, 1e308, -9e15, "2026-11-29", new Date(0), null, 5n, Symbol("at")]
        .map((at) =>
          [[one, { ...one, at }], /at of each must be a time in epoch ms: current value/] as const
        ),
      [[{ ...one, method: Symbol("GET") }], /method of each must be a text/],
      [[{ ...one, url: undefined }], /url of each must be a text/],
      [[{ ...one, status: Symbol("200") }], /status of each must be a number where it has one/],
      [[{ ...one, address: 5 }], /address of each must be a text or null: current value is 5/],
    ];
    for (const [requests, why] of wrong) {
      const given = requests as readonly LoggedRequest[];
      for (const run of [() => replay(given, { rules: "1/min" }), () => suggest(given)]) {
        const { message } = await assertRejects(run, TypeError);
        assertMatch(message, why);
        assertMatch(message, /^Cannot use the requests of a log as /);
      }
    }
  });

  it("takes an address that is left out for none", async () => {
    const { address: _, ...without } = logged(0);
    const report = await replay([without as LoggedRequest, logged(1)], {
      rules: { name: "all", rate: "9/min" },
    });
    assertEquals([report.requests, report.clients, report.rules[0].asked], [2, 1, 1]);
    assertEquals((await suggest([without as LoggedRequest, logged(1)])).requests, 2);
  });

  it("takes any spelling of an address for the client that it names, as suggest does", async () => {
    const from = (address: string): LoggedRequest => ({ ...logged(0), address });
    const spellings: readonly (readonly [addresses: readonly string[], clients: readonly string[]])[] = [
      // As Node names clients of IPv4 on a socket of both: none of them is the client ::/64.
      [["::ffff:198.51.100.1", "::ffff:198.51.100.2", "198.51.100.1"], ["198.51.100.1", "198.51.100.2"]],
      [["198.51.100.1:50220", "198.51.100.1:50221"], ["198.51.100.1"]],
      [["[2001:db8::1]:443", "2001:DB8:0::2"], ["2001:db8::/64"]],
      [["pseudonym-1", "pseudonym-2"], ["pseudonym-1", "pseudonym-2"]],
      [["unix:", ""], []],
    ];
    for (const [addresses, clients] of spellings) {
      const requests = addresses.flatMap((address) => [from(address), from(address), from(address)]);
      const { rules: [{ worst }], failed } = await replay(requests, {
        rules: { name: "all", rate: "1/min" },
      });
      assertEquals([...worst].map(({ key }) => key).sort(), clients);
      assertEquals(failed, clients.length === 0 ? requests.length : 0);
      const { suggestions: [found] } = await suggest(requests, { windows: ["1min"] });
      assertEquals(found?.clients ?? 0, clients.length);
    }
  });
});
