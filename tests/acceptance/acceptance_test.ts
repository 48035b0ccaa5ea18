/**
 * Every row of the two documents that Weir was made from, by name: D001 to D160 is django-modern-rest's page on
 * throttling, S001 to S112 a guide to rate limiting in Django REST Framework. A row is shown here, or by a test of
 * another file whose title or words name it, or it has a reason: what stands in its place.
 */
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { readdirSync, readFileSync } from "node:fs";
import { after, describe, it } from "node:test";
import {
  byApiKey,
  byHeader,
  byIp,
  byUser,
  concurrency,
  createThrottle,
  DAY,
  errorJson,
  fixedWindow,
  gcra,
  HOUR,
  type Identity,
  leakyBucket,
  logTo,
  memoryStore,
  MINUTE,
  type Rate,
  rateLimit,
  retryAfter,
  SECOND,
  slidingLog,
  slidingWindow,
  stats,
  tokenBucket,
  withThrottle,
  xRateLimit,
} from "../../mod.ts";
import presets from "../../examples/presets.ts";
import { Hono } from "hono";
import { dashboard } from "../../src/dashboard/mod.ts";
import { byJwt } from "../../src/auth/mod.ts";
import { redisStore } from "../../src/stores/redis/mod.ts";
import { upstashStore } from "../../src/stores/upstash/mod.ts";
import { requestTo, SOMEBODY, START, throttled } from "../harness/throttled.ts";

/** Rows that are an idiom of Python or a warning, or that name no behaviour: what stands in their place. */
const REASONS: Readonly<Record<string, string>> = {
  D002: "README and docs/operating.md say to limit in the HTTP proxy too, where that is possible.",
  D003:
    "One function for both: handlers, keys and stores may return a value; maybe.ts keeps them synchronous.",
  D004: "One function for both: handlers, keys and stores may return a promise.",
  D031: "The sample's other headers are Django's; Weir adds only what its header formats name.",
  D037: "The default store is memoryStore(); no framework's cache is needed.",
  D038: "One Store interface; decide may return a promise.",
  D040: "A store is passed in; there are no named caches.",
  D047: "Stores: memory, Upstash, Redis; each works for synchronous and asynchronous handlers alike.",
  D048: "docs/choosing.md, A store: a table of what each store guarantees.",
  D049:
    "docs/choosing.md, A store: N processes let N times the limit pass; unsafe_store_test shows the warning.",
  D050:
    "A store that keeps nothing limits nothing; docs/choosing.md names the stores that count. There is no dummy store.",
  D065:
    "docs/choosing.md, An algorithm: gcra for abuse-sensitive endpoints; the presets example uses it for logins.",
  D071: "docs/security.md: proxies must set their header right.",
  D093: "docs/security.md: an account rule beside the address rule; block is Weir's own brute-force penalty.",
  D098:
    "README's table of answers names X-RateLimit beside the IETF fields; xRateLimit()'s page says it is no standard.",
  D110: "docs/security.md: the proxy must set its header right.",
  D111: "docs/security.md: trustedProxies as ranges or hops; client_address_test has the cases.",
  D112: "docs/security.md: never key on what a client writes, such as User-Agent.",
  D113: "docs/security.md: narrow keys, and an account rule beside the address rule.",
  D116: "Reports are synchronous when the store is: one label() for both.",
  D118: "Nothing has to be declared for headers to be sent.",
  D123: "One question to the store for all rules: redis_store_test counts one command.",
  D124: "Headers come from the decision itself: reporting asks the store nothing.",
  D125: "A store's error takes the failure policy; nothing propagates: outage_test.",
  D138: "One class of throttle for synchronous and asynchronous handlers.",
  D143: "One Store interface; decide may return a promise.",
  D144: "memoryStore() takes maxKeys and clock instead of a cache's name.",
  D145: "A console warning, once: unsafe_store_test.",
  S089: "Connections and pools are the client's own; retries are off, as a retry may charge twice.",
  S092: "Parsers are the client's own.",
  S093: "logTo() takes any logger; rotation is the logger's.",
  S103: "docs/choosing.md, A key: byUser() exempts staff and superusers unless told otherwise.",
  S106: "docs/choosing.md, A store: Redis where several processes share the traffic.",
  S107: "These tests.",
  S108: "docs/choosing.md, A rate: a table by kind of endpoint.",
  S110:
    "docs/choosing.md, A rate: a limit that legitimate users meet is an outage; answers say when to come back.",
  S111: "docs/choosing.md, A store: memory or Redis; no store is made on a database.",
};

