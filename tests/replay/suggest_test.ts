/** Limits that logs suggest, against counts by hand. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "node:test";
import { byIp, byUser, createThrottle, fixedWindow, slidingLog } from "../../mod.ts";
import { type LoggedRequest, readLog, replay, suggest } from "../../src/replay/mod.ts";
import { combinedLog, type Hit, seeded, seededHits } from "./brute_force.ts";
import { chunksOf, debianLog, listOf } from "./logs.ts";

const WINDOWS: Readonly<Record<string, number>> = {
  "1s": 1000,
  "10s": 10_000,
  "1min": 60_000,
  "10min": 600_000,
  "1h": 3_600_000,
  "1d": 86_400_000,
};

/** The most requests of each client in any half-open window: counted from each of its requests on. */
function mostOf(hits: readonly Hit[], windowMs: number): number[] {
  return [...new Set(hits.map(({ client }) => client))].map((client) => {
    const times = hits.filter((hit) => hit.client === client).map(({ at }) => at);
    return Math.max(
      ...times.map((start) => times.filter((at) => at >= start && at < start + windowMs).length),
    );
  });
}

/** The smallest limit that at least this share of clients never exceeds: the first that is enough. */
function smallest(most: readonly number[], perMille: number): number {
  for (let limit = 1;; limit++) {
    if (most.filter((each) => each <= limit).length * 1000 >= perMille * most.length) return limit;
  }
}

const hitOf = (client: string, at: number): LoggedRequest => (
  { at, method: "GET", url: "http://localhost/", address: client }
);

