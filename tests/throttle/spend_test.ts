/** Quotas that are spent without a request. */
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import {
  byApiKey,
  byHeader,
  byUser,
  concurrency,
  createThrottle,
  fixedWindow,
  gcra,
  logTo,
  memoryStore,
  type Rule,
  slidingLog,
  slidingWindow,
  stats,
  type Store,
  type ThrottleEvent,
  type ThrottleOptions,
} from "../../mod.ts";
import { otel } from "../../src/otel/mod.ts";
import { leasesOf } from "../../src/stores/leases/leases.ts";
import { writtenDuring } from "../harness/console.ts";
import { describeOnStores } from "../harness/store_table.ts";
import { faultyStore } from "../../src/testing/mod.ts";
import { client, SOMEBODY, START, throttled } from "../harness/throttled.ts";

const ALGORITHMS = [fixedWindow(), fixedWindow({ aligned: true }), gcra(), slidingLog(), slidingWindow()];
const SLOTS = concurrency({ lease: "1h" });

/** How many of so many at once are allowed. */
async function allowedOf(count: number, spend: () => unknown): Promise<number> {
  const spent = await Promise.all(Array.from({ length: count }, () => spend() as { allowed: boolean }));
  return spent.filter(({ allowed }) => allowed).length;
}

describeOnStores("throttle.spend", ({ open, roundTrips }) => {
  for (const algorithm of [...ALGORITHMS, SLOTS]) {
    const rate = algorithm === SLOTS ? { limit: 3 } : "3/day";
    it(`spends the quota that requests of the same key spend: ${algorithm.name}`, async () => {
      const rule: Rule = { name: "messages", rate, algorithm };
      const throttle = createThrottle(rule, {
        client,
        store: open(`shared ${ALGORITHMS.indexOf(algorithm)}`),
      });
      const ask = async () => (await throttle.check(new Request("https://example.com/"))).allowed;
      const spend = async (cost?: number) => (await throttle.spend("messages", SOMEBODY, cost)).allowed;
      assertEquals([await ask(), await spend(), await spend(2), await ask(), await spend()], [
        ...[true, true, false, true, false],
      ]);
      assertEquals((await throttle.spend("messages", "somebody else")).allowed, true);
      assertEquals((await throttle.usage("messages", SOMEBODY)).remaining, 0);
    });
  }

  it("of 5,000 spends and requests at once lets exactly the limit pass, key by key", async () => {
    const rule: Rule = { name: "calls", rate: "100/day", key: byHeader("x-key"), on: "/call" };
    const throttle = createThrottle(rule, { store: open("at once") });
    const keys = ["one", "two", "three"];
    const passed = await Promise.all(keys.map((key, i) =>
      allowedOf(5000 / keys.length, () => {
        const isSpend = (i = (i + 1) % 5) < 3;
        if (isSpend) return throttle.spend("calls", key);
        return throttle.check(new Request("https://example.com/call", { headers: { "x-key": key } }));
      })
    ));
    assertEquals(passed, [100, 100, 100]);
  });

  it("charges all of several rules or none, in one round trip", async () => {
    const throttle = createThrottle([
      { name: "minute", rate: "9/min", on: [] },
      { name: "day", rate: "2/day", on: [] },
    ], { store: open("several") });
    await throttle.spend(["minute", "day"], "ann"); // loads the script
    const before = roundTrips();
    const second = await throttle.spend(["day", "minute"], "ann");
    assertEquals(second.decisions.map(({ rule, remaining }) => [rule, remaining]), [["day", 0], [
      "minute",
      7,
    ]]);
    if (before !== null) assertEquals(roundTrips(), before + 1);
    const third = await throttle.spend(["minute", "day"], "ann");
    assertEquals([third.allowed, (await throttle.usage("minute", "ann")).remaining], [false, 7]);
    assertEquals(third.decisions.filter(({ allowed }) => !allowed).map(({ rule }) => rule), ["day"]);
  });

  it("settles to the real cost once, and gives back all of it, a slot too", async () => {
    const throttle = createThrottle([
      { name: "tokens", rate: "1000/day", on: [] },
      { name: "jobs", rate: { limit: 1 }, algorithm: concurrency({ lease: "1h" }), on: [] },
    ], { store: open("settled") });
    const left = async (rule: string) => (await throttle.usage(rule, "ann")).remaining;
    const call = await throttle.spend("tokens", "ann", 500);
    await call.settle(120);
    await call.settle(0);
    assertEquals(await left("tokens"), 880);
    const job = await throttle.spend(["jobs", "tokens"], "ann", 1);
    assertEquals([job.allowed, await left("jobs"), await left("tokens")], [true, 0, 879]);
    assertEquals((await throttle.spend("jobs", "ann")).allowed, false);
    await job.settle(0);
    assertEquals([await left("jobs"), await left("tokens")], [1, 880]);
  });

  it("never lets requests and spends of one rule exceed its limit together, in any order", async () => {
    const step = fc.record({
      key: fc.constantFrom("a", "b"),
      isSpend: fc.boolean(),
      cost: fc.integer({ min: 0, max: 4 }),
      settled: fc.option(fc.integer({ min: 0, max: 4 }), { nil: null }),
    });
    let round = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...ALGORITHMS),
        fc.array(step, { maxLength: 25 }),
        async (algorithm, steps) => {
          const limit = 7;
          const throttle = createThrottle({
            ...{ name: "units", rate: `${limit}/week`, algorithm, key: byHeader("x-key") },
            cost: ({ request }) => Number(request.headers.get("x-cost")),
          }, { store: open(`property ${round++}`) });
          const used: Record<string, number> = { a: 0, b: 0 };
          for (const { key, isSpend, cost, settled } of steps) {
            const headers = { "x-key": key, "x-cost": String(cost) };
            const spent = isSpend
              ? await throttle.spend("units", key, cost)
              : await throttle.check(new Request("https://example.com/", { headers }));
            // A week is long: nothing comes back meanwhile, but what a meter drains is below one unit.
            assertEquals(spent.allowed, used[key] + cost <= limit);
            if (!spent.allowed) continue;
            const real = settled === null ? cost : Math.min(settled, cost);
            if ("label" in spent) await spent.settle("units", real);
            else await spent.settle(real);
            used[key] += real;
          }
          for (const key of ["a", "b"]) {
            assertEquals((await throttle.usage("units", key)).remaining, limit - used[key]);
          }
        },
      ),
      { numRuns: roundTrips() === null ? 200 : 20 },
    );
  });
});