const shown = new Set<string>();

/** A test that shows rows. */
function row(ids: string, sentence: string, test: () => void | Promise<void>): void {
  for (const id of ids.split(" ")) shown.add(id);
  it(`${ids}: ${sentence}`, test);
}

const json = async (response: Response) => await response.json();
const identify = (request: Request): Identity | null => {
  const id = request.headers.get("x-user");
  const tier = request.headers.get("x-tier");
  if (id === null) return null;
  return { id, staff: id === "staff", superuser: id === "root", ...(tier === null ? {} : { tier }) };
};
const authenticate = ({ request }: { request: Request }) => identify(request);
const as = (user: string, more: Record<string, string> = {}) => ({ headers: { "x-user": user, ...more } });

describe("purpose, levels, rates", () => {
  row("D001 S001", "requests above a rate are refused with 429 and do not reach the handler", async () => {
    const { statuses, served } = throttled("2/min");
    assertEquals(await statuses(4), [200, 200, 429, 429]);
    assertEquals(served.length, 2);
  });
  row("D032 D033 D034 D132", "a rate is a number of requests and a window in seconds, by name", async () => {
    const { statuses, clock } = throttled({ limit: 5, window: 10 });
    assertEquals(await statuses(6), [200, 200, 200, 200, 200, 429]);
    clock.now += 10_000;
    assertEquals(await statuses(1), [200]);
  });
  row("D035", "the units are constants, in seconds", () => {
    assertEquals([SECOND, MINUTE, HOUR, DAY], [1, 60, 3600, 86400]);
    assertEquals(createThrottle({ limit: 1, window: 2 * MINUTE }).rules[0].windowMs, 120_000);
  });
  row(
    "D133",
    "a throttle that is asked without a handler answers, and an own answer may have any status",
    async () => {
      const { throttle } = throttled("1/min", { reject: () => new Response("come back", { status: 420 }) });
      const first = await throttle.check(requestTo());
      assertEquals([first.allowed, first.response], [true, null]);
      const second = await throttle.check(requestTo());
      assertEquals([second.allowed, second.response?.status], [false, 420]);
    },
  );
});

