import { assertEquals } from "@std/assert";
import { Redis as Ioredis } from "ioredis";
import { after, afterEach, before, describe, it } from "node:test";
import {
  type Algorithm,
  type Check,
  concurrency,
  createThrottle,
  fixedWindow,
  gcra,
  memoryStore,
  type Rule,
  slidingLog,
  slidingWindow,
  type Store,
  type StoreDecision,
  withThrottle,
} from "../../mod.ts";
import { redisStore } from "../../src/stores/redis/mod.ts";
import { failover } from "../../src/stores/wrappers/failover.ts";
import { returnsKept } from "../../src/stores/wrappers/returns.ts";
import type { StorePart } from "../../src/stores/store.ts";
import { upstashStore } from "../../src/stores/upstash/mod.ts";
import { pauseAwake } from "../harness/awake.ts";
import { startBridge } from "../harness/bridge.ts";
import { checkOf } from "../harness/checks.ts";
import { startDoor } from "../harness/door.ts";
import { inTime } from "../harness/in_time.ts";
import { type Redis, startRedis, withoutRedis } from "../harness/redis.ts";
import { pause, until } from "../harness/until.ts";

/** Charges of which a store answers too late, and corrections that do not reach it. */

const client = { address: () => "192.0.2.1" };
const request = new Request("https://example.com/");
const slots = (limit: number): Rule => ({
  name: "slots",
  rate: { limit },
  algorithm: concurrency({ lease: "1h" }),
});

type Decide = (checks: readonly Check[], spend?: boolean) => Promise<readonly StoreDecision[]>;

/** A shared store whose calls go another way while `instead` is set. */
function shared(deadlineMs = 20) {
  const time = { now: 1_700_000_000_000 };
  const memory = memoryStore({ clock: () => time.now });
  const answer: Decide = (checks, spend) => Promise.resolve(memory.decide(checks, spend));
  const part: StorePart = { name: "" };
  const store = {
    shared: true,
    denyCache: false,
    clock: () => time.now,
    deadlineMs,
    instead: null as Decide | null,
    part,
    partOf: () => part,
    decide: ((checks, spend) => (store.instead ?? answer)(checks, spend)) as Decide,
  };
  const held = async (throttle: ReturnType<typeof createThrottle>, rule: string): Promise<number> => {
    const { limit, remaining } = await throttle.usage(rule, "192.0.2.1");
    return limit - remaining;
  };
  return { time, store: store satisfies Store, answer, held };
}

/** Holds answers back until it is opened. */
function newGate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => open = resolve);
  return { opened, open };
}

describe("a charge whose answer comes after the deadline", () => {
  const ALGORITHMS: Readonly<Record<string, Algorithm>> = {
    fixedWindow: fixedWindow() as Algorithm,
    gcra: gcra() as Algorithm,
    slidingLog: slidingLog() as Algorithm,
    slidingWindow: slidingWindow() as Algorithm,
  };
  const rules: Rule[] = [
    slots(2),
    ...Object.entries(ALGORITHMS).map(([name, algorithm]) => ({ name, rate: "5/hour", algorithm })),
  ];

  for (const onStoreFailure of ["local", "allow", "deny"] as const) {
    it(`is given back when it arrives, whatever the verdict was meanwhile: ${onStoreFailure}`, async () => {
      const { store, answer, held } = shared();
      const throttle = createThrottle(rules, { client, store, onStoreFailure });
      const gate = newGate();
      store.instead = async (checks, spend) => {
        const decisions = await answer(checks, spend);
        await gate.opened;
        return decisions;
      };
      const outcomes = await Promise.all([throttle.check(request), throttle.check(request)]);
      store.instead = null;
      gate.open();
      await pause(5);
      for (const outcome of outcomes) {
        if (outcome.allowed) await outcome.label(new Response("done")).text();
      }
      for (const { name } of rules) assertEquals(await held(throttle, name!), 0, name);
    });
  }

  it("is not given back where the store refused, or was only asked what it would say", async () => {
    const { store, answer, held } = shared();
    const throttle = createThrottle({ name: "r", rate: "2/hour", onStoreFailure: "allow" }, {
      client,
      store,
    });
    for (let i = 0; i < 2; i++) await throttle.check(request);
    const calls: (readonly Check[])[] = [];
    const gate = newGate();
    store.instead = async (checks, spend) => {
      calls.push(checks);
      const decisions = await answer(checks, spend);
      await gate.opened;
      return decisions;
    };
    await throttle.check(request);
    await throttle.peek(request);
    gate.open();
    await pause(5);
    store.instead = null;
    assertEquals(calls.length, 2);
    assertEquals(await held(throttle, "r"), 2);
  });
});

