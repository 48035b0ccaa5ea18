/** Calendar quotas of instances whose clocks are wrong: the store's clock picks the period. */
import { assert, assertEquals } from "@std/assert";
import { Redis as Upstash } from "@upstash/redis";
import fc from "fast-check";
import { after, before, describe, it } from "node:test";
import {
  byGlobal,
  createThrottle,
  memoryStore,
  type Rate,
  rateLimit,
  type Store,
  type Throttle,
} from "../../mod.ts";
import { runnerOf as redisRunnerOf } from "../../src/stores/redis/redis_clients.ts";
import type { ScriptRunner } from "../../src/stores/redis/script_runner.ts";
import { runnerOf as upstashRunnerOf } from "../../src/stores/upstash/upstash_client.ts";
import { type Bridge, startBridge } from "../harness/bridge.ts";
import { clockedStore, setClock } from "../harness/clocked_scripts.ts";
import { withoutRedis } from "../harness/redis.ts";
import { suiteRedis } from "../harness/suite_redis.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How far the clocks of the instances are off. */
const SKEWS = [0, 5 * SECOND, -5 * SECOND, 40 * MINUTE, -40 * MINUTE];

/** Rates, and the periods of each at a time, written by hand. */
const CALENDARS: readonly (readonly [name: string, Rate, starts: readonly string[]])[] = [
  ["months, in UTC", "5/month", [
    "2027-01-01T00:00Z",
    "2027-02-01T00:00Z",
    "2027-03-01T00:00Z",
    "2027-04-01T00:00Z",
  ]],
  [
    "months from the 31st, in Berlin",
    { limit: 5, every: "month", timeZone: "Europe/Berlin", startsOn: 31 },
    ["2027-01-30T23:00Z", "2027-02-27T23:00Z", "2027-03-30T22:00Z", "2027-04-29T22:00Z"],
  ],
  [
    "days in New York, of which one has 23 hours",
    { limit: 5, every: "day", timeZone: "America/New_York" },
    ["2027-03-13T05:00Z", "2027-03-14T05:00Z", "2027-03-15T04:00Z", "2027-03-16T04:00Z"],
  ],
  [
    "days in Berlin, of which one has 25 hours",
    { limit: 5, every: "day", timeZone: "Europe/Berlin" },
    ["2027-10-29T22:00Z", "2027-10-30T22:00Z", "2027-10-31T23:00Z", "2027-11-01T23:00Z"],
  ],
  ["years", "5/year", ["2026-01-01T00:00Z", "2027-01-01T00:00Z", "2028-01-01T00:00Z", "2029-01-01T00:00Z"]],
  [
    "weeks from Sunday",
    { limit: 5, every: "week", startsOn: 7 },
    ["2026-11-22T00:00Z", "2026-11-29T00:00Z", "2026-12-06T00:00Z", "2026-12-13T00:00Z"],
  ],
];

/** A store on a clock of the test's own. */
interface Subject {
  readonly name: string;
  readonly skip?: string | false;
  /** @returns The store, and a function that sets its clock. */
  open(): { store: Store; set(now: number): unknown };
}

const suite = suiteRedis();
let bridge: Bridge;
let opened = 0;

/** The store on scripts, whose keys outlive the test. */
function scripted(runnerOf: () => ScriptRunner): Subject["open"] {
  return () => ({
    store: clockedStore(runnerOf(), {
      prefix: `calendar${++opened}`,
      timeoutMs: 10_000,
      outlivesMs: 400 * DAY,
    }),
    set: (now) => setClock(suite.command, now),
  });
}

const SUBJECTS: readonly Subject[] = [
  {
    name: "memory",
    open() {
      let now = 0;
      return { store: memoryStore({ clock: () => now }), set: (time) => void (now = time) };
    },
  },
  {
    name: "Redis",
    skip: withoutRedis,
    open: scripted(() => redisRunnerOf(suite.client)),
  },
  {
    name: "Upstash",
    skip: withoutRedis,
    open: scripted(() => {
      const { url, token } = bridge;
      return upstashRunnerOf(
        new Upstash({ url, token, retry: { retries: 0 }, automaticDeserialization: false }),
      );
    }),
  },
];