describe("stores", () => {
  row(
    "D036 D039 D043 S088 S090",
    "a store keeps the counts, is made with options, and takes a client of one's own",
    () => {
      assertEquals(memoryStore({ maxKeys: 10, clock: () => 0 }).shared, false);
      const commands = { evalsha: () => Promise.resolve(null), eval: () => Promise.resolve(null) };
      const client = { ...commands, del: () => Promise.resolve(0), call: () => Promise.resolve(null) };
      assertEquals(redisStore({ client: client as never, prefix: "throttle" }).shared, true);
      assertEquals(upstashStore({ url: "https://redis.example", token: "t" }).shared, true);
    },
  );
  row("D041 D054", "each throttle has its own store, and its own word on unsafe ones", async () => {
    const one = throttled("1/min", { unsafeStore: "ignore" });
    const other = throttled("1/min", { unsafeStore: "warn" });
    assertEquals([await one.statuses(2), await other.statuses(1)], [[200, 429], [200]]);
  });
  row(
    "D046 D140 D141 D142",
    "a store of one's own has one verb, decide, which reads or charges",
    async () => {
      const used = new Map<string, number>();
      const { throttle, statuses } = throttled("2/min", {
        store: {
          shared: false,
          decide: (checks, spend = true) =>
            checks.map(({ key, policy, cost }) => {
              const before = used.get(key) ?? 0;
              const allowed = before + cost <= policy.limit;
              if (spend && allowed) used.set(key, before + cost);
              const remaining = policy.limit - (used.get(key) ?? 0);
              return {
                ...{ rule: policy.name, limit: policy.limit, windowMs: policy.windowMs, mode: policy.mode },
                ...{ cost, allowed, remaining, resetAfterMs: 1000, retryAfterMs: allowed ? 0 : 1000 },
                ...{ blockedMs: 0, source: "store" as const, at: START },
              };
            }),
        },
      });
      assertEquals(await statuses(3), [200, 200, 429]);
      assertEquals((await throttle.peek(requestTo()))[0].remaining, 0);
    },
  );
  row("D051", "the memory store is exact in its process and runs every algorithm", async () => {
    for (const algorithm of [fixedWindow(), gcra(), slidingLog(), slidingWindow()]) {
      assertEquals(await throttled({ rate: "2/min", algorithm }).statuses(3), [200, 200, 429]);
    }
  });
  row(
    "S036 S038 D135 D121",
    "a storage key is the rule's name and the key of its kind: rules never share a counter",
    async () => {
      const { send } = throttled([
        { name: "per-minute", rate: "5/min", key: byIp() },
        { name: "per-route", rate: "5/min", on: "/a", key: byIp() },
        { name: "per-user", rate: "5/min", key: byUser() },
      ], { authenticate });
      await send("/a", as(SOMEBODY));
      await send("/b", as(SOMEBODY));
      const response = await send("/a", as(SOMEBODY));
      assertEquals(response.headers.get("x-ratelimit-remaining"), "2");
    },
  );
});

describe("algorithms", () => {
  row("D058 D066", "the default is a fixed window", () => {
    assertEquals(createThrottle("1/min").rules[0].algorithm, "fixed-window");
  });
  row("D060 D067", "each rule has its own algorithm; leaky bucket and token bucket are gcra", () => {
    assert(leakyBucket === gcra && tokenBucket === gcra);
    const rules = createThrottle(["1/min", { rate: "1/min", algorithm: leakyBucket() }]).rules;
    assertEquals(rules.map(({ algorithm }) => algorithm), ["fixed-window", "gcra"]);
  });
  row("D063", "gcra lets no 2N pass at an edge: N at once, and then one by one as they drain", async () => {
    const { statuses, clock } = throttled({ rate: "5/min", algorithm: gcra() });
    assertEquals(await statuses(6), [200, 200, 200, 200, 200, 429]);
    clock.now += 12_000;
    assertEquals(await statuses(2), [200, 429]);
  });
  row("D068 S018", "login by leaky bucket, five a quarter of an hour", async () => {
    const { statuses, clock } = throttled({ rate: "5/15min", algorithm: leakyBucket(), on: "POST /login" });
    assertEquals(await statuses(6, "POST /login"), [200, 200, 200, 200, 200, 429]);
    clock.now += 180_000;
    assertEquals(await statuses(2, "POST /login"), [200, 429]);
  });
  row("D147", "rules of several algorithms on one store do not mind each other", async () => {
    const { statuses } = throttled([
      { rate: "3/min", algorithm: gcra() },
      { rate: "2/min", algorithm: slidingLog() },
    ]);
    assertEquals(await statuses(3), [200, 200, 429]);
  });
  row("D137 D139 D150", "usage is read without counting, and with the leak applied", async () => {
    const { throttle, clock, statuses } = throttled({ name: "r", rate: "3/9s", algorithm: gcra() });
    await statuses(3);
    assertEquals((await throttle.usage("r", SOMEBODY)).remaining, 0);
    clock.now += 6_000;
    for (let i = 0; i < 3; i++) assertEquals((await throttle.usage("r", SOMEBODY)).remaining, 2);
  });
  row(
    "D149 D151 D152",
    "a step gets the state and gives the new one: integers, requests in units of the window",
    () => {
      const algorithm = gcra();
      const policy = { name: "r", limit: 3, windowMs: 10_000, mode: "enforce" } as const;
      let state: unknown = null;
      for (const allowed of [true, true, true, false]) {
        const step = algorithm.step(state, policy, START, 1, null);
        assertEquals(step.allowed, allowed);
        state = step.state;
      }
      assertEquals((state as number[])[0], 30_000);
    },
  );
});

