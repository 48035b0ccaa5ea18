/** Whole throttles, who is asking and what it costs, on every kind of store: one table, the same expectations. */
import { assert, assertEquals, assertFalse, assertRejects } from "@std/assert";
import { SignJWT } from "jose";
import { after, before, describe, it } from "node:test";
import {
  type Algorithm,
  type Authenticate,
  byApiKey,
  byGlobal,
  byIp,
  byUser,
  concurrency,
  fixedWindow,
  gcra,
  type Identity,
  memoryStore,
  type Rule,
  slidingLog,
  slidingWindow,
  type Store,
  type Throttle,
  throttleOf,
} from "../../../mod.ts";
import { byJwt, jwtAuth } from "../../../src/auth/mod.ts";
import { redisStore } from "../../../src/stores/redis/mod.ts";
import { upstashStore } from "../../../src/stores/upstash/mod.ts";
import { manualClock } from "../../../src/testing/mod.ts";
import { inPassingTime, type PassingTime } from "../../../src/testing/passing_time.ts";
import { startBridge } from "../../harness/bridge.ts";
import { CLIENTS } from "../../harness/clients.ts";
import { lives, type Redis, startRedis, withoutRedis } from "../../harness/redis.ts";
import { SOMEBODY, throttled } from "../../harness/throttled.ts";
import { pause, until } from "../../harness/until.ts";

/** The store and the clients that a row is tried on. */
interface Place {
  readonly store: Store;
  /** Another instance, as another process has it: the same states. */
  readonly other: Store;
}

let redis: Redis;
/** Generous: what is looked at is verdicts, on a machine that may be busy. */
const timeoutMs = 10_000;

/** Where it is tried: opens stores that share their states where the prefix is the same. */
interface Kind {
  readonly name: string;
  readonly skip: string | false;
  start(): Promise<{ open(prefix: string): Place; advance?: PassingTime["advance"]; end(): unknown }>;
}

const KINDS: readonly Kind[] = [
  {
    name: "memoryStore",
    skip: false,
    start() {
      const clock = manualClock();
      return Promise.resolve({
        open() {
          const store = memoryStore({ clock });
          return { store, other: store };
        },
        advance: clock.advance,
        end() {},
      });
    },
  },
  {
    name: "redisStore",
    skip: withoutRedis,
    async start() {
      const { client, close } = await CLIENTS[0].open(redis);
      const open = (prefix: string) => redisStore({ client, prefix, timeoutMs });
      return {
        open: (prefix) => ({ store: open(prefix), other: open(prefix) }),
        end: close,
      };
    },
  },
  {
    name: "upstashStore",
    skip: withoutRedis,
    async start() {
      const { url, token, close } = await startBridge(redis);
      const open = (prefix: string) => upstashStore({ url, token, prefix, timeoutMs });
      return {
        open: (prefix) => ({ store: open(prefix), other: open(prefix) }),
        end: close,
      };
    },
  },
];

const TIMED: readonly Algorithm[] = [fixedWindow(), gcra(), slidingLog(), slidingWindow()];

const PEOPLE = new Map<string, Identity>([
  ["ann", { id: "ann" }],
  ["ben", { id: "ben", tier: "premium" }],
  ["dan", { id: "dan", staff: true }],
]);

const authenticate: Authenticate = ({ request }) => {
  const name = request.headers.get("authorization");
  return name === null ? null : PEOPLE.get(name) ?? new Response("Who?", { status: 401 });
};

const as = (authorization: string): RequestInit => ({ headers: { authorization } });
const left = async (throttle: Throttle, rule: string, key = SOMEBODY): Promise<number> =>
  (await throttle.usage(rule, key)).remaining;

/** A body that goes on until its reader goes away. */
const endless = () => new ReadableStream<Uint8Array>({ pull: (its) => its.enqueue(new Uint8Array(10)) });