const REQUEST = new Request("https://api.example/");

/** Throttles of instances on one store, whose own clocks are off. */
function instances(rate: Rate, store: Store, time: { now: number }, skews = SKEWS): readonly Throttle[] {
  return skews.map((skew) =>
    createThrottle({ name: "plan", rate, key: byGlobal() }, {
      store: { ...store, clock: () => time.now + skew },
      headers: [rateLimit()],
    })
  );
}

describe("calendar quotas of instances whose clocks are 5 s and 40 minutes off", () => {
  before(async () => {
    if (!withoutRedis) bridge = await startBridge(suite.server);
  });
  after(() => bridge?.close());

  for (const { name, skip = false, open } of SUBJECTS) {
    describe(`on ${name}`, { skip }, () => {
      for (const [calendar, rate, texts] of CALENDARS) {
        it(`let exactly the limit pass in each of the ${calendar}`, async () => {
          const starts = texts.map((text) => Date.parse(text));
          const near = fc.constantFrom(
            ...[0, 1, 2, SECOND, 4999, 5001, MINUTE, 39 * MINUTE, 41 * MINUTE, HOUR],
          );
          const moment = fc.tuple(fc.nat(2), fc.boolean(), near).map(([period, isLate, ms]) =>
            isLate ? starts[period + 1] - 1 - ms : starts[period] + ms
          );
          const visit = fc.record({ moment, instance: fc.nat(SKEWS.length - 1) });
          const visits = fc.array(visit, { minLength: 30, maxLength: 40 }).map((list) =>
            list.sort((a, b) => a.moment - b.moment)
          );
          const run = async (list: readonly { readonly moment: number; readonly instance: number }[]) => {
            const { store, set } = open();
            const time = { now: 0 };
            const fleet = instances(rate, store, time);
            const [asked, passed] = [[0, 0, 0], [0, 0, 0]];
            for (const { moment, instance } of list) {
              await set(time.now = moment);
              const period = starts.findLastIndex((start) => start <= moment);
              const { allowed, decisions: [decision], response } = await fleet[instance].check(REQUEST);
              asked[period]++;
              if (allowed) passed[period]++;
              const [start, end] = [starts[period], starts[period + 1]];
              assertEquals(decision.windowMs, end - start);
              assertEquals(moment + decision.resetAfterMs, end);
              if (allowed) continue;
              assertEquals(moment + decision.retryAfterMs, end);
              assertEquals(
                response?.headers.get("ratelimit-policy"),
                `"plan";q=5;w=${(end - start) / SECOND}`,
              );
            }
            assertEquals(passed, asked.map((count) => Math.min(5, count)));
          };
          await fc.assert(fc.asyncProperty(visits, run), { numRuns: name === "memory" ? 50 : 8 });
        });
      }

      it("count on in the same count where a clock is off by more than a period, and no window of others moves", async () => {
        const { store, set } = open();
        const time = { now: Date.UTC(2027, 1, 10) };
        const [right, lost] = instances("5/month", store, time, [0, -900 * DAY]);
        const statuses = async (throttle: Throttle, count: number) => {
          const allowed: boolean[] = [];
          for (let i = 0; i < count; i++) allowed.push((await throttle.check(REQUEST)).allowed);
          return allowed.filter(Boolean).length;
        };
        await set(time.now);
        assertEquals(await statuses(lost, 2), 2);
        assertEquals(await statuses(right, 2), 2);
        assertEquals(await statuses(lost, 3), 1);
        assertEquals(await statuses(right, 1), 0);
        await set(time.now = Date.UTC(2027, 2, 1) - 1);
        assertEquals(await statuses(right, 1), 0);
        await set(time.now = Date.UTC(2027, 2, 1));
        assertEquals(await statuses(right, 3), 3);
        assertEquals(await statuses(lost, 3), 2);
        const [{ resetAfterMs, windowMs }] = await right.peek(REQUEST);
        assertEquals([resetAfterMs, windowMs], [31 * DAY, 31 * DAY]);
        assert(windowMs === 31 * DAY);
      });
    });
  }
});