describe("keys", () => {
  row("D069 D070 D153 D154", "the default key is the peer's address, before authentication", () => {
    const [rule] = createThrottle("1/min").rules;
    assertEquals([rule.name, rule.stage], ["ip.1-per-1min", "before-auth"]);
    assertEquals([byIp().keyName, byUser().keyName], ["ip", "user"]);
  });
  row("D072", "a key gives a string or null; anything else is an error of its function", async () => {
    const { send } = throttled({ rate: "1/min", key: () => undefined as never });
    let message = "";
    await send().catch((error: Error) => message = error.message);
    assert(message.includes("a string or null"), message);
  });
  row("D075 D159 D160 D109", "the keys and header formats that ship", () => {
    for (const key of [byIp(), byUser(), byHeader("x-a"), byApiKey(), byJwt()]) {
      assertEquals(typeof key, "function");
    }
    for (const format of [xRateLimit(), retryAfter(), rateLimit()]) {
      assertEquals(typeof format.write, "function");
    }
  });
  row("D081", "an API key is hashed whole before it is kept", async () => {
    const seen: string[] = [];
    const { send } = throttled({ rate: "1/min", key: byApiKey({ verify: () => true }) }, {
      revealKeys: true,
      observers: [(event) => event.key && seen.push(event.key)],
    });
    for (let i = 0; i < 2; i++) await send("/", { headers: { "x-api-key": "secret-key" } });
    assert(/^api-key:[0-9a-f]{64}$/.test(seen[0]), seen[0]);
  });
  row(
    "S010 S025 S026 S027 S028 D007",
    "a rule is bound to its endpoints when it is made: no handler can miss it",
    async () => {
      const { statuses } = throttled([
        { name: "order_create", rate: "1/hour", on: "POST /orders" },
        { name: "order_list", rate: "2/hour", on: "GET /orders" },
      ]);
      assertEquals(await statuses(2, "POST /orders"), [200, 429]);
      assertEquals(await statuses(3, "GET /orders"), [200, 200, 429]);
    },
  );
  row(
    "S016 S041 S042 S043",
    "address rules for all, for anonymous requests, and user rules add up",
    async () => {
      const { statuses } = throttled([
        { name: "burst", rate: "7/min" }, // charged before the others are asked
        { name: "anon", rate: "2/min", key: byIp({ anonymousOnly: true }) },
        { name: "user", rate: "4/min", key: byUser() },
      ], { authenticate });
      assertEquals(await statuses(3), [200, 200, 429]);
      assertEquals(await statuses(5, "/", as("ann")), [200, 200, 200, 200, 429]);
    },
  );
  row(
    "S017 S039 S112",
    "a forged X-Forwarded-For changes nothing; the entry of the trusted proxy does",
    async () => {
      const peer = { remoteAddr: { transport: "tcp", hostname: "10.0.0.1", port: 1 } };
      const ask = (handler: ReturnType<typeof withThrottle<[unknown]>>, forwarded: string) =>
        handler(new Request("https://api.example/", { headers: { "x-forwarded-for": forwarded } }), peer);
      const plain = withThrottle<[unknown]>(() => new Response(), "1/min");
      assertEquals([(await ask(plain, "6.6.6.6")).status, (await ask(plain, "7.7.7.7")).status], [200, 429]);
      const proxied = withThrottle<[unknown]>(() => new Response(), "1/min", {
        client: { trustedProxies: 1 },
      });
      const answers = ["6.6.6.6, 192.0.2.1", "7.7.7.7, 192.0.2.1", "6.6.6.6, 192.0.2.2"];
      const statuses: number[] = [];
      for (const forwarded of answers) statuses.push((await ask(proxied, forwarded)).status);
      assertEquals(statuses, [200, 429, 200]);
    },
  );
  row("S037", "a key is pure: it is asked once a request, and decides nothing", async () => {
    let asked = 0;
    const { statuses } = throttled({ rate: "2/min", key: () => `${++asked > 0}` });
    assertEquals(await statuses(3), [200, 200, 429]);
    assertEquals(asked, 3);
  });
  row("S044 S096", "staff are exempt, others go by the user rule", async () => {
    const { statuses } = throttled({ rate: "101/hour", key: byUser() }, { authenticate });
    assert((await statuses(200, "/", as("staff"))).every((status) => status === 200));
    assertEquals((await statuses(102, "/", as("ann"))).indexOf(429), 101);
  });
  row("S045", "tiers: the rate by plan, one quota a user", async () => {
    const tiers: Record<string, Rate> = {
      free: "1/hour",
      basic: "2/hour",
      pro: "3/hour",
      enterprise: "4/hour",
    };
    const { statuses } = throttled({
      rate: ({ identity }) => tiers[identity?.tier ?? "free"] ?? "1/hour",
      key: byUser(),
    }, { authenticate });
    assertEquals(await statuses(2, "/", as("ann")), [200, 429]);
    assertEquals(await statuses(3, "/", as("ben", { "x-tier": "basic" })), [200, 200, 429]);
    assertEquals(await statuses(2, "/", as("ann", { "x-tier": "basic" })), [200, 429]);
  });
  row(
    "S031 S033 S034",
    "anonymous requests never share one bucket: the user rule skips them, the address rule counts them",
    async () => {
      const { statuses } = throttled([
        { rate: "1/min", key: byUser(), on: "POST /" },
        { rate: "2/min", key: byIp({ anonymousOnly: true }), on: "POST /" },
      ], { authenticate });
      assertEquals(await statuses(3, "POST /", { from: "192.0.2.7" }), [200, 200, 429]);
      assertEquals(await statuses(1, "POST /", { from: "192.0.2.8" }), [200]);
    },
  );
  row("S030 S032", "a rule on one method", async () => {
    const { statuses } = throttled({ rate: "1/h", on: "GET /" });
    assertEquals([await statuses(2, "GET /"), await statuses(2, "POST /")], [[200, 429], [200, 200]]);
  });
  row(
    "S053 S054",
    "a rate by server load counts at once, raised or lowered, and always says when to retry",
    async () => {
      let load = 50;
      const { statuses, send } = throttled({
        rate: () => load > 80 ? "2/hour" : load > 60 ? "4/hour" : "6/hour",
      });
      assertEquals(await statuses(4), [200, 200, 200, 200]);
      load = 90;
      const refused = await send();
      assertEquals([refused.status, refused.headers.get("x-ratelimit-remaining")], [429, "0"]);
      assertEquals(refused.headers.get("retry-after"), "3600");
      load = 10;
      assertEquals(await statuses(3), [200, 200, 429]);
    },
  );
});