describe("suggest", () => {
  it("finds the limits that a count by hand finds, for six windows and 20 seeds", async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const hits = seededHits(seed, 300);
      const { requests, suggestions } = await suggest(readLog(chunksOf(combinedLog(hits))));
      assertEquals(requests, 300);
      const expected = Object.entries(WINDOWS).map(([window, windowMs]) => {
        const most = mostOf(hits, windowMs);
        return [window, most.length, ...[500, 990, 999, 1000].map((perMille) => smallest(most, perMille))];
      });
      assertEquals(suggestions.map((s) => [s.window, s.clients, s.p50, s.p99, s.p999, s.max]), expected);
      assert(suggestions.every(({ key, route }) => key === "ip" && route === "*"));
    }
  });

  it("finds the limits that a count by hand finds on the logs that Debian's servers wrote", async () => {
    for (
      const name of ["nginx-combined", "apache-json", "haproxy-httplog", "caddy-json", "lighttpd-default"]
    ) {
      const list = (await listOf(readLog(debianLog(name)))).filter(({ address }) => address !== null);
      const hits = list.map(({ at, method, url, address }) => ({
        ...{ at, method, path: url.slice(url.indexOf("/", 8)) },
        client: address as string,
      }));
      const { suggestions } = await suggest(readLog(debianLog(name)), { keys: ["ip"] });
      for (const { window, p50, max, clients } of suggestions) {
        const most = mostOf(hits, WINDOWS[window]);
        assertEquals([clients, p50, max], [most.length, smallest(most, 500), smallest(most, 1000)], name);
      }
    }
  });

  it("has the whole curve: how many clients exceed each limit", async () => {
    const hits = seededHits(9, 400);
    const { suggestions } = await suggest(readLog(chunksOf(combinedLog(hits))));
    for (const { window, curve, max } of suggestions) {
      const most = mostOf(hits, WINDOWS[window]);
      assertEquals(curve.map(({ limit }) => limit), [...new Set(most)].sort((a, b) => a - b));
      for (const { limit, touched } of curve) {
        assertEquals(touched, most.filter((each) => each > limit).length);
      }
      assertEquals(curve[curve.length - 1], { limit: max, touched: 0 });
    }
    const many = Array.from(
      { length: 500 },
      (_, i) => Array.from({ length: i + 1 }, () => hitOf(`10.1.${i >> 8}.${i & 255}`, 0)),
    );
    const { suggestions: [{ curve }] } = await suggest(many.flat(), { windows: ["1s"] });
    assert(curve.length <= 200, String(curve.length));
    assertEquals(curve[curve.length - 1], { limit: 500, touched: 0 });
  });

  it("finds percentiles of thousands of clients exactly", async () => {
    const random = seeded(7);
    const counts = Array.from({ length: 3000 }, () => 1 + random(4) * random(4) * random(40));
    const requests = counts.flatMap((count, i) =>
      Array.from({ length: count }, () => hitOf(`10.0.${i >> 8}.${i & 255}`, 1000))
    );
    const { suggestions: [found] } = await suggest(requests, { windows: ["1s"] });
    assertEquals(
      [found.clients, found.p50, found.p99, found.p999, found.max],
      [3000, ...[500, 990, 999, 1000].map((perMille) => smallest(counts, perMille))],
    );
    assertEquals(found.touched, counts.filter((count) => count > found.p999).length);
  });

  it("keeps counting right when it lets go of old times", async () => {
    const times = Array.from({ length: 20_000 }, (_, i) => i * 100 + (i % 7));
    const { suggestions } = await suggest(times.map((at) => hitOf("192.0.2.1", at)), {
      windows: ["1s", "10s"],
    });
    const most = (ms: number) =>
      Math.max(
        ...times.slice(0, 500).map((t, i) => times.slice(i, i + 200).filter((at) => at < t + ms).length),
      );
    assertEquals(suggestions.map(({ max }) => max), [most(1000), most(10_000)]);
  });

  it("has half-open windows", async () => {
    const three = [0, 999, 1000].map((at) => hitOf("192.0.2.1", at));
    assertEquals((await suggest(three, { windows: ["1s"] })).suggestions[0].max, 2);
  });

  it("counts IPv6 by the network of a client, as byIp() does", async () => {
    const requests = ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"].map((address, i) => hitOf(address, i));
    const { suggestions: [found] } = await suggest(requests, { windows: ["1s"] });
    assertEquals([found.clients, found.max], [2, 2]);
  });

  it("counts each route for itself, in patterns of rules", async () => {
    const hits = seededHits(3, 300);
    const log = () => readLog(chunksOf(combinedLog(hits)));
    const { suggestions } = await suggest(log(), {
      windows: ["1min"],
      routes: ["POST /login", "/api/*", "*"],
    });
    const expected = [
      hits.filter(({ method, path }) => method === "POST" && path === "/login"),
      hits.filter(({ path }) => path.startsWith("/api/")),
      hits,
    ].map((some) => Math.max(...mostOf(some, 60_000)));
    assertEquals(suggestions.map(({ max }) => max), expected);
    assertEquals(suggestions.map(({ route }) => route), ["POST /login", "/api/*", "*"]);
  });

  it("suggests limits for users where the log names some", async () => {
    const requests = ["a", "a", "b"].map((id, i) => ({ ...hitOf("192.0.2.1", i), identity: { id } }));
    const { suggestions } = await suggest(requests, { windows: ["1s"] });
    assertEquals(suggestions.map(({ key, clients, max }) => [key, clients, max]), [["ip", 1, 3], [
      "user",
      2,
      2,
    ]]);
    const users = await suggest(requests, { windows: ["1s"], keys: ["user"] });
    assertEquals(users.suggestions.map(({ key }) => key), ["user"]);
  });

  it("writes rules that can be pasted, and that touch the clients that it says", async () => {
    const hits = seededHits(5, 400);
    const log = () => readLog(chunksOf(combinedLog(hits)));
    const { suggestions } = await suggest(log(), { routes: ["*", "/api/*"] });
    assertEquals(suggestions.length, 12);
    const pasted = suggestions.map(({ rule }) =>
      new Function("byIp", "byUser", `return ${rule}`)(byIp, byUser)
    );
    assertEquals(createThrottle(pasted, { unsafeStore: "ignore" }).rules.length, 12, "all of them together");
    for (const [i, { rule, touched, refused }] of suggestions.entries()) {
      const written = pasted[i];
      assertEquals(createThrottle(written, { unsafeStore: "ignore" }).rules.length, 1);
      const report = await replay(log(), { rules: { ...written, algorithm: slidingLog() } });
      assertEquals(report.refusedClients, touched, rule);
      assertEquals((await replay(log(), { rules: written })).refused, refused, rule);
    }
  });

  it("gives each rule a name that a rule may have, and that no other has, whatever its route and window", async () => {
    const routes = [
      "/a-b",
      "/a b",
      "/a'b",
      "*",
      `POST /${"organizations/:id/".repeat(5)}`,
      `/${"x".repeat(99)}`,
    ];
    const requests = ["/a-b", "/a%20b", "/a'b", `/${"x".repeat(99)}`].map((path, i) => ({
      ...hitOf("192.0.2.1", i),
      url: `http://localhost${path}`,
    }));
    requests.push({
      ...hitOf("192.0.2.1", 4),
      method: "POST",
      url: `http://localhost/${"organizations/7/".repeat(5)}`,
    });
    const { suggestions } = await suggest(requests, { routes, windows: ["1 min", "15 minutes", 1, "h"] });
    const pasted = suggestions.map(({ rule }) => new Function("byIp", `return ${rule}`)(byIp));
    assertEquals(createThrottle(pasted, { unsafeStore: "ignore" }).rules.length, routes.length * 4);
    assert(pasted.every(({ name }) => /-(1min|15minutes|1s|h)$/.test(name)));
    assertEquals(pasted[4].name, "ip-a-b-2-1min");
  });

  it("suggests limits under which nobody is refused, the smallest such for a sliding log", async () => {
    const hits = seededHits(11, 400);
    const log = () => readLog(chunksOf(combinedLog(hits)));
    for (const { window, max } of (await suggest(log(), { windows: ["10s", "10min"] })).suggestions) {
      for (const algorithm of [fixedWindow(), slidingLog()]) {
        assertEquals((await replay(log(), { rules: { rate: `${max}/${window}`, algorithm } })).refused, 0);
      }
      const tighter = { rate: `${max - 1}/${window}`, algorithm: slidingLog() };
      assert((await replay(log(), { rules: tighter })).refused > 0);
    }
  });

  it("says when the log is shorter than the longest window", async () => {
    const isShort = async (windows: string[]) =>
      (await suggest(readLog(chunksOf(combinedLog(seededHits(5, 400)))), { windows })).limitations.some((
        text,
      ) => text.startsWith("The log covers less time than the longest window"));
    assertEquals(await Promise.all([["1s"], ["1s", "365d"]].map(isShort)), [false, true]);
  });

  it("says where 99.9 % of the clients are all of them, so that its rules refuse nobody", async () => {
    const saysSo = async (clients: number) => {
      const hits = Array.from({ length: clients }, (_, i) => hitOf(`10.0.${i >> 8}.${i & 255}`, i));
      return (await suggest(hits)).limitations.some((text) => text.startsWith("Of fewer than 1000 clients"));
    };
    assertEquals([await saysSo(999), await saysSo(1000)], [true, false]);
  });

  it("takes windows in seconds, as rates do", async () => {
    const requests = [hitOf("192.0.2.1", 0), hitOf("192.0.2.1", 80_000)];
    const { suggestions } = await suggest(requests, { windows: [60, 90, 0.25] });
    assertEquals(suggestions.map(({ window, max, rule }) => [window, max, rule]), [
      ["1min", 1, '{ name: "ip-1min", rate: "1/min", key: byIp() }'],
      ["90s", 2, '{ name: "ip-90s", rate: "2/90s", key: byIp() }'],
      ["250ms", 1, '{ name: "ip-250ms", rate: "1/250ms", key: byIp() }'],
    ]);
    for (const window of [0, -1, NaN, Infinity, 0.0001]) {
      await assertRejects(
        () => suggest(requests, { windows: [window] }),
        RangeError,
        "each of its windows must be a whole number of ms, at least 1",
      );
    }
  });

  it("suggests nothing for an empty log", async () => {
    assertEquals(await suggest([]), { requests: 0, suggestions: [], limitations: [] });
  });

  it("refuses options that it cannot use", async () => {
    await assertRejects(() => suggest([], { windows: ["soon"] }), TypeError, "each of its windows must be");
    await assertRejects(
      () => suggest([], { windows: [] }),
      TypeError,
      "windows must be a list of at least one window",
    );
    await assertRejects(
      () => suggest([], { keys: ["jwt" as "ip"] }),
      TypeError,
      `at least one key, "ip", "user" or "api-key"`,
    );
    await assertRejects(() => suggest([], { routes: ["login"] }), TypeError, "login");
    await assertRejects(() => suggest([], { window: ["1s"] } as never), TypeError, "window");
  });
});
