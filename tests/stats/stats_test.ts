import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import parse from "parse-prometheus-text-format";
import {
  byHeader,
  createThrottle,
  gcra,
  type Handler,
  memoryStore,
  type Rule,
  type Stats,
  stats,
  type StatsOptions,
  type StatsReport,
  type Store,
  type ThrottleEvent,
  type ThrottleOptions,
} from "../../mod.ts";
import { prometheusText } from "../../src/stats/prometheus.ts";
import { faultyStore } from "../../src/testing/mod.ts";
import { fixSeed } from "../harness/fixed_seed.ts";
import { bytesInUse } from "../harness/memory.ts";

const HOUR_MS = 3_600_000;
/** The first ms of an hour. */
const START = 500_000 * HOUR_MS;

fixSeed();

interface Bench {
  now: number;
  readonly statistics: Stats;
  /** Sends a request, by default GET / from 192.0.2.1; gives the status. */
  send(path?: string, address?: string | null, method?: string): Promise<number>;
}

function bench(
  rules: Rule | readonly Rule[],
  options: StatsOptions = {},
  throttleOptions: ThrottleOptions = {},
  handler: Handler<[string | null]> = () => new Response("hello"),
): Bench {
  const self: Bench = {
    now: START,
    statistics: stats({ clock: () => self.now, ...options }),
    async send(path = "/", address = "192.0.2.1", method = "GET") {
      return (await handle(new Request(`https://example.com${path}`, { method }), address)).status;
    },
  };
  const handle = createThrottle(rules, {
    store: memoryStore({ clock: () => self.now }),
    observers: [self.statistics],
    client: { address: (_request, address) => address as string | null },
    ...throttleOptions,
  }).wrap(handler);
  return self;
}

const counts = (requests: number, refused = 0, shadow_refused = 0) => ({ requests, refused, shadow_refused });

