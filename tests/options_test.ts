/** Every factory refuses an option that does not exist, and a value that cannot be used, in a sentence. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { describe, it } from "node:test";
import {
  addressKey,
  byApiKey,
  byHeader,
  byIp,
  byUser,
  clientAddress,
  concurrency,
  createThrottle,
  fixedWindow,
  gcra,
  logTo,
  memoryStore,
  rateLimit,
  retryAfter,
  slidingWindow,
  stats,
  transactionStore,
  withThrottle,
  xRateLimit,
} from "../mod.ts";
import { byJwt, jwtAuth } from "../src/auth/mod.ts";
import { dashboard } from "../src/dashboard/mod.ts";
import { throttle } from "../src/hono/mod.ts";
import { describe as describeThrottle, withThrottleResponses } from "../src/openapi/mod.ts";
import { otel } from "../src/otel/mod.ts";
import { shown } from "../src/cannot.ts";
import { pacedFetch } from "../src/paced_fetch/mod.ts";
import { durableObjectStore } from "../src/stores/durable_object/mod.ts";
import { postgresStore } from "../src/stores/postgres/mod.ts";
import { redisStore } from "../src/stores/redis/mod.ts";
import { sqliteStore } from "../src/stores/sqlite/mod.ts";
import { upstashStore } from "../src/stores/upstash/mod.ts";
import { learnedCost, tokenUsage } from "../src/tokens/mod.ts";
import { pause } from "./harness/until.ts";

/** Options of whatever kind: what JavaScript may pass. */
// deno-lint-ignore no-explicit-any
type Given = any;

interface Factory {
  readonly name: string;
  /** Makes what the factory makes; `given` takes the place of, or is added to, options that are right. */
  readonly make: (given: Given) => unknown;
  /** For each option that it has, values that it cannot use. */
  readonly wrong: Readonly<Record<string, readonly unknown[]>>;
  /** How it says so, where it has a check of its own. */
  readonly says?: RegExp;
}

const SECRET = "a secret of thirty-two bytes, or more";
const client = { send: () => Promise.reject(new Error("nowhere")) };
const upstash = { url: "https://example.upstash.io", token: "a-token" };
const made = createThrottle("1/min", { client: { address: () => "192.0.2.1" } });
const log = { warn() {}, info() {} };
const request = new Request("https://example.com/");
const document = { openapi: "3.1.0", info: { title: "API", version: "1" }, paths: {} };

const TRUTH = [1, "yes", null, {}];
const CALLS = [1, "name", null, {}];
const SHARED = {
  prefix: ["", 5, null],
  timeoutMs: [0, 1.5, "250", Infinity, null],
  denyCache: TRUTH,
  hashKeys: ["", 5, null, undefined],
  lease: [1, 1001, "20", null],
};
const THROTTLE = {
  store: [{}, null, "redis", () => {}],
  client: ["cloudflare", 1, null],
  authenticate: CALLS,
  headers: [{}, "x", [{}], null, [null]],
  sendHeaders: ["sometimes", true, null],
  reject: CALLS,
  onStoreFailure: ["open", 1, null],
  unsafeStore: [true, "fail", null],
  observers: [console, [console], null],
  revealKeys: TRUTH,
  exactPaths: TRUTH,
};

const nothing = (): null => null;
const database = { exec: nothing, prepare: nothing } as Given;
const namespace = { idFromName: nothing, get: nothing } as Given;