describe("unsafe stores", () => {
  row("D042 D044 D052 D146 D148 D053 D055 D056 S029", "are shown by tests of their own", () => {
    const proof: Readonly<Record<string, readonly string[]>> = {
      "stores/conformance_test": ["redis"],
      "stores/wrappers/per_process_test": ['"error"', '"ignore"', "warn"],
      "harness/clients": ["ioredis", "iovalkey"],
    };
    for (const [file, words] of Object.entries(proof)) {
      const text = readFileSync(`tests/${file}.ts`, "utf8");
      for (const word of words) assert(text.includes(word), `${file} has nothing on ${word}`);
    }
    // The clients are no dependencies of the package.
    const { dependencies } = JSON.parse(readFileSync("package.json", "utf8"));
    assertEquals(Object.keys(dependencies), ["hono"]);
  });
});

describe("responses, events, statistics", () => {
  row(
    "D122 D131 D134",
    "what label() puts on a response is plain headers, on success and on errors",
    async () => {
      const { throttle } = throttled("2/min");
      for (const [status, left] of [[200, "1"], [500, "0"]] as const) {
        const outcome = await throttle.check(requestTo());
        const response = outcome.label(new Response(null, { status }));
        assertEquals([response.status, response.headers.get("x-ratelimit-remaining")], [status, left]);
      }
    },
  );
  row(
    "S035 S064 S104",
    "a refusal is 429 with a body, limit, remaining 0, reset and Retry-After",
    async () => {
      const { send } = throttled("1/min", { reject: errorJson() });
      await send();
      const refused = await send();
      assertEquals(refused.status, 429);
      const names = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "retry-after"];
      assertEquals(names.map((name) => refused.headers.get(name)), ["1", "0", "60", "60"]);
      assertEquals((await json(refused)).error, "rate_limit_exceeded");
    },
  );
  row(
    "S070 S071",
    "headers come from the decision itself: the window's own end, and the key that was counted",
    async () => {
      const { send, clock } = throttled({ rate: "2/min", key: byUser() }, { authenticate });
      await send("/", as("ann"));
      clock.now += 45_000;
      const response = await send("/", as("ann"));
      const names = ["x-ratelimit-remaining", "x-ratelimit-reset"];
      assertEquals(names.map((name) => response.headers.get(name)), ["0", "15"]);
    },
  );
  row("S074 S075 S078 S079 S080 S081", "statistics count what the origin's endpoint gives", async () => {
    const statistics = stats({ showAddresses: true, clock: () => START });
    const { statuses } = throttled({ rate: "2/min", on: "/items/:id" }, { observers: [statistics] });
    await statuses(5, "/items/7");
    await statuses(1, "/items/8", { from: "192.0.2.9" });
    const report = await statistics.read();
    const { total_requests, throttled_requests, unique_ips } = report.current_hour;
    assertEquals([total_requests, throttled_requests, unique_ips], [6, 3, 2]);
    assertEquals(report.top_throttled_ips, [{ ip: SOMEBODY, refused: 3 }]);
    assertEquals(report.top_throttled_endpoints, [{ endpoint: "/items/:id", refused: 3 }]);
    assertEquals(report.by_endpoint["/items/:id"].requests, 6);
  });
  row(
    "S075",
    "statistics list the users that are refused most, by rule, hashed unless told otherwise",
    async () => {
      const read = async (revealKeys: boolean) => {
        const statistics = stats({ revealKeys, clock: () => START });
        const options = { authenticate, observers: [statistics] };
        const { statuses } = throttled({ name: "burst", rate: "2/min", key: byUser() }, options);
        await statuses(5, "/", as("ann"));
        await statuses(3, "/", as("ben"));
        return (await statistics.read()).top_throttled_keys;
      };
      assertEquals(await read(true), [
        { rule: "burst", key: "ann", refused: 3 },
        { rule: "burst", key: "ben", refused: 1 },
      ]);
      const hashed = await read(false);
      assertEquals(hashed.map(({ refused }) => refused), [3, 1]);
      for (const { key } of hashed) assertMatch(key, /^[0-9a-f]{16}$/);
    },
  );
  row("S076 S077", "statistics are served below any path, to those alone who may see them", async () => {
    const statistics = stats();
    const { throttle, statuses } = throttled("1/min", { observers: [statistics] });
    await statuses(2);
    const authorize = (request: Request) => identify(request)?.staff === true;
    const admin = dashboard<Hono>({ throttle, stats: statistics, authorize });
    const app = new Hono().route("/api/admin/throttle-stats", admin);
    assertEquals((await app.request("/api/admin/throttle-stats/stats", as("ann"))).status, 403);
    const report = await json(await app.request("/api/admin/throttle-stats/stats", as("staff")));
    assertEquals(report.current_hour.throttled_requests, 1);
  });
  row("S105", "each refusal can be a line in the log", async () => {
    const lines: unknown[] = [];
    const log = (line: unknown) => void lines.push(line);
    const { statuses } = throttled("1/min", { observers: [logTo({ warn: log, info: log })] });
    await statuses(2);
    assertEquals(lines.length, 1);
  });
});