/** Without prototypes, which records of a report do not have. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

function deniedBy(route: string, client: string): ThrottleEvent {
  return { type: "denied", at: START, method: "GET", route, rule: "all", key: client, decisions: [] };
}

describe("stats()", () => {
  it("has the current hour, the top lists and the endpoints", async () => {
    const { send, statistics } = bench([
      { name: "all", rate: "100/hour" },
      { name: "login", rate: "2/hour", on: "POST /login" },
    ], { showAddresses: true });
    for (let i = 0; i < 5; i++) await send("/login", "192.0.2.1", "POST");
    for (let i = 0; i < 4; i++) await send("/login", "2001:db8::1", "POST");
    await send("/", "2001:db8::2");
    const report = await statistics.read();
    assertEquals(plain(report.current_hour), {
      total_requests: 10,
      throttled_requests: 5,
      shadow_throttled_requests: 0,
      unique_ips: 2,
    });
    assertEquals(report.top_throttled_ips, [
      { ip: "192.0.2.1", refused: 3 },
      { ip: "2001:db8::/64", refused: 2 },
    ]);
    assertEquals(report.top_throttled_endpoints, [{ endpoint: "/login", refused: 5 }]);
    assertEquals(plain(report.by_endpoint), { "/login": counts(9, 5), "*": counts(1) });
  });

  describe("the keys that were refused most", () => {
    const rules: Rule[] = [
      { name: "user", rate: "2/hour", key: byHeader("x-user") },
      { name: "address", rate: "9/hour" },
      { name: "trial", rate: "1/hour", key: byHeader("x-user"), mode: "shadow" },
    ];
    /** As many requests of each user, from one address for all. */
    async function visits(
      options: StatsOptions,
      requests: Readonly<Record<string, number>>,
    ): Promise<StatsReport> {
      const self = bench(rules, options);
      const handle = createThrottle(rules, {
        store: memoryStore({ clock: () => self.now }),
        observers: [self.statistics],
        client: { address: () => "192.0.2.1" },
      }).wrap(() => new Response());
      for (const [user, count] of Object.entries(requests)) {
        for (let i = 0; i < count; i++) {
          await handle(new Request("https://example.com/", { headers: { "x-user": user } }));
        }
      }
      return await self.statistics.read();
    }

    it("are listed by rule, users among them, with revealKeys as they are", async () => {
      const { top_throttled_keys } = await visits({ revealKeys: true }, { ann: 5, ben: 4, cay: 3, dan: 9 });
      assertEquals(top_throttled_keys, [
        { rule: "user", key: "dan", refused: 7 },
        { rule: "user", key: "ann", refused: 3 },
        { rule: "user", key: "ben", refused: 2 },
        { rule: "user", key: "cay", refused: 1 },
      ]);
    });

    it("are hashes of them otherwise, also where addresses are shown", async () => {
      for (const options of [{}, { showAddresses: true }]) {
        const { top_throttled_keys } = await visits(options, { ann: 3, ben: 4 });
        assertEquals(top_throttled_keys.map(({ rule, refused }) => [rule, refused]), [["user", 2], [
          "user",
          1,
        ]]);
        for (const { key } of top_throttled_keys) assertMatch(key, /^[0-9a-f]{16}$/);
        assertEquals(new Set(top_throttled_keys.map(({ key }) => key)).size, 2);
      }
    });

    it("are so many of each rule, whichever rule refuses more", async () => {
      const counts = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`user ${i}`, 12 - i]));
      const { top_throttled_keys } = await visits({ revealKeys: true, top: 3 }, counts);
      const of = (name: string) =>
        top_throttled_keys.filter(({ rule }) => rule === name).map(({ key }) => key);
      assertEquals([of("user"), of("address").length, of("trial")], [["user 0", "user 1", "user 2"], 1, []]);
    });

    it("keep long keys apart, and short in memory", async () => {
      const long = (end: string) => "k".repeat(8000) + end;
      const { top_throttled_keys } = await visits({ revealKeys: true }, { [long("a")]: 4, [long("b")]: 5 });
      const keys = top_throttled_keys.map(({ key }) => key);
      assertEquals(keys.map((key) => [key.length, key.slice(0, 100)]), Array(2).fill([128, "k".repeat(100)]));
      assertEquals(new Set(keys).size, 2);
    });

    it("are forgotten with their hour", async () => {
      const self = bench({ name: "all", rate: "1/min" }, { revealKeys: true });
      for (let i = 0; i < 2; i++) await self.send();
      assertEquals((await self.statistics.read()).top_throttled_keys.length, 1);
      self.now += 24 * HOUR_MS;
      assertEquals((await self.statistics.read()).top_throttled_keys, []);
    });
  });

  it("counts by rule, with the near misses, by method and by status", async () => {
    const { send, statistics } = bench(
      [
        { name: "all", rate: "20/hour" },
        { name: "trial", rate: "1/hour", mode: "shadow" },
      ],
      {},
      {},
      (request) => new Response(null, { status: request.url.endsWith("?") ? 500 : 204 }),
    );
    for (let i = 0; i < 20; i++) await send();
    for (let i = 0; i < 3; i++) await send("/", "192.0.2.1", "PUT");
    await send("/?", "192.0.2.2");
    const report = await statistics.read();
    assertEquals(plain(report.by_rule), {
      all: { ...counts(24, 3), near_limit: 3, limit: 20, window_ms: HOUR_MS, mode: "enforce" },
      trial: { ...counts(24, 0, 22), near_limit: 2, limit: 1, window_ms: HOUR_MS, mode: "shadow" },
    });
    assertEquals(plain(report.by_method), { GET: counts(21, 0, 19), PUT: counts(3, 3, 3) });
    assertEquals(plain(report.by_status), { 204: 20, 429: 3, 500: 1 });
    assertEquals(report.last_24_hours.shadow_throttled_requests, 22);
  });

  it("counts as near the limit by what the burst leaves, where that is less than the limit", async () => {
    const { send, statistics } = bench([
      { name: "small", rate: "100/hour", algorithm: gcra({ burst: 5 }) },
      { name: "large", rate: "10/hour", algorithm: gcra({ burst: 50 }) },
    ]);
    for (let i = 0; i < 5; i++) await send();
    const { by_rule } = await statistics.read();
    assertEquals([by_rule.small.near_limit, by_rule.large.near_limit], [1, 0]);
  });

  it("keeps minutes and hours apart for 24 hours, and then forgets them", async () => {
    const self = bench({ name: "all", rate: "2/hour" });
    for (let i = 0; i < 3; i++) await self.send("/", "192.0.2.1");
    self.now += 59_999;
    await self.send("/", "192.0.2.2");
    self.now += 1;
    await self.send("/", "192.0.2.1");
    self.now += HOUR_MS;
    await self.send("/", "192.0.2.3");

    let { minutes, hours, current_hour, last_24_hours } = await self.statistics.read();
    const busy = (slots: StatsReport["hours"]) =>
      slots.filter(({ requests }) => requests > 0).map((slot) => [
        slot.start - START,
        slot.requests,
        slot.refused,
        slot.unique_clients,
      ]);
    assertEquals([minutes.length, hours.length], [1440, 24]);
    assertEquals(busy(minutes), [[0, 4, 1, 2], [60_000, 1, 1, 1], [HOUR_MS + 60_000, 1, 0, 1]]);
    assertEquals(busy(hours), [[0, 5, 2, 2], [HOUR_MS, 1, 0, 1]]);
    assertEquals(plain(minutes.find(({ start }) => start === START)?.by_rule), {
      all: { ...counts(4, 1), near_limit: 1 },
    });
    assertEquals([current_hour.total_requests, last_24_hours.total_requests], [1, 6]);
    assertEquals(last_24_hours.unique_ips, 3);
    assertEquals(minutes.at(-1)?.start, START + HOUR_MS + 60_000, "The last minute is the current one.");
    assertEquals((await self.statistics.read({ minutes: 2 })).minutes, minutes.slice(-2));

    self.now = START + 24 * HOUR_MS;
    ({ minutes, hours, current_hour, last_24_hours } = await self.statistics.read());
    assertEquals(busy(hours), [[HOUR_MS, 1, 0, 1]]);
    assertEquals(busy(minutes), [[60_000, 1, 1, 1], [HOUR_MS + 60_000, 1, 0, 1]]);
    self.now = START + 49 * HOUR_MS;
    await self.send();
    const report = await self.statistics.read();
    assertEquals(report.last_24_hours.total_requests, 1);
    assertEquals(
      [report.instance.requests, report.instance.since],
      [7, START],
      "The instance's own sums only grow.",
    );
  });

  it("survives a clock that is set back or forth", async () => {
    const self = bench({ name: "all", rate: "1000/hour" });
    for (
      const stepMs of [0, -1, -60_000, -30 * 60_000, -5 * HOUR_MS, 30 * HOUR_MS, -26 * HOUR_MS, 26 * HOUR_MS]
    ) {
      self.now += stepMs;
      await self.send();
    }
    const report = await self.statistics.read();
    assertEquals(report.instance.requests, 8);
    assertLessOrEqual(report.last_24_hours.total_requests, 8);
    assertEquals(report.current_hour.total_requests, 2);
  });

  it("shows clients as short keyed hashes unless asked for addresses", async () => {
    for (const showAddresses of [false, true]) {
      const { send, statistics } = bench({ name: "all", rate: "0/hour" }, { showAddresses });
      for (let i = 0; i < 3; i++) await send("/", "192.0.2.1");
      const report = await statistics.read();
      const [{ ip, refused }] = report.top_throttled_ips;
      assertEquals(refused, 3);
      if (showAddresses) assertEquals(ip, "192.0.2.1");
      else {
        assertMatch(ip, /^[0-9a-f]{16}$/);
        assert(!JSON.stringify(report).includes("192.0.2.1"));
      }
    }
  });

  it("takes clients without an address for what the first rule takes them, and never shows that", async () => {
    const { send, statistics } = bench(
      { name: "all", rate: "0/hour", key: ({ request }) => request.url },
      { showAddresses: true },
    );
    for (const path of ["/a", "/b", "/a"]) await send(path, null);
    const report = await statistics.read();
    assertEquals(report.current_hour.unique_ips, 2);
    assertEquals(report.top_throttled_ips.map(({ refused }) => refused), [2, 1]);
    for (const { ip } of report.top_throttled_ips) assertMatch(ip, /^[0-9a-f]{16}$/);
  });

  it("counts a request though finding its address fails", async () => {
    const { send, statistics } = bench({ name: "all", rate: "5/hour", key: () => "k" }, {}, {
      client: {
        address() {
          throw new Error("no address today");
        },
      },
    });
    assertEquals(await send(), 200);
    assertEquals((await statistics.read()).current_hour.total_requests, 1);
  });

  it("says how the store is doing", async () => {
    let fails = true;
    const store: Store = {
      shared: true,
      decide: (checks, spend) => {
        if (fails) throw new Error("the store is gone");
        return memory.decide(checks, spend);
      },
    };
    const memory = memoryStore();
    const { send, statistics } = bench({ name: "all", rate: "5/hour", onStoreFailure: "deny" }, {}, {
      store,
    });
    assertEquals((await statistics.read()).store, {
      state: "working",
      since: null,
      failures: 0,
      error: null,
    });
    assertEquals(await send(), 503);
    const { store: health, by_status } = await statistics.read();
    assertEquals([health.state, health.failures, health.error], ["failing", 1, "the store is gone"]);
    assertGreater(health.since ?? 0, 0);
    assertEquals(plain(by_status), { 503: 1 });
    fails = false;
    assertEquals(await send(), 200);
    const healed = (await statistics.read()).store;
    assertEquals([healed.state, healed.failures, healed.error], ["working", 1, "the store is gone"]);
  });

  it("says that the store fails while any part of it does", async () => {
    const memory = memoryStore();
    const failing = new Set<string>();
    const store: Store = {
      shared: true,
      partOf: ({ policy: { name } }) => ({ name }),
      decide(checks, spend) {
        const part = checks.find(({ policy }) => failing.has(policy.name))?.policy.name;
        if (part !== undefined) throw new Error(`${part} is gone`);
        return memory.decide(checks, spend);
      },
    };
    const rules = ["east", "west"].map((name) => ({ name, rate: "50/hour", on: `/${name}` }));
    const { send, statistics } = bench(rules, {}, { store });
    async function health(...names: string[]): Promise<unknown[]> {
      failing.clear();
      for (const name of names) failing.add(name);
      for (const { on } of rules) await send(on);
      const { state, failures, error } = (await statistics.read({ minutes: 0 })).store;
      return [state, failures, error];
    }
    assertEquals(await health("east", "west"), ["failing", 2, "west is gone"]);
    const { since } = (await statistics.read({ minutes: 0 })).store;
    assertEquals(await health("west"), ["failing", 2, "west is gone"]);
    assertEquals((await statistics.read({ minutes: 0 })).store.since, since);
    assertEquals(await health(), ["working", 2, "west is gone"]);
  });

  it("says how the store is doing though the throttle was made during an outage", async () => {
    const store = faultyStore(memoryStore());
    store.fault = "reject";
    await bench({ name: "first", rate: "50/hour" }, {}, { store }).send();
    const { send, statistics } = bench({ name: "late", rate: "50/hour" }, {}, { store });
    store.fault = null;
    await send();
    assertEquals((await statistics.read({ minutes: 0 })).store.state, "working");
    store.fault = "reject";
    await send();
    assertEquals((await statistics.read({ minutes: 0 })).store.state, "failing");
  });

  it("takes a rule named __proto__, and is JSON", async () => {
    const { send, statistics } = bench({ name: "__proto__", rate: "5/hour" });
    await send();
    const report = await statistics.read();
    assertEquals(Object.keys(report.by_rule), ["__proto__"]);
    assert(JSON.stringify(report).includes('"__proto__":{"requests":1'));
  });

  it("peeks and preflights are nobody's requests", async () => {
    const { statistics } = bench({ name: "all", rate: "5/hour" });
    const throttle = createThrottle("5/hour", {
      observers: [statistics],
      client: { address: () => "192.0.2.1" },
    });
    await throttle.peek(new Request("https://example.com/"));
    await throttle.check(
      new Request("https://example.com/", {
        method: "OPTIONS",
        headers: { origin: "https://example.org", "access-control-request-method": "PUT" },
      }),
    );
    assertEquals((await statistics.read()).instance.requests, 0);
  });

  it("refuses what it cannot use, with the value", async () => {
    assertThrows(
      () => stats({ top: 0 }),
      RangeError,
      "top must be an integer from 1 to 100: current value is 0",
    );
    assertThrows(
      () => stats({ store: memoryStore() }),
      TypeError,
      "store must be one that instances can share",
    );
    assertThrows(() => stats({ addresses: true } as never), TypeError, 'current value is "addresses"');
    await assertRejects(() => stats().read({ minutes: 1441 }), RangeError, "current value is 1441");
  });
});

