/** Rates by the calendar, through a whole throttle. */
import { assert, assertEquals, assertLessOrEqual, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import {
  type Algorithm,
  byGlobal,
  byHeader,
  concurrency,
  createThrottle,
  fixedWindow,
  gcra,
  memoryStore,
  type Rate,
  rateLimit,
  retryAfter,
  type Rule,
  slidingLog,
  slidingWindow,
  stats,
  type Store,
  throttleOf,
} from "../../mod.ts";
import { dashboard, type DashboardApp } from "../../src/dashboard/mod.ts";
import { describe as describeApi } from "../../src/openapi/mod.ts";
import { replay } from "../../src/replay/mod.ts";
import { leasesOf } from "../../src/stores/leases/leases.ts";
import type { LeasingStore } from "../../src/stores/store.ts";
import { writtenDuring } from "../harness/console.ts";
import { client, requestTo, throttled } from "../harness/throttled.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const MONTH: Rule = { name: "plan", rate: "2/month", key: byGlobal() };

/** The lines on the console meanwhile. */
const said = async (act: () => Promise<unknown>) => (await writtenDuring(act, "warn", "error")).lines;

/** A store of several processes that counts the calls. */
function sharedStore(clock: () => number): Store & { calls: number } {
  const memory = memoryStore({ clock });
  const store = {
    shared: true,
    clock,
    calls: 0,
    decide(...asked: Parameters<Store["decide"]>) {
      store.calls++;
      return memory.decide(...asked);
    },
  };
  return store;
}

describe("a rate by the calendar", () => {
  it("is in the compiled rule, with a name that says so", () => {
    const rates: readonly Rate[] = [
      "1000/month",
      "5000/year",
      { limit: 3, every: "day", timeZone: "Europe/Berlin" },
      { limit: 3, every: "week", startsOn: 7 },
      { limit: 3, every: "month", timeZone: "Asia/Kolkata", startsOn: 15 },
    ];
    const { rules } = createThrottle(rates.map((rate) => ({ rate, key: byGlobal() })));
    assertEquals(rules.map(({ name, windowMs, stateName }) => [name, windowMs! / DAY, stateName]), [
      ["global.1000-per-month", 31, "global.1000-per-month/fixed-window/month-1-UTC"],
      ["global.5000-per-year", 366, "global.5000-per-year/fixed-window/year-1-UTC"],
      ["global.3-per-day", 1, "global.3-per-day/fixed-window/day-1-Europe/Berlin"],
      ["global.3-per-week", 7, "global.3-per-week/fixed-window/week-7-UTC"],
      ["global.3-per-month", 31, "global.3-per-month/fixed-window/month-15-Asia/Kolkata"],
    ]);
    const { every, timeZone, startsOn } = rules[2].period!;
    assertEquals([every, timeZone, startsOn], ["day", "Europe/Berlin", 1]);
    assertEquals(createThrottle("1000/day").rules[0].period, null);
  });

  it("tells clients this period's length, and its end in every header", async () => {
    const { clock, send } = throttled(MONTH, { headers: [rateLimit(), retryAfter()] });
    for (const [now, days] of [["2027-02-10", 28], ["2028-02-10", 29], ["2028-05-10", 31]] as const) {
      clock.now = Date.parse(`${now}T12:00:00Z`);
      const end = Date.parse(now.replace(/-10$/, "-01")) + days * DAY;
      const seconds = (end - clock.now) / 1000;
      const first = await send();
      assertEquals(first.headers.get("ratelimit-policy"), `"plan";q=2;w=${days * 86_400}`);
      assertEquals(first.headers.get("ratelimit"), `"plan";r=1;t=${seconds}`);
      await send();
      const refused = await send();
      assertEquals([refused.status, refused.headers.get("retry-after")], [429, `${seconds}`]);
      clock.now = end - 1;
      assertEquals((await send()).headers.get("retry-after"), "1");
      clock.now = end;
      assertEquals((await send()).status, 200);
    }
  });

  it("is day by day, week by week and year by year as long as they are", async () => {
    const table: readonly (readonly [Rate, now: string, hours: number])[] = [
      [{ limit: 1, every: "day", timeZone: "Europe/Berlin" }, "2027-03-28T12:00Z", 23],
      [{ limit: 1, every: "day", timeZone: "Europe/Berlin" }, "2027-10-31T12:00Z", 25],
      [{ limit: 1, every: "day" }, "2027-10-31T12:00Z", 24],
      [{ limit: 1, every: "week", timeZone: "America/New_York" }, "2027-11-05T12:00Z", 7 * 24 + 1],
      [{ limit: 1, every: "week", timeZone: "America/New_York" }, "2027-11-10T12:00Z", 7 * 24],
      [
        { limit: 1, every: "week", timeZone: "America/New_York", startsOn: 7 },
        "2027-11-10T12:00Z",
        7 * 24 + 1,
      ],
      ["1/year", "2028-06-01T00:00Z", 366 * 24],
    ];
    for (const [rate, now, hours] of table) {
      const { clock, send, events } = throttled({ rate, key: byGlobal() });
      clock.now = Date.parse(now);
      await send();
      assertEquals(events[0].decisions[0].windowMs / HOUR, hours, `${JSON.stringify(rate)} at ${now}`);
    }
  });

  const others: readonly Algorithm[] = [
    gcra(),
    slidingLog(),
    slidingWindow(),
    { name: "own", step: fixedWindow().step },
  ];
  for (const algorithm of others) {
    it(`is refused at construction with ${algorithm.name}, whose windows have no beginnings`, () => {
      for (const rate of ["5/month", { limit: 5, every: "day" }] as const) {
        assertThrows(
          () => createThrottle({ name: "plan", rate, algorithm }),
          TypeError,
          `Cannot use rule "plan" as algorithm must be fixedWindow() for a rate with every: current value is "${algorithm.name}"`,
        );
      }
    });
  }

  it("is refused with concurrency, whose rate is a limit alone", () => {
    assertThrows(
      () => createThrottle({ name: "slots", rate: "5/month", algorithm: concurrency({ lease: 60 }) }),
      TypeError,
      'Cannot use rule "slots" as rate must be { limit } alone for concurrency',
    );
  });

  it("is the same with aligned windows and under a block", async () => {
    const rules: readonly Rule[] = [
      { ...MONTH, algorithm: fixedWindow({ aligned: true }) },
      { ...MONTH, block: { after: 1000, window: 60, for: 60 } },
    ];
    for (const rule of rules) {
      const { clock, statuses } = throttled(rule);
      clock.now = Date.UTC(2027, 1, 10);
      assertEquals(await statuses(3), [200, 200, 429]);
      clock.now = Date.UTC(2027, 2, 1);
      assertEquals(await statuses(3), [200, 200, 429]);
    }
  });
});

describe("a rate by the calendar from a function", () => {
  /** Each customer's header "x-day" is the billing day. */
  const billed: Rule = {
    name: "plan",
    key: byHeader("x-day"),
    rate: ({ request }) => ({ limit: 2, every: "month", startsOn: Number(request.headers.get("x-day")) }),
  };
  const of = (day: number) => ({ headers: { "x-day": `${day}` } });

  it("gives each customer a billing day", async () => {
    const { clock, statuses } = throttled(billed);
    clock.now = Date.UTC(2027, 1, 14);
    for (const day of [1, 15, 31]) assertEquals(await statuses(3, "/", of(day)), [200, 200, 429]);
    clock.now = Date.UTC(2027, 1, 15);
    assertEquals([...await statuses(1, "/", of(1)), ...await statuses(1, "/", of(15))], [429, 200]);
    clock.now = Date.UTC(2027, 1, 28);
    assertEquals([...await statuses(1, "/", of(1)), ...await statuses(1, "/", of(31))], [429, 200]);
    clock.now = Date.UTC(2027, 2, 1);
    assertEquals(await statuses(1, "/", of(1)), [200]);
  });

  it("is refused per request where a value cannot be used, with an error event", async () => {
    const { send, events } = throttled(billed);
    const lines = await said(async () => assertEquals((await send("/", of(32))).status, 503));
    assertStringIncludes(lines[0], "rate.startsOn must be an integer from 1 to 31: current value is 32");
    assertEquals(events.filter(({ type }) => type === "error").length, 1);
  });

  it("is not warned of as a window that gets shorter", async () => {
    const { clock, send } = throttled(billed);
    clock.now = Date.UTC(2027, 0, 31, 23);
    const lines = await said(async () => {
      for (let i = 0; i < 3; i++, clock.now += HOUR) await send("/", of(1));
    });
    assertEquals(lines, []);
  });

  it("keeps what was used when a plan changes from a day's window to the month, and forgets it the other way round", async () => {
    let rate: Rate = "2/day";
    const { clock, statuses } = throttled({ name: "plan", key: byGlobal(), rate: () => rate });
    clock.now = Date.UTC(2027, 1, 10, 12);
    assertEquals(await statuses(2), [200, 200]);
    rate = "3/month";
    assertEquals(await statuses(2), [200, 429]);
    clock.now += DAY;
    rate = { limit: 1, every: "day" };
    assertEquals(await statuses(2), [200, 429]);
  });

  it("gives no new quota, whatever time zones follow each other: each midnight gives one at most", () => {
    const zones = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Pacific/Kiritimati"];
    const visits = fc.array(
      fc.record({ zone: fc.constantFrom(...zones), wait: fc.constantFrom(0, 0, 1, 5) }),
      {
        minLength: 50,
        maxLength: 150,
      },
    );
    fc.assert(fc.property(visits, (list) => {
      let now = Date.UTC(2027, 1, 10);
      let timeZone = "UTC";
      const throttle = createThrottle({
        name: "zones",
        key: byGlobal(),
        rate: () => ({ limit: 2, every: "day", timeZone }),
      }, { store: memoryStore({ clock: () => now }) });
      let passed = 0;
      for (const { zone, wait } of list) {
        now += wait * HOUR;
        timeZone = zone;
        passed += Number((throttle.check(requestTo()) as { allowed: boolean }).allowed);
      }
      const midnights = 2 + Math.ceil((now - Date.UTC(2027, 1, 10)) / DAY) * zones.length;
      assertLessOrEqual(passed, 2 * midnights);
    }));
  });

  it("can be looked up and reset by a request", async () => {
    const { clock, throttle, statuses } = throttled(billed);
    clock.now = Date.UTC(2027, 1, 20);
    await statuses(2, "/", of(15));
    const request = requestTo("/", of(15));
    const { remaining, windowMs, resetAfterMs } = await throttle.usage("plan", request);
    assertEquals([remaining, windowMs / DAY, resetAfterMs / DAY], [0, 28, 23]);
    await throttle.reset("plan", request);
    assertEquals((await throttle.usage("plan", request)).remaining, 2);
  });
});

describe("a quota per month", () => {
  it("gives back what did not count within its month, and leaves the next one alone", async () => {
    let settle: (() => unknown) | undefined;
    const { clock, throttle, statuses } = throttled(MONTH, {}, (request) => {
      settle = () => throttleOf(request)?.settle("plan", 0);
      return new Response();
    });
    clock.now = Date.UTC(2027, 1, 28, 23);
    await statuses(1);
    await settle?.();
    assertEquals((await throttle.usage("plan", "all")).remaining, 2);
    await statuses(2);
    clock.now += HOUR;
    const late = settle;
    await statuses(1);
    await late?.();
    assertEquals((await throttle.usage("plan", "all")).remaining, 1);
  });

  it("is refused from this instance's memory until the month ends, and not longer", async () => {
    const time = { now: Date.UTC(2027, 1, 10) };
    const store = sharedStore(() => time.now);
    const throttle = createThrottle(MONTH, { store, client });
    const visit = async () => (await throttle.check(requestTo())).allowed;
    assertEquals([await visit(), await visit(), await visit()], [true, true, false]);
    const { calls } = store;
    for (; time.now < Date.UTC(2027, 2, 1); time.now += DAY / 4) assertEquals(await visit(), false);
    assertEquals(store.calls, calls);
    assertEquals(await visit(), true);
  });

  it("lets exactly its limit pass from units taken ahead, in each of ten months, with fewer calls", async () => {
    const time = { now: Date.UTC(2027, 0, 1) };
    const store = sharedStore(() => time.now) as Store & { calls: number };
    const leasing: LeasingStore = { ...store, leases: leasesOf(20).over as LeasingStore["leases"] };
    const throttle = createThrottle({ ...MONTH, rate: "5000/month" }, { store: leasing, client });
    let asked = 0;
    for (let month = 0; month < 10; month++) {
      // From ten minutes before the end of the month before, so that units are in hand at its end.
      let passed = 0;
      const end = Date.UTC(2027, month + 1, 1);
      time.now = Date.UTC(2027, month, 1);
      for (let i = 0; i < 5500; i++, asked++) {
        if (i === 5000) time.now = end - 4000;
        time.now += i % 5 === 0 ? 1 : 0;
        if ((await throttle.check(requestTo())).allowed) passed++;
      }
      assertEquals(passed, 5000, `month ${month + 1}`);
    }
    assertLessOrEqual(store.calls, asked / 5);
  });

  it("is counted by each process while its store is away", async () => {
    const time = { now: Date.UTC(2027, 1, 10) };
    const store = sharedStore(() => time.now);
    let isAway = false;
    const decide: Store["decide"] = (...asked) => {
      if (isAway) throw new Error("away");
      return store.decide(...asked);
    };
    const throttle = createThrottle(MONTH, { store: { ...store, decide }, client });
    const visit = async () => {
      const { allowed, decisions: [{ source, windowMs }] } = await throttle.check(requestTo());
      return [allowed, source, windowMs / DAY];
    };
    await said(async () => {
      assertEquals(await visit(), [true, "store", 28]);
      isAway = true;
      assertEquals([await visit(), await visit()], [[true, "local", 28], [false, "local", 28]]);
      time.now = Date.UTC(2027, 2, 1);
      assertEquals(await visit(), [true, "local", 31]);
    });
  });

  it("is in documents and on the dashboard", async () => {
    const { headers } = describeApi(createThrottle(MONTH, { headers: [rateLimit(), retryAfter()] }));
    assertStringIncludes(JSON.stringify(headers.RateLimitPolicy), '\\"plan\\";q=2;w=2678400');
    assertStringIncludes(JSON.stringify(headers.RetryAfter), "2678400");
    const statistics = stats();
    const throttle = createThrottle([
      MONTH,
      { name: "billed", rate: { limit: 1000, every: "month", timeZone: "Asia/Tokyo", startsOn: 15 } },
    ], { observers: [statistics], client });
    await throttle.check(requestTo());
    const app = dashboard<DashboardApp>({ throttle, stats: statistics, authorize: () => true });
    const text = await (await app.request("/rules")).text();
    assert(/2 per month, UTC/.test(text), text);
    assert(/1,000 per month from day 15, Asia\/Tokyo/.test(text), text);
  });

  it("is replayed by the clock of a log", async () => {
    const requests = ["2027-01-31T23:00Z", "2027-01-31T23:30Z", "2027-01-31T23:59Z", "2027-02-01T00:00Z"].map(
      (at) => ({
        at: Date.parse(at),
        method: "GET",
        url: "/",
        address: "192.0.2.1",
      }),
    );
    const { refused } = await replay(requests, { rules: MONTH });
    assertEquals(refused, 1);
  });
});