describe("the production table", () => {
  const ask = (path: string, method = "GET", headers: Record<string, string> = {}) =>
    presets.fetch(
      new Request(`https://api.example${path}`, { method, headers }),
      ...[{ remoteAddr: { transport: "tcp", hostname: headers["x-from"] } }] as unknown as [],
    );
  const passed = async (most: number, path: string, method: string, headers: Record<string, string>) => {
    for (let n = 0; n < most; n++) if ((await ask(path, method, headers)).status === 429) return n;
    return most;
  };

  row(
    "S002 S003 S019 S020 S021 S022 S023 S024 S046 S047 S082 S083 S084 S085 S086 S087 S101",
    "one table of presets holds every rate, each bound to its endpoint",
    () => {
      const text = readFileSync("examples/presets.ts", "utf8");
      const rates: Readonly<Record<string, string>> = {
        ...{ login: "5/15min", register: "3/hour", password_reset: "3/hour", email_verify: "5/hour" },
        ...{ order_create: "20/hour", payment: "10/hour", cart_modify: "100/hour", search: "200/hour" },
        ...{ list: "500/hour", retrieve: "1000/hour", upload: "50/day", export: "10/day" },
        ...{ report_generate: "20/day", api_key: "5000/hour", anon: "100/hour", user: "1000/hour" },
        ...{ burst: "60/min", sustained: "1000/day" },
      };
      for (const [name, rate] of Object.entries(rates)) {
        assert(text.includes(`${name}: { rate: "${rate}"`), `${name} is not ${rate}`);
      }
    },
  );
  row(
    "S004 S005 S006 S007 S014 S015",
    "every rate in the table is applied: burst stops the 61st request of a minute",
    async () => {
      assertEquals(await passed(70, "/", "GET", { "x-from": "198.51.100.1" }), 60);
      assertEquals(await passed(70, "/", "GET", { "x-from": "198.51.100.2", "x-session": "root" }), 70);
    },
  );
  it("stops at the strictest rule of an endpoint: three registrations, ten payments an hour", async () => {
    assertEquals(await passed(5, "/auth/register", "POST", { "x-from": "198.51.100.3" }), 3);
    assertEquals(await passed(12, "/payments", "POST", { "x-from": "198.51.100.4" }), 10);
  });
  row(
    "S091",
    "an entry lives as long as its window, not longer: nothing is kept by default for a day",
    async () => {
      const { statuses, clock } = throttled("1/s");
      assertEquals(await statuses(2), [200, 429]);
      clock.now += 1000;
      assertEquals(await statuses(1), [200]);
    },
  );
});