describe("bounded memory", () => {
  /** A million different clients, routes, rules and methods, of which some come over and over. */
  function flood(statistics: Stats, from: number, to: number): void {
    for (let i = from; i < to; i++) {
      statistics(deniedBy(`/flood/${i}`, `client ${i}`));
      if (i % 20 < 10) statistics(deniedBy(`/heavy/${i % 20}`, `heavy ${i % 20}`));
    }
  }

  it("a million clients and routes: memory flat, the top 10 right, uniques within 2 %", async () => {
    const statistics = stats({ clock: () => START, showAddresses: true });
    flood(statistics, 0, 100_000);
    const before = await bytesInUse();
    flood(statistics, 100_000, 1_000_000);
    assertLess(await bytesInUse() - before, 500_000, "Ten times the clients and routes take no more memory.");
    const report = await statistics.read({ minutes: 1 });
    assertEquals(report.current_hour.total_requests, 1_500_000);
    assertLess(Math.abs(report.current_hour.unique_ips / 1_000_010 - 1), 0.02);
    assertLess(Math.abs(report.minutes[0].unique_clients / 1_000_010 - 1), 0.02);
    const heavy = (names: string[]) => names.sort();
    const wanted = Array.from({ length: 10 }, (_, i) => String(i));
    assertEquals(heavy(report.top_throttled_ips.map(({ ip }) => ip)), wanted.map((i) => `heavy ${i}`));
    assertEquals(
      heavy(report.top_throttled_endpoints.map(({ endpoint }) => endpoint)),
      wanted.map((i) => `/heavy/${i}`),
    );
    for (const { refused } of report.top_throttled_ips) {
      assertLessOrEqual(refused, 50_000);
      assertGreater(refused, 45_000);
    }
    assertEquals(
      report.top_throttled_keys.map(({ refused }) => refused),
      report.top_throttled_ips.map(({ refused }) => refused),
    );
  });

  it("names beyond the most are counted together as (other)", async () => {
    const statistics = stats({ clock: () => START });
    for (let i = 0; i < 1000; i++) {
      const event = deniedBy(`/route/${i}`, "c");
      const decision = {
        rule: `rule-${i}`,
        limit: 1,
        windowMs: 1,
        mode: "enforce",
        allowed: true,
        remaining: 1,
      };
      statistics({ ...event, method: `M${i}`, decisions: [decision as ThrottleEvent["decisions"][number]] });
      statistics.answered(i);
    }
    const report = await statistics.read();
    assertEquals(plain(report.by_method), { "(other)": counts(1000, 1000) });
    for (const [record, most] of [[report.by_endpoint, 200], [report.by_rule, 100]] as const) {
      assertEquals(Object.keys(record).length, most + 1);
      assertEquals(record["(other)"].requests, 1000 - most);
    }
    assertEquals(report.by_status["(other)"], 1000 - 60);
  });
});