const FACTORIES: readonly Factory[] = [
  { name: "createThrottle", make: (given) => createThrottle("1/min", given), wrong: THROTTLE },
  {
    name: "withThrottle",
    make: (given) => withThrottle(() => new Response(), "1/min", given),
    wrong: THROTTLE,
  },
  {
    name: "throttle of ./hono",
    make: (given) => throttle("1/min", given),
    wrong: { ...THROTTLE, identity: CALLS },
  },
  {
    name: "a rule",
    make: (given) => createThrottle({ rate: "1/min", ...given }),
    wrong: {
      name: ["", "a b", 5, null],
      rate: ["often", 5, {}, true, undefined],
      key: CALLS,
      on: [{}, 5, null, [5]],
      algorithm: ["gcra", {}, null],
      cost: [-1, 0.5, "1", null],
      count: ["some", null, 1, {}, { body: 1 }],
      unless: CALLS,
      stage: ["before", null],
      mode: ["shade", null],
      block: [null, 3, "1min"],
      onStoreFailure: ["open", null],
      headers: [{}, [{}], null],
    },
  },
  {
    name: "a rate",
    make: (given) => createThrottle({ rate: { limit: 5, window: 60, ...given } }),
    wrong: { limit: [-1, 0.5, "5", null], window: [0, -1, "soon", null] },
  },
  {
    name: "a rate of a calendar",
    make: (given) => createThrottle({ rate: { limit: 5, every: "month", ...given } }),
    wrong: {
      limit: [-1, 0.5, "5", null],
      every: ["hour", 5, null],
      timeZone: ["Moon", "", 5, null],
      startsOn: [0, 32, "1", null],
    },
  },
  {
    name: "a block",
    make: (given) => createThrottle({ rate: "1/min", block: { after: 3, window: 60, for: 60, ...given } }),
    wrong: {
      after: [0, 1001, 1.5, "3", undefined],
      window: [0, "soon", undefined],
      for: [0, "soon", undefined],
      growth: [0.5, Infinity, "2", null],
      max: [0, 1, "soon", null],
    },
  },
  {
    name: "client options",
    make: (given) => clientAddress(request, [], given),
    wrong: {
      trustedProxies: [-1, 1.5, "10.0.0.0/8", ["nonsense"], null],
      header: ["", "x real ip", 5, null],
      platform: ["windows", "toString", null],
      address: CALLS,
    },
  },
  {
    name: "addressKey",
    make: (given) => addressKey("192.0.2.1", given),
    wrong: { ipv4Prefix: [0, 33, "24"], ipv6Prefix: [0, 129, 1.5] },
  },
  {
    name: "byIp",
    make: byIp,
    wrong: {
      ipv4Prefix: [0, 33, 1.5, "24", null],
      ipv6Prefix: [0, 129, null],
      anonymousOnly: TRUTH,
      onMissing: ["ignore", null, true],
    },
  },
  { name: "byUser", make: byUser, wrong: { exempt: CALLS } },
  {
    name: "byApiKey",
    make: byApiKey,
    wrong: {
      header: ["x api key", "", 5, null],
      secret: ["", 5, null, undefined, new Uint8Array()],
      verify: CALLS,
      otherwise: CALLS,
    },
  },
  { name: "byJwt", make: byJwt, wrong: { claim: ["", 5, null], secret: ["", 5, null, undefined] } },
  {
    name: "jwtAuth",
    make: (given) => jwtAuth({ secret: SECRET, ...given }),
    wrong: {
      secret: ["", 5, null, undefined],
      issuer: ["", [], [5], null, undefined],
      audience: ["", [], [5], null, undefined],
      algorithms: [[], ["none"], "HS256", null],
      clockTolerance: [-1, 301, "5", null],
      required: TRUTH,
      identity: CALLS,
      timeoutMs: [0, 1.5, "5", null],
      maxBytes: [0, 1.5, "5", null],
      clock: CALLS,
    },
  },
  {
    name: "jwtAuth with a key",
    make: (given) => jwtAuth({ ...given }),
    wrong: { jwks: ["nonsense", "file:///etc/passwd", {}, 5, null], key: ["no PEM", 5, null] },
  },
  { name: "gcra", make: gcra, wrong: { burst: [0, -1, 1.5, "3", null] } },
  { name: "fixedWindow", make: fixedWindow, wrong: { aligned: TRUTH } },
  { name: "slidingWindow", make: slidingWindow, wrong: { slots: [0, 1001, 1.5, "16", null] } },
  {
    name: "concurrency",
    make: (given) => concurrency({ lease: "30s", ...given }),
    wrong: { lease: [0, "soon", null, undefined] },
  },
  {
    name: "memoryStore",
    make: memoryStore,
    wrong: { maxKeys: [0, 1.5, 16_000_001, "9", null], clock: CALLS },
  },
  {
    name: "redisStore",
    make: (given) => redisStore({ client, ...given }),
    wrong: { client: [{}, null, undefined], ...SHARED },
  },
  {
    name: "upstashStore",
    make: (given) => upstashStore({ ...upstash, ...given }),
    wrong: {
      url: ["redis://x", 5, null, undefined],
      token: ["a b", "", 5, null, undefined],
      client: [{}, null],
      ...SHARED,
    },
  },
  {
    name: "transactionStore",
    make: (given) => transactionStore({ transact: () => [] as never, ...given }),
    wrong: {
      transact: [...CALLS, undefined],
      shared: TRUTH,
      name: ["", 5, null],
      clock: CALLS,
      isLostRace: CALLS,
      timeoutMs: SHARED.timeoutMs,
      denyCache: TRUTH,
    },
  },
  {
    name: "sqliteStore",
    make: (given) => sqliteStore({ database, ...given }),
    wrong: {
      database: [{}, null, undefined],
      table: ["", "a b", 'we"ir', 5, null],
      timeoutMs: SHARED.timeoutMs,
      denyCache: TRUTH,
      clock: CALLS,
    },
  },
  {
    name: "durableObjectStore",
    make: (given) => durableObjectStore({ namespace, ...given }),
    wrong: {
      namespace: [{}, null, undefined],
      object: [{}, "Limits", null],
      timeoutMs: SHARED.timeoutMs,
      denyCache: TRUTH,
    },
  },
  { name: "xRateLimit", make: xRateLimit, wrong: { reset: ["ms", "toString", null] } },
  {
    name: "rateLimit",
    make: rateLimit,
    wrong: { draft: [8, "11x", "11", "7", [11], ["11", "next"], null, {}], redirects: TRUTH, pace: TRUTH },
  },
  { name: "retryAfter", make: retryAfter, wrong: { ms: TRUTH, jitter: [-0.1, 2, "1", null], random: CALLS } },
  {
    name: "stats",
    make: stats,
    wrong: {
      showAddresses: TRUTH,
      revealKeys: TRUTH,
      top: [0, 101, "5"],
      store: [memoryStore(), {}, null],
      clock: CALLS,
    },
  },
  {
    name: "logTo",
    make: (given) => logTo(log, given),
    wrong: { first: [-1, 1.5, "10", null], interval: [0, "soon", null], identity: TRUTH },
  },
  { name: "otel", make: otel, wrong: { meter: [{}, null, "meter"], routes: TRUTH } },
  {
    name: "tokenUsage",
    make: tokenUsage,
    wrong: { input: [-1, NaN, "1", null], cached: [-1, Infinity], output: [-1, null], read: CALLS },
  },
  {
    name: "learnedCost",
    make: (given) => learnedCost({ start: 500, max: 1000, ...given }),
    wrong: {
      start: [-1, 0.5, "1", null, undefined],
      percentile: [-1, 101, "95", null],
      max: [-1, 0.5, "1", null, undefined],
      model: CALLS,
    },
  },
  {
    name: "dashboard",
    make: (given) => dashboard({ throttle: made, stats: stats(), authorize: () => true, ...given }),
    wrong: {
      throttle: [{}, null, undefined],
      stats: [{}, null, undefined],
      authorize: [...CALLS, undefined],
    },
  },
  {
    name: "describe of ./openapi",
    make: (given) => describeThrottle(made, given),
    wrong: { openapi: ["2.0", 5, null] },
  },
  {
    name: "withThrottleResponses",
    make: (given) => withThrottleResponses(document, made, given),
    wrong: { basePath: [5, null, {}] },
  },
  {
    name: "pacedFetch",
    make: pacedFetch,
    wrong: {
      fetch: CALLS,
      maxWaitMs: [-1, NaN, "5", null],
      spread: TRUTH,
      retry: ["always", null],
      clock: CALLS,
      random: CALLS,
    },
    says: /^Cannot make pacedFetch\(\) as it takes no such \w+: current value is /,
  },
];