describe("a correction that does not reach the store", () => {
  /** Three requests hold a slot each, and end during an outage. */
  async function endDuring(outage: (one: ReturnType<typeof shared>) => void) {
    const one = shared();
    const throttle = createThrottle(slots(3), { client, store: one.store });
    const outcomes = [];
    for (let i = 0; i < 3; i++, one.time.now++) outcomes.push(await throttle.check(request));
    outage(one);
    for (const outcome of outcomes) await outcome.label(new Response("done")).text();
    await pauseAwake(100); // longer than the deadline
    return { ...one, throttle };
  }

  it("is not sent without a connection, but kept, and sent before the next question", async () => {
    const { store, throttle } = await endDuring(({ store }) => {
      store.part.isConnected = () => false;
    });
    store.part.isConnected = () => true;
    const passed = [];
    for (let i = 0; i < 4; i++) passed.push((await throttle.check(request)).allowed);
    assertEquals(passed, [true, true, true, false]);
  });

  it("is kept where the store's error says that nothing was done", async () => {
    const { store, throttle, held } = await endDuring(({ store }) => {
      store.part.ranNothing = (error) => (error as Error).message.startsWith("READONLY");
      store.instead = () =>
        Promise.reject(new Error("READONLY You can't write against a read only replica."));
    });
    store.instead = null;
    await throttle.peek(request);
    assertEquals(await held(throttle, "slots"), 0);
  });

  it("is kept where that error comes after the deadline", async () => {
    const { store, throttle, held } = await endDuring(({ store }) => {
      store.part.ranNothing = (error) => (error as Error).message === "busy for too long";
      store.instead = () =>
        pause(2 * store.deadlineMs).then(() => Promise.reject(new Error("busy for too long")));
    });
    store.instead = null;
    await throttle.peek(request);
    assertEquals(await held(throttle, "slots"), 0);
  });

  describe("beside others that were made in another slot of a cluster", () => {
    /** A store of two nodes; on the near one the slot of `moving` is not served while `isMoving`. */
    function cluster() {
      const { store, answer } = shared();
      const ranNothing = (error: unknown) => (error as Error).message.startsWith("CLUSTERDOWN");
      const [near, far] = ["near", "far"].map((name): StorePart => ({ name, ranNothing }));
      const state = { isMoving: false };
      store.instead = async (checks, spend) => {
        const moving = checks.filter(({ key, cost }) => key.startsWith("moving") && cost < 0);
        if (!state.isMoving || moving.length === 0) return answer(checks, spend);
        await answer(checks.filter((check) => !moving.includes(check)), spend);
        throw new Error("CLUSTERDOWN Hash slot not served");
      };
      const nodes: Store = { ...store, partOf: ({ key }) => key.startsWith("far") ? far : near };
      return { state, guarded: failover(nodes, { rules: [], onStoreFailure: "local" }) };
    }
    const checks = (cost: number): Check[] =>
      ["served:a", "moving:a"].map((key) => checkOf({ key, limit: 10, cost }));

    it("is kept alone", async () => {
      const { state, guarded } = cluster();
      const charged = await guarded.decide(checks(10));
      state.isMoving = true;
      await guarded.decide(checks(-3).map((check, i) => ({ ...check, since: charged[i].chargedAt })));
      await pause(1);
      state.isMoving = false;
      await guarded.decide(checks(0));
      assertEquals((await guarded.decide(checks(0), false)).map(({ remaining }) => remaining), [3, 3]);
    });

    it("is kept alone where it gives back what another node refuses", async () => {
      const { state, guarded } = cluster();
      const far = checkOf({ key: "far:a", limit: 1 });
      await guarded.decide([...checks(7), far]);
      state.isMoving = true;
      const [, , { allowed }] = await guarded.decide([...checks(3), far]);
      assertEquals(allowed, false);
      await pause(1);
      state.isMoving = false;
      await guarded.decide(checks(0));
      assertEquals((await guarded.decide(checks(0), false)).map(({ remaining }) => remaining), [3, 3]);
    });
  });

  it("is never sent twice where nobody knows what came of it", async () => {
    for (
      const fault of [() => new Promise<never>(() => {}), () => Promise.reject(new Error("socket closed"))]
    ) {
      let calls = 0;
      const { store, throttle, held } = await endDuring(({ store }) =>
        store.instead = () => {
          calls++;
          return fault();
        }
      );
      assertEquals(calls, 3);
      store.instead = null;
      await throttle.peek(request);
      assertEquals(await held(throttle, "slots"), 3);
    }
  });

  it("is kept while the breaker is open, and sent when the store is back: refunds and real costs alike", async () => {
    const { store, time, held } = shared();
    const throttle = createThrottle([
      { name: "failures", rate: "50/hour", count: "failures" },
      { name: "costs", rate: "50/hour", cost: 5 },
    ], { client, store });
    const outcomes = [];
    for (let i = 0; i < 4; i++) outcomes.push(await throttle.check(request));
    store.instead = () => Promise.reject(new Error("down"));
    for (let i = 0; i < 5; i++) await throttle.check(request);
    for (const [i, outcome] of outcomes.entries()) {
      await outcome.settle("costs", i);
      outcome.label(new Response("done"));
    }
    store.instead = null;
    time.now += 1000;
    await throttle.peek(request);
    await throttle.peek(request);
    assertEquals([await held(throttle, "failures"), await held(throttle, "costs")], [0, 0 + 1 + 2 + 3]);
  });

  it("is forgotten when its lease has ended, and the oldest when there are too many", () => {
    const time = { now: 0 };
    const kept = returnsKept(() => time.now, 3);
    const correction = (since: number): Check => ({ ...checkOf({ key: "r:a" }), cost: -1, since });
    kept.keep([1, 2, 3, 4].map(correction));
    kept.keep([checkOf({ key: "r:a" })]);
    assertEquals(kept.size, 3);
    assertEquals(kept.take().map(({ since }) => since), [2, 3, 4]);
    assertEquals(kept.size, 0);
    kept.keep([0, 10].map(correction));
    time.now = 2 * correction(0).policy.windowMs + 5;
    assertEquals(kept.take().map(({ since }) => since), [10]);
  });
});