describe("mistakes", () => {
  it("are refused where the rule is made, not at the first request", () => {
    assertThrows(() => createThrottle("5/15minn"));
    assertThrows(() => createThrottle({ rate: { limit: 1 } }));
    assertThrows(() => createThrottle({ rate: "1/min", algorithm: concurrency({ lease: "1min" }) }));
  });
});

describe("the acceptance table", () => {
  const rows = [
    ...Array.from({ length: 160 }, (_, i) => `D${String(i + 1).padStart(3, "0")}`),
    ...Array.from({ length: 112 }, (_, i) => `S${String(i + 1).padStart(3, "0")}`),
  ];
  /** Rows that other test files name, "D013" or "D024-D029" or "D024 to D029". */
  const elsewhere = new Set<string>();
  for (const file of readdirSync("tests", { recursive: true }).map(String)) {
    if (!/_test\.tsx?$/.test(file) || file.endsWith("acceptance_test.ts")) continue;
    const text = readFileSync(`tests/${file}`, "utf8");
    for (const [, kind, first, last] of text.matchAll(/\b([DS])(\d{3})(?:(?:-| to )[DS]?(\d{3}))?/g)) {
      for (let n = Number(first); n <= Number(last ?? first); n++) {
        elsewhere.add(kind + String(n).padStart(3, "0"));
      }
    }
  }

  it("has no row without a test or a reason", () => {
    const missing = rows.filter((id) => !shown.has(id) && !elsewhere.has(id) && !(id in REASONS));
    assertEquals(missing, []);
    assertEquals([...shown, ...Object.keys(REASONS)].filter((id) => !rows.includes(id)), []);
  });

  after(() => {
    const reasons = Object.keys(REASONS).length;
    console.log(
      `acceptance: ${rows.length} rows, ${rows.length - reasons} shown by tests, ${reasons} by reasons`,
    );
  });
});