describe("throttle.spend", () => {
  const only = (rule: Partial<Rule>, options: ThrottleOptions = {}) =>
    throttled({ name: "messages", rate: "2/min", on: [], ...rule }, options);

  it("has a rule with on: [] to itself: no request is under it", async () => {
    const { throttle, statuses, clock } = only({});
    assertEquals(await statuses(5), [200, 200, 200, 200, 200]);
    const first = await throttle.spend("messages", "ann");
    assertEquals([first.allowed, first.decisions.map(({ remaining }) => remaining)], [true, [1]]);
    await throttle.spend("messages", "ann");
    assertEquals((await throttle.spend("messages", "ann")).allowed, false);
    clock.now += 60_000;
    assertEquals((await throttle.spend("messages", "ann")).allowed, true);
  });

  it("answers at once, without a promise, on memory", () => {
    const spent = only({}).throttle.spend("messages", "ann");
    assert("allowed" in spent && spent.allowed);
    assertEquals(spent.settle(0), undefined);
  });

  it("takes the rule's own cost, unless it is given one", async () => {
    const { throttle } = only({ rate: "10/min", cost: 4 });
    await throttle.spend("messages", "ann");
    await throttle.spend("messages", "ann", 1);
    await throttle.spend("messages", "ann", 0);
    assertEquals((await throttle.usage("messages", "ann")).remaining, 5);
  });

  it("refuses a cost above the burst without charging it, and shows what is left", async () => {
    const { throttle } = only({});
    await throttle.spend("messages", "ann");
    const { allowed, decisions: [decision] } = await throttle.spend("messages", "ann", 3);
    assertEquals([allowed, decision.source, decision.retryAfterMs, decision.remaining], [
      false,
      "rule",
      Infinity,
      1,
    ]);
  });

  it("passes under a rule without a limit, which decides nothing", async () => {
    const { throttle, events } = only({ rate: null });
    assertEquals((await throttle.spend("messages", "ann")).allowed, true);
    assertEquals(events.map(({ type }) => type), ["skipped", "allowed"]);
  });

  it("is one charge where a rule is named twice", async () => {
    const { throttle } = only({});
    assertEquals((await throttle.spend(["messages", "messages"], "ann")).decisions.length, 1);
    assertEquals((await throttle.usage("messages", "ann")).remaining, 1);
  });

  it("spends the quota of an API key's customer", async () => {
    const { throttle, send } = throttled({
      ...{ name: "customer", rate: "2/min" },
      key: byApiKey({ verify: () => "acme" }),
    });
    await send("/", { headers: { "x-api-key": "k-1" } });
    const { decisions: [{ remaining }] } = await throttle.spend("customer", "api-key:customer:acme");
    assertEquals(remaining, 0);
  });

  it("refuses in a sentence what it cannot use", () => {
    const { throttle } = throttled([
      { name: "mail", rate: "2/min" },
      { name: "plan", rate: () => "2/min" },
      { name: "upload", rate: "2/min", cost: ({ request }) => Number(request.headers.get("content-length")) },
    ]);
    const mistakes: [unknown, unknown, unknown, typeof TypeError | typeof RangeError, string][] = [
      ["male", "ann", 1, TypeError, 'there are only "mail", "plan", "upload": current value is "male"'],
      [
        ["mail", "male"],
        "ann",
        1,
        TypeError,
        'there are only "mail", "plan", "upload": current value is "male"',
      ],
      [[], "ann", 1, TypeError, "Cannot spend as it needs at least one rule: current value is []"],
      ["mail", 7, 1, TypeError, "Cannot spend as key must be text: current value is 7"],
      ["mail", undefined, 1, TypeError, "Cannot spend as key must be text: current value is undefined"],
      ["mail", "ann", -1, RangeError, "cost must be an integer of at least 0: current value is -1"],
      ["mail", "ann", 0.5, RangeError, "cost must be an integer of at least 0: current value is 0.5"],
      ["mail", "ann", "1", RangeError, 'cost must be an integer of at least 0: current value is "1"'],
      [
        "plan",
        "ann",
        1,
        TypeError,
        'Cannot use rule "plan" by a key alone as its rate depends on the request, so give `usage` or `check` one',
      ],
      ["upload", "ann", undefined, TypeError, "its cost depends on the request, so give a cost"],
    ];
    for (const [rule, key, cost, kind, sentence] of mistakes) {
      assertThrows(() => throttle.spend(rule as string, key as string, cost as number), kind, sentence);
    }
    const spent = throttle.spend("upload", "ann", 2) as { allowed: boolean; settle(cost: number): unknown };
    assertEquals(spent.allowed, true);
    assertThrows(() => spent.settle(-1), RangeError, "Cannot spend as cost must be");
  });

  it("is decided and reported in shadow mode, and never refused", async () => {
    const { throttle, events } = only({ mode: "shadow" });
    for (let i = 0; i < 3; i++) assertEquals((await throttle.spend("messages", "ann")).allowed, true);
    assertEquals(events.map(({ type }) => type), ["allowed", "allowed", "shadow-denied", "allowed"]);
  });

  it("counts towards a block, and is refused by it", async () => {
    const { throttle, events, clock } = only({ block: { after: 2, window: "1min", for: "1h" } });
    for (let i = 0; i < 4; i++) await throttle.spend("messages", "ann");
    clock.now += 120_000;
    const { allowed, decisions: [{ blockedMs }] } = await throttle.spend("messages", "ann");
    assertEquals([allowed, blockedMs], [false, 3_480_000]);
    assertEquals(events.slice(-2).map(({ type }) => type), ["blocked", "denied"]);
  });

  it("tells observers with the method SPEND, no route, and the key as requests do", async () => {
    const { throttle, events, send } = throttled({ name: "messages", rate: "1/min" });
    await send("/");
    await throttle.spend("messages", SOMEBODY);
    const spent = await throttle.spend("messages", "ann", 1);
    await spent.settle(0);
    await send("/");
    const about = (event: ThrottleEvent) => [event.type, event.method, event.route, event.rule ?? null];
    assertEquals(events.map(about), [
      ["allowed", "GET", null, null],
      ["denied", "SPEND", null, "messages"],
      ["allowed", "SPEND", null, null],
      ["settled", "SPEND", null, "messages"],
      ["denied", "GET", null, "messages"],
    ]);
    assertEquals(events[1].key, events[4].key);
    assert(events.every(({ at }) => at === START));
  });

  it("tells observers how long it took", async () => {
    const begun = performance.now();
    const { throttle, events } = throttled({ name: "messages", rate: "1/min" });
    await throttle.spend("messages", "ann");
    const [{ durationMs = NaN }] = events;
    // Without a beginning it would be the time since the process began.
    assert(durationMs >= 0 && durationMs < begun, `${durationMs} ms`);
  });

  it("is in statistics, logs and metrics, and asks nobody for an address", async () => {
    const statistics = stats({ clock: () => START });
    const lines: string[] = [];
    const line = (text: string) => lines.push(text);
    const added: string[] = [];
    let addresses = 0;
    const instrument = (name: string) => ({
      add: (units: number) => added.push(`${name} ${units}`),
      record: () => {},
    });
    const meter = {
      createCounter: instrument,
      createUpDownCounter: instrument,
      createHistogram: instrument,
    };
    const { throttle } = throttled([
      { name: "messages", rate: "1/min", on: [] },
      { name: "jobs", rate: { limit: 1 }, algorithm: SLOTS, on: [] },
    ], {
      client: {
        address() {
          addresses++;
          return SOMEBODY;
        },
      },
      observers: [
        statistics,
        logTo({ warn: line, info: line }, { identity: true }),
        otel({ meter: meter as never }),
      ],
    });
    await throttle.spend("messages", "ann");
    await throttle.spend("messages", "ann");
    const report = await statistics.read();
    assertEquals(report.by_method.SPEND.requests, 2);
    assertEquals([report.by_rule.messages.requests, report.by_rule.messages.refused], [2, 1]);
    assertEquals([report.last_24_hours.unique_ips, report.top_throttled_keys.length], [1, 1]);
    assertEquals(lines.length, 1);
    assertMatch(lines[0], /"event":"denied".+"rule":"messages","route":null,"method":"SPEND"/);
    const job = await throttle.spend("jobs", "ann");
    await job.settle(0);
    const active = added.filter((text) => text.startsWith("weir.throttle.concurrency.active"));
    assertEquals(active.map((text) => Number(text.split(" ")[1])), [1, -1]);
    assertEquals(addresses, 0);
  });

  it("goes by the failure policy while the store fails", async () => {
    for (
      const [onStoreFailure, allowed, source] of [
        ["local", [true, true, false], "local"],
        ["allow", [true, true, true], "allowed-by-policy"],
        ["deny", [false, false, false], "denied-by-policy"],
      ] as const
    ) {
      const store = faultyStore(memoryStore());
      store.fault = "throw";
      const { throttle } = only({ onStoreFailure }, { store });
      const spent = [];
      for (let i = 0; i < 3; i++) spent.push(await throttle.spend("messages", "ann"));
      assertEquals(spent.map((each) => each.allowed), [...allowed]);
      assertEquals(spent[0].decisions[0].source, source);
    }
  });

  it("is answered by the deny cache and from leases, as requests are", async () => {
    const time = { now: START };
    const shared = () => faultyStore(memoryStore({ clock: () => time.now }));
    const spendAll = async (store: Store, count: number) => {
      const { throttle } = only({ rate: "100/min" }, { store });
      const sources: string[] = [];
      for (let i = 0; i < count; i++, time.now++) {
        sources.push((await throttle.spend("messages", "ann")).decisions[0].source);
      }
      return sources;
    };
    const asked = shared();
    assertEquals((await spendAll(asked, 103)).slice(99), ["store", "store", "deny-cache", "deny-cache"]);
    assertEquals(asked.calls, 101);
    const leased = shared();
    const sources = await spendAll(Object.assign(leased, { leases: leasesOf(10).over }), 100);
    assert(leased.calls < 40, String(leased.calls));
    assert(sources.includes("lease"), sources.join(" "));
  });

  it("needs no identity: a rule by user without authentication is no mistake where it is for spend alone", async () => {
    const { lines } = await writtenDuring(async () => {
      const { throttle } = only({ name: "by-user-alone", key: byUser() });
      assertEquals((await throttle.spend("by-user-alone", "ann")).allowed, true);
    }, "warn");
    assertEquals(lines, []);
  });
});