describe("Prometheus text", () => {
  it("is what a real parser reads", async () => {
    const { send, statistics } = bench([{ name: "all", rate: "3/hour" }, {
      name: "trial",
      rate: "1/hour",
      mode: "shadow",
      on: "GET /items/:id",
    }]);
    for (let i = 0; i < 5; i++) await send(`/items/${i}`);
    const text = prometheusText(await statistics.read());
    assertMatch(text, /^# HELP weir_requests_total .*\n# TYPE weir_requests_total counter\n/);
    assert(text.endsWith("\n"));
    const values = parse(text).flatMap(({ name, type, metrics }) =>
      metrics.map((
        { labels = {}, value },
      ) => [`${type.toLowerCase()} ${name} ${Object.values(labels).join(" ")}`.trim(), value])
    );
    assertEquals(Object.fromEntries(values), {
      "counter weir_requests_total allowed": "3",
      "counter weir_requests_total refused": "2",
      "counter weir_shadow_refused_requests_total": "4",
      "counter weir_rule_decisions_total all allowed": "3",
      "counter weir_rule_decisions_total all refused": "2",
      "counter weir_rule_decisions_total all shadow-refused": "0",
      "counter weir_rule_decisions_total trial allowed": "1",
      "counter weir_rule_decisions_total trial refused": "0",
      "counter weir_rule_decisions_total trial shadow-refused": "4",
      "counter weir_rule_near_limit_total all": "1",
      "counter weir_rule_near_limit_total trial": "1",
      "gauge weir_rule_limit all": "3",
      "gauge weir_rule_limit trial": "1",
      "counter weir_route_requests_total /items/:id allowed": "3",
      "counter weir_route_requests_total /items/:id refused": "2",
      "counter weir_method_requests_total GET allowed": "3",
      "counter weir_method_requests_total GET refused": "2",
      "counter weir_responses_total 200": "3",
      "counter weir_responses_total 429": "2",
      "gauge weir_unique_clients current_hour": "1",
      "gauge weir_unique_clients last_24_hours": "1",
      "gauge weir_store_failing": "0",
      "counter weir_store_failures_total": "0",
    });
  });

  it("keeps any route whole in its label", async () => {
    const text = fc.string({
      unit: fc.constantFrom('"', "\\", "\n", "{", "}", "=", ",", " ", "#", "a", "é", "n", ":"),
    });
    await fc.assert(fc.asyncProperty(text, async (route) => {
      const statistics = stats();
      statistics(deniedBy(route, "c"));
      const families = parse(prometheusText(await statistics.read({ minutes: 0 })));
      const family = families.find(({ name }) => name === "weir_route_requests_total");
      assertEquals(family?.metrics.map(({ labels }) => labels?.route), [route, route]);
    }));
  });

  it("of no traffic at all is valid, too", async () => {
    assertGreater(parse(prometheusText(await stats().read())).length, 3);
  });
});