const slots = (more: Partial<Rule> = {}): Rule => ({
  name: "slots",
  rate: { limit: 2 },
  algorithm: concurrency({ lease: "1min" }),
  key: byGlobal(),
  ...more,
});

const TABLE: Readonly<Record<string, (place: Place & PassingTime) => Promise<void>>> = {
  "byUser: each plan has its own rate, staff none, anonymous clients that of their address": async (
    { store },
  ) => {
    const tiers = new Map([["premium", 4]]);
    const { throttle, statuses } = throttled([
      { name: "address", rate: "100/hour", headers: [] },
      { name: "anonymous", rate: "1/hour", key: byIp({ anonymousOnly: true }) },
      {
        name: "plan",
        key: byUser(),
        rate: ({ identity }) => ({ limit: tiers.get(identity?.tier ?? "") ?? 2, window: 3600 }),
      },
    ], { store, authenticate });
    assertEquals(await statuses(3, "/", as("ann")), [200, 200, 429]);
    assertEquals(await statuses(5, "/", as("ben")), [200, 200, 200, 200, 429]);
    assertEquals(await statuses(6, "/", as("dan")), Array(6).fill(200));
    assertEquals(await statuses(2), [200, 429]);
    assertEquals(await statuses(3, "/", as("eve")), [401, 401, 401]);
    // Whoever was refused has used up its address's quota still: that is what protects authentication.
    assertEquals(await left(throttle, "address"), 100 - 3 - 5 - 6 - 2 - 3);
  },

  "byApiKey: real keys have a quota each, made-up ones their address's together": async ({ store }) => {
    const real = new Set(["key-1", "key-2"]);
    const { statuses } = throttled(
      { name: "key", rate: "2/hour", key: byApiKey({ verify: async (key) => await real.has(key) }) },
      { store },
    );
    const with_ = (key: string) => ({ headers: { "x-api-key": key } });
    for (const key of real) assertEquals(await statuses(3, "/", with_(key)), [200, 200, 429]);
    const made: number[] = [];
    for (let i = 0; i < 4; i++) made.push(...await statuses(1, "/", with_(`made-up-${i}`)));
    assertEquals(made, [200, 200, 429, 429]);
  },

  "byJwt: a quota for each subject and a smaller one for each token; forged ones touch none": async (
    { store },
  ) => {
    const secret = new Uint8Array(32).fill(7);
    const [issuer, audience] = ["https://id.example", "https://api.example"];
    const token = async (sub: string, jti: string): Promise<RequestInit> => {
      const unsigned = new SignJWT({ jti }).setProtectedHeader({ alg: "HS256" }).setSubject(sub);
      const claims = unsigned.setIssuer(issuer).setAudience(audience).setExpirationTime("1h");
      return as(`Bearer ${await claims.sign(secret)}`);
    };
    const { statuses } = throttled([
      { name: "address", rate: "100/hour" },
      { name: "subject", rate: "3/hour", key: byJwt() },
      { name: "token", rate: "2/hour", key: byJwt({ claim: "jti" }) },
    ], { store, authenticate: jwtAuth({ secret, issuer, audience }) });
    const [first, second] = [await token("ann", "1"), await token("ann", "2")];
    const forged = as(`${new Headers(first.headers).get("authorization")}x`);
    assertEquals(await statuses(4, "/", forged), [401, 401, 401, 401]);
    assertEquals(await statuses(3, "/", first), [200, 200, 429]);
    assertEquals(await statuses(2, "/", second), [200, 429]);
    assertEquals(await statuses(1, "/", await token("ben", "3")), [200]);
  },

  "a rate of the moment: raised counts at once, lowered leaves nothing and a wait": async ({ store }) => {
    for (const algorithm of TIMED) {
      let limit = 2;
      const { statuses, send } = throttled(
        { name: `${algorithm.name}`, rate: () => ({ limit, window: 3600 }), algorithm, key: byGlobal() },
        { store },
      );
      assertEquals(await statuses(3), [200, 200, 429], algorithm.name);
      limit = 4;
      assertEquals(await statuses(3), [200, 200, 429], algorithm.name);
      limit = 1;
      const { status, headers } = await send();
      assertEquals([status, headers.get("x-ratelimit-remaining")], [429, "0"], algorithm.name);
      assert(Number(headers.get("retry-after")) > 0, algorithm.name);
    }
  },

  "count: failures, successes, a predicate and the answer's own price": async ({ store }) => {
    const rules: Rule[] = [
      { name: "failures", rate: "10/hour", count: "failures" },
      { name: "successes", rate: "10/hour", count: "successes" },
      { name: "missing", rate: "10/hour", count: ({ status }) => status === 404 },
      { name: "price", rate: "100/hour", count: async ({ headers }) => await Number(headers.get("x-price")) },
    ];
    const { throttle, send } = throttled(
      rules,
      { store },
      ({ headers }) =>
        new Response(null, { status: Number(headers.get("x-status")), headers: { "x-price": "7" } }),
    );
    for (const status of ["200", "204", "302", "401", "404", "500"]) {
      await send("/", { headers: { "x-status": status } });
    }
    const used = await Promise.all(rules.map(async ({ name }) => await left(throttle, name!)));
    assertEquals(used, [10 - 3, 10 - 2, 10 - 1, 100 - 6 * 7]);
  },

  "count: failures lets no more than the limit of many attempts at once be made": async ({ store }) => {
    const { send, served } = throttled(
      { name: "attempts", rate: "3/hour", count: "failures" },
      { store },
      async () => (await pause(1), new Response(null, { status: 401 })),
    );
    const answers = await Promise.all(Array.from({ length: 20 }, () => send()));
    assertEquals(answers.filter(({ status }) => status === 401).length, 3);
    assertEquals(served.length, 3);
  },

  "settle: the first call decides, whatever the algorithm": async ({ store }) => {
    for (const algorithm of TIMED) {
      const name = `${algorithm.name}`;
      const { throttle, send } = throttled(
        { name, rate: "1000/hour", cost: 500, algorithm },
        { store },
        async (request) => {
          const { settle } = throttleOf(request)!;
          await Promise.all([settle(name, 120), settle(name, 120), settle(name, 900)]);
          await settle(name, 0);
          return new Response();
        },
      );
      assertEquals((await send()).headers.get("x-ratelimit-remaining"), "880", name);
      assertEquals(await left(throttle, name), 880, name);
    }
  },

  "settle: after the last chunk of a stream, and after an abort": async ({ store }) => {
    const { throttle, send } = throttled(
      { name: "tokens", rate: "1000/hour", cost: 300 },
      { store },
      (request) => {
        let spent = 0;
        const settle = () => throttleOf(request)!.settle("tokens", spent);
        return new Response(
          new ReadableStream({
            async pull(controller) {
              if (spent === 50) return await settle(), controller.close();
              spent += 10;
              controller.enqueue(new Uint8Array(10));
            },
            cancel: () => settle(),
          }, { highWaterMark: 0 }),
        );
      },
    );
    assertEquals((await (await send()).arrayBuffer()).byteLength, 50);
    assertEquals(await left(throttle, "tokens"), 950);
    const reader = (await send()).body!.getReader();
    await reader.read();
    await reader.read();
    assertEquals(await left(throttle, "tokens"), 650);
    await reader.cancel();
    await until(async () => await left(throttle, "tokens") === 930);
  },

  "settle: of parallel requests only those pass whose estimates fit, until what they did not take is back":
    async ({ store }) => {
      let settled!: () => void;
      const held = new Promise<void>((resolve) => settled = resolve);
      const { throttle, send } = throttled(
        { name: "tokens", rate: "1000/hour", cost: 300 },
        { store },
        async (request) => {
          await held;
          await throttleOf(request)!.settle("tokens", 100);
          return new Response();
        },
      );
      const sent = Array.from({ length: 10 }, () => send());
      await until(async () => await left(throttle, "tokens") === 100);
      settled();
      assertEquals((await Promise.all(sent)).filter(({ ok }) => ok).length, 3);
      assertEquals(await left(throttle, "tokens"), 700);
      assertEquals((await send()).status, 200);
    },

  "settle: after the window has rolled the new one is untouched": async (
    { store, advance, shortWindow },
  ) => {
    const windowMs = shortWindow();
    const tries = TIMED.map((algorithm) => {
      const name = `${algorithm.name}`;
      const settles: (() => unknown)[] = [];
      const { throttle, send } = throttled(
        { name, rate: { limit: 2, window: windowMs / 1000 }, cost: 2, algorithm },
        { store },
        (request) => {
          settles.push(() => throttleOf(request)!.settle(name, 0));
          return new Response();
        },
      );
      return { name, settles, send, left: () => left(throttle, name) };
    });
    for (const { name, send } of tries) assertEquals((await send()).status, 200, name);
    await advance(windowMs * 17 / 16); // a window, and a slot of a sliding one
    for (const { name, settles, send, left } of tries) {
      assertEquals((await send()).status, 200, name);
      await settles[0]();
      assert(await left() < 2, name); // a meter drains
      await settles[1]();
      assertEquals(await left(), 2, name);
    }
  },

  "concurrency: a slot is held until the body has ended, is cancelled, or the handler throws": async (
    { store, other },
  ) => {
    let answer = (): Response => new Response(endless());
    const { throttle, send, events } = throttled(slots(), { store }, () => answer());
    const elsewhere = throttled(slots(), { store: other });
    const [first] = [await send(), await send()];
    const refused = await elsewhere.send();
    assertEquals([refused.status, refused.headers.get("retry-after")], [429, "1"]);
    await first.body!.cancel();
    await until(async () => await left(throttle, "slots", "all") === 1);
    assertEquals(await (await elsewhere.send()).text(), "inside");
    await until(async () => await left(throttle, "slots", "all") === 1);
    answer = () => {
      throw new Error("mine");
    };
    await assertRejects(() => send(), Error, "mine");
    await until(async () => await left(throttle, "slots", "all") === 1);
    assertEquals(events.filter(({ type }) => type === "error" || type === "store"), []);
  },

  "concurrency: of many at once no more run than may, and all come free": async ({ store }) => {
    let [running, most] = [0, 0];
    const { throttle, send } = throttled(slots(), { store }, async () => {
      most = Math.max(most, ++running);
      await pause(2);
      running--;
      return new Response(null);
    });
    const answers = await Promise.all(Array.from({ length: 50 }, () => send()));
    assertEquals(most, 2);
    assert(answers.filter(({ ok }) => ok).length >= 2);
    await until(async () => await left(throttle, "slots", "all") === 2);
  },

  "concurrency: a slot that nobody gives back is another's when its lease is over": async (
    { store, other, advance, shortWindow },
  ) => {
    const leaseMs = shortWindow();
    const rule = slots({ rate: { limit: 1 }, algorithm: concurrency({ lease: leaseMs / 1000 }) });
    const crashed = throttled(rule, { store }, () => new Response(endless()));
    const { throttle, send } = throttled(rule, { store: other }, () => new Response(endless()));
    const lost = await crashed.send();
    await advance(leaseMs);
    assertEquals((await send()).status, 200);
    // A slot that comes back late frees nobody else's.
    await lost.body!.cancel();
    assertEquals(await left(throttle, "slots", "all"), 0);
  },

  "shadow: counts as if live, refuses nobody, and tells observers what it would have done": async (
    { store },
  ) => {
    const { throttle, statuses, events } = throttled([
      { name: "planned", rate: "1/hour", mode: "shadow" },
      { name: "live", rate: "3/hour" },
    ], { store });
    assertEquals(await statuses(4), [200, 200, 200, 429]);
    assertEquals([await left(throttle, "planned"), await left(throttle, "live")], [0, 0]);
    const seen = events.map(({ type, rule }) => rule === undefined ? type : `${type} ${rule}`);
    assertEquals(seen.slice(0, 5), [
      "allowed",
      "shadow-denied planned",
      "allowed",
      "shadow-denied planned",
      "allowed",
    ]);
    assertEquals(seen.at(-1), "denied live");
    const [planned, live] = events[2].decisions;
    assertEquals([planned.mode, planned.allowed, live.mode, live.allowed], [
      "shadow",
      false,
      "enforce",
      true,
    ]);
  },

  "block: from the second refusal on, everywhere, until it is lifted": async ({ store, other }) => {
    const rule: Rule = {
      name: "pages",
      rate: "1/min",
      block: { after: 2, window: "1min", for: "10min", growth: 2, max: "1h" },
    };
    const [here, there] = [throttled(rule, { store }), throttled(rule, { store: other })];
    assertEquals(await here.statuses(2), [200, 429]);
    const blocked = await there.send();
    assertEquals([blocked.status, blocked.headers.get("retry-after")], [429, "600"]);
    assert((await here.throttle.usage("pages", SOMEBODY)).blockedMs > 0);
    assertEquals(there.events.map(({ type }) => type), ["blocked", "denied"]);
    assertEquals((await here.send("/", { from: "192.0.2.99" })).status, 200);
    await there.throttle.reset("pages", SOMEBODY);
    assertEquals((await here.throttle.usage("pages", SOMEBODY)).blockedMs, 0);
    // The instance that lifts it forgets at once what it remembered of it.
    assertEquals(await there.statuses(1), [200]);
  },

  "block: longer on each repeat": async ({ store, advance, shortWindow }) => {
    const [forMs, growth] = [shortWindow(), 100];
    const block = { after: 1, window: "1min", for: forMs / 1000, growth } as const;
    const { throttle, statuses } = throttled({ name: "pages", rate: "1/min", block }, { store });
    assertEquals(await statuses(2), [200, 429]);
    await advance(forMs);
    assertEquals(await statuses(1), [429]);
    const { blockedMs, retryAfterMs } = await throttle.usage("pages", SOMEBODY);
    assert(blockedMs > 0 && retryAfterMs > 60_000 && retryAfterMs <= growth * forMs, `${retryAfterMs}`);
  },

  "rules together: what one refuses costs the others of its stage nothing": async ({ store }) => {
    const { throttle, statuses } = throttled([
      { name: "wide", rate: "9/hour" },
      { name: "tight", rate: "2/hour", algorithm: gcra() },
      slots({ rate: { limit: 5 } }),
      { name: "user", rate: "1/hour", key: byUser() },
    ], { store, authenticate });
    // The second stage refuses the second request, and the first stage every later one.
    assertEquals(await statuses(4, "/", as("ann")), [200, 429, 429, 429]);
    const names = ["wide", "tight"];
    assertEquals(await Promise.all(names.map((name) => left(throttle, name))), [7, 0]);
    await until(async () => await left(throttle, "slots", "all") === 4);
  },
};

describe("a whole throttle", () => {
  before(async () => {
    if (withoutRedis === false) redis = await startRedis();
  });
  after(() => redis?.stop());

  for (const { name, skip, start } of KINDS) {
    describe(`on ${name}`, { skip }, () => {
      let kind: Awaited<ReturnType<Kind["start"]>>;
      before(async () => {
        kind = await start();
      });
      after(() => kind.end());
      for (const [title, run] of Object.entries(TABLE)) {
        it(title, async () => {
          await inPassingTime((time) => run({ ...kind.open(crypto.randomUUID()), ...time }), kind.advance);
        });
      }
    });
  }

  it("leaves nothing of an API key or a token in Redis", { skip: withoutRedis }, async () => {
    const keys = [...(await lives(redis)).keys()].join("\n");
    for (const secret of ["key-1", "made-up", "eyJ"]) assertFalse(keys.includes(secret), keys);
  });
});