describe("slots on a real Redis", { skip: withoutRedis }, () => {
  let redis: Redis;
  const ends: (() => unknown)[] = [];
  before(async () => {
    redis = await startRedis();
  });
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });
  after(() => redis.stop());

  it("are free after an outage of two seconds in which the requests that held them ended", async () => {
    const door = await startDoor(redis.port);
    ends.push(door.shut);
    const connection = new Ioredis(door.url.replace("http:", "redis:"), {
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      retryStrategy: () => 50,
    });
    connection.on("error", () => {});
    ends.push(() => connection.disconnect());
    const throttle = createThrottle({ ...slots(3), key: () => "everybody" }, {
      store: redisStore({ client: connection, prefix: "outage", timeoutMs: 10_000 }),
    });
    const outcomes = [];
    for (let i = 0; i < 3; i++) outcomes.push(await throttle.check(request));
    const [fourth] = (await throttle.check(request)).decisions;
    assertEquals([fourth.allowed, fourth.source], [false, "store"]);
    await door.shut();
    await until(() => connection.status !== "ready");
    for (const outcome of outcomes) await outcome.label(new Response("done")).text();
    await pause(2000);
    await door.open();
    await until(() => connection.status === "ready");
    const after = [];
    for (let i = 0; i < 4; i++) after.push(await throttle.check(request));
    assertEquals(after.map(({ decisions }) => decisions[0].source), ["store", "store", "store", "store"]);
    assertEquals(after.map(({ allowed }) => allowed), [true, true, true, false]);
  });

  it("are free after a second in which all answers came too late", async () => {
    const bridge = await startBridge({ path: redis.path });
    ends.push(bridge.close);
    const { url, token } = bridge;
    const rule: Rule = { ...slots(2), key: () => "everybody" };
    // The calls that give a slot back must be in time.
    await inTime(async (tries) => {
      bridge.fault = null;
      const store = upstashStore({ url, token, prefix: `slow ${tries}`, timeoutMs: 1000 });
      const handler = withThrottle(() => new Response("done"), { ...rule, onStoreFailure: "deny" }, {
        store,
      });
      assertEquals(await (await handler(request)).text(), "done");
      bridge.fault = { kind: "late", ms: 1500 };
      assertEquals((await Promise.all([handler(request), handler(request)])).map(({ status }) => status), [
        503,
        503,
      ]);
      bridge.fault = null;
      const watching = createThrottle(rule, { store });
      await until(async () => {
        const { remaining, source } = await watching.usage("slots", "everybody");
        return source === "store" && remaining === 2;
      });
    });
  });
});