/** How a factory refuses options. */
function refused({ make }: Factory, given: Given): string {
  const error = assertThrows(() => make(given), Error);
  assert(error instanceof TypeError || error instanceof RangeError, String(error));
  assert(/^Cannot .+ as .+: current value is ./s.test(error.message), error.message);
  return error.message;
}

describe("the options of", () => {
  for (const factory of FACTORIES) {
    const { name, make, wrong, says } = factory;

    it(`${name}: one that does not exist is refused, with those that there are`, () => {
      const message = refused(factory, { nonsense: 1 });
      if (says !== undefined) return void assert(says.test(message), message);
      assertStringIncludes(message, " takes no option but ");
      assertStringIncludes(message, ': current value is "nonsense"');
      for (const option of Object.keys(wrong)) assertStringIncludes(message, option);
    });

    it(`${name}: a value that cannot be used is refused, with the option`, () => {
      for (const [option, values] of Object.entries(wrong)) {
        for (const value of values) {
          const message = refused(factory, { [option]: value });
          assertStringIncludes(message, option, `${option}: ${String(value)}`);
        }
      }
    });

    it(`${name}: a value that has no text is refused in a sentence like any other`, () => {
      for (const option of Object.keys(wrong)) {
        for (
          const value of [Symbol("no"), [Symbol("no")], Object.create(null), [Object.create(null)], [5n]]
        ) {
          try {
            make({ [option]: value });
          } catch {
            refused(factory, { [option]: value });
          }
        }
      }
    });

    it(`${name}: undefined is as good as not there, but for what must be given`, () => {
      if (name.startsWith("a rate") || name === "jwtAuth with a key") return;
      const optional = Object.entries(wrong).filter(([, values]) => !values.includes(undefined));
      make(Object.fromEntries(optional.map(([option]) => [option, undefined])));
    });
  }

  it("every factory must be an object", () => {
    const factories: readonly ((given: Given) => unknown)[] = [
      ...[byIp, byUser, byApiKey, byJwt, jwtAuth, gcra, fixedWindow, slidingWindow, concurrency, memoryStore],
      ...[
        redisStore,
        upstashStore,
        transactionStore,
        sqliteStore,
        durableObjectStore,
        xRateLimit,
        rateLimit,
        retryAfter,
        stats,
        otel,
        dashboard,
      ],
      (given) => createThrottle("1/min", given),
      (given) => throttle("1/min", given),
      (given) => logTo(log, given),
      (given) => clientAddress(request, [], given),
      (given) => addressKey("192.0.2.1", given),
      (given) => withThrottleResponses(document, made, given),
      (given) => describeThrottle(made, given),
    ];
    for (const make of factories) {
      for (const given of [null, 5, "options", true, Promise.resolve({})]) {
        const isHidden = given === "options";
        assertThrows(
          () => make(given),
          TypeError,
          `options must be an object: current value is ${isHidden ? "not shown" : shown(given)}`,
        );
      }
    }
  });

  it("no message shows what stands in the place of a store, a database's address or a token's secret", () => {
    const secret = "secret of somebody";
    const address = `redis://:${secret}@localhost`;
    class Client {
      options = { password: secret };
      send() {}
    }
    const mistakes: Readonly<Record<string, () => unknown>> = {
      "redisStore() as its options must be an object: current value is not shown": () =>
        redisStore(address as never),
      "postgresStore() as its options must be an object: current value is not shown": () =>
        postgresStore(address as never),
      "jwtAuth() as its options must be an object: current value is not shown": () =>
        jwtAuth(secret as never),
      "with a decide function: current value is of type string": () =>
        createThrottle("1/min", { store: address as never }),
      "with a decide function: current value is of type object": () =>
        createThrottle("1/min", { store: new Client() as never }),
      "as it must run scripts: current value is of type object": () =>
        stats({ store: new Client() as never }),
    };
    for (const [said, make] of Object.entries(mistakes)) {
      const { message } = assertThrows(make, TypeError);
      assertStringIncludes(message, said);
      assertEquals(message.includes(secret), false);
    }
  });

  it("a function that cannot be used is named, and its code is not shown", () => {
    const forgotten = [
      () => createThrottle("1/min", { store: memoryStore as never }),
      () => createThrottle({ rate: "1/min", algorithm: gcra as never }),
    ];
    for (const make of forgotten) {
      assertMatch(assertThrows(make, TypeError).message, /: current value is a function$/);
    }
  });

  it("a promise that cannot be used is named, and nobody's unhandled rejection", async () => {
    const late = () => Promise.reject(new Error("too late"));
    assertMatch(
      assertThrows(() => createThrottle({ rate: "1/min", cost: late() as Given }), TypeError).message,
      /: current value is a promise$/,
    );
    const throttles = [
      createThrottle("1/min", { client: { address: late as Given } }),
      createThrottle("1/min", {
        client: { address: () => "192.0.2.1" },
        store: memoryStore({ clock: late as Given }),
      }),
      createThrottle({ name: "own", rate: "1/min", algorithm: { ...gcra(), step: late as Given } }, {
        client: { address: () => "192.0.2.1" },
      }),
      createThrottle("1/min", {
        client: { address: () => "192.0.2.1" },
        store: transactionStore({ transact: (run) => run({} as Given), shared: false, clock: late as Given }),
      }),
      createThrottle("1/min", {
        client: { address: () => "192.0.2.1" },
        headers: [{ fields: late as Given }],
      }),
      createThrottle("1/min", {
        client: { address: () => "192.0.2.1" },
        store: { shared: false, decide: () => Promise.reject(new Error("down")) },
        onStoreFailure: "deny",
        headers: [retryAfter({ jitter: 1, random: late as Given })],
      }),
      createThrottle("1/min", {
        client: { address: () => "192.0.2.1" },
        authenticate: jwtAuth({ secret: SECRET, clock: late as Given }),
      }),
    ];
    const token = "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl";
    const headers = { authorization: `Bearer ${token}` };
    for (const { wrap } of throttles) {
      const { message } = await assertRejects(
        async () => await wrap(() => new Response())(new Request("https://example.com/", { headers })),
        Error,
      );
      assertMatch(message, /: current value is a promise$/);
    }
    assertMatch(
      assertThrows(
        () => createThrottle("1/min", { store: { ...memoryStore(), prepare: late as Given } }),
        TypeError,
      ).message,
      /prepare .*: current value is a promise$/,
    );
    assertMatch(
      (await assertRejects(() => stats({ clock: late as Given }).read(), RangeError)).message,
      /: current value is a promise$/,
    );
    await pause(5);
  });

  it("byHeader is a name alone, which is checked", () => {
    for (const name of ["", "x y", 5, null, undefined]) {
      assertThrows(() => byHeader(name as string), TypeError, "its name must be a header name");
    }
  });

  it("no factory shows a secret", () => {
    const secrets: readonly (() => unknown)[] = [
      () => upstashStore({ url: upstash.url, token: `${SECRET} ` }),
      () => jwtAuth({ secret: [SECRET] as Given }),
      () => byJwt({ secret: [SECRET] as Given }),
      () => byApiKey({ secret: { secret: SECRET } as Given }),
      () => redisStore({ client, hashKeys: [SECRET] as Given }),
    ];
    for (const make of secrets) {
      const { message } = assertThrows(make, TypeError);
      assertEquals(message.includes(SECRET), false, message);
    }
  });

  it("a throttle that is made already cannot be given, by any way", () => {
    const sentence =
      'Cannot give options to a throttle that is made already: current value is ["sendHeaders"]';
    const options = { sendHeaders: "never" } as const;
    assertThrows(() => withThrottle(() => new Response(), made, options), TypeError, sentence);
    assertThrows(() => throttle(made, options), TypeError, sentence);
    assertThrows(() => throttle(made, { identity: () => null }), TypeError, 'current value is ["identity"]');
  });
});
