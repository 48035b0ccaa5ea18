/** An algorithm of one's own that brings its window: a quota per calendar month, UTC. */
import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "node:test";
import { type Algorithm, byGlobal, createThrottle } from "../../mod.ts";
import { throttled } from "../harness/throttled.ts";

interface Month {
  readonly start: number;
  readonly used: number;
}

const DAY = 86_400_000;

function calendarMonth(): Algorithm {
  return {
    name: "calendar-month",
    window: 31 * DAY,
    mayFreeEarly: false,
    capacity: (limit) => limit,
    step(state, { limit }, now, cost, since) {
      const date = new Date(now);
      const start = Date.UTC(date.getUTCFullYear(), date.getUTCMonth());
      const leftMs = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1) - now;
      const used = state?.start === start ? state.used : 0;
      const isMeant = since === null || since === start;
      const allowed = since !== null || used + cost <= limit;
      const after = allowed && isMeant ? Math.max(0, used + cost) : used;
      return {
        allowed,
        remaining: Math.max(0, limit - after),
        resetAfterMs: after > 0 ? leftMs : 0,
        retryAfterMs: allowed ? 0 : cost > limit ? Infinity : leftMs,
        state: after === used ? state : { start, used: after },
        ttlMs: leftMs,
        at: start,
      };
    },
  } satisfies Algorithm<Month>;
}

const monthly = { rate: { limit: 2 }, algorithm: calendarMonth(), key: byGlobal() };

describe("an algorithm that brings its window", () => {
  it("counts across responses: what a request was charged stays charged when its response has ended", async () => {
    const { clock, send } = throttled(monthly, {}, () => new Response("a body that ends"));
    clock.now = Date.UTC(2027, 1, 1);
    const visit = async () => {
      const response = await send();
      await response.text();
      return [response.status, response.headers.get("x-ratelimit-remaining")];
    };
    assertEquals(await visit(), [200, "1"]);
    assertEquals(await visit(), [200, "0"]);
    assertEquals(await visit(), [429, "0"]);
    clock.now = Date.UTC(2027, 2, 1) - 1;
    const refused = await send();
    assertEquals([refused.status, refused.headers.get("retry-after")], [429, "1"]);
    clock.now++;
    assertEquals(await visit(), [200, "1"]);
  });

  it("counts across responses under a block too, and through check and label", async () => {
    const throttle = createThrottle({ ...monthly, block: { after: 9, window: 60, for: 60 } });
    const passed: boolean[] = [];
    for (let i = 0; i < 4; i++) {
      const outcome = await throttle.check(new Request("https://api.example/"));
      passed.push(outcome.allowed);
      if (outcome.allowed) outcome.label(new Response());
    }
    assertEquals(passed, [true, true, false, false]);
  });

  it("may count some responses only, which what is held while a request runs may not", async () => {
    const { statuses, throttle } = throttled({ ...monthly, name: "failures", count: "failures" });
    assertEquals(await statuses(5), [200, 200, 200, 200, 200]);
    assertEquals((await throttle.usage("failures", "all")).remaining, 2);
  });

  it("gives its rule that window, and a name that says so", () => {
    const [{ limit, windowMs, refundable, name }] = createThrottle(monthly).rules;
    assertEquals([limit, windowMs, refundable, name], [2, 31 * DAY, false, "global.2-per-31d"]);
  });

  it("may hold its charge while the request runs, whatever window its rate has", async () => {
    const slots: Algorithm = { ...calendarMonth(), window: undefined, heldWhileRunning: true };
    const { statuses, throttle } = throttled(
      { name: "slots", rate: "2/day", algorithm: slots },
      {},
      () => new Response(null),
    );
    assertEquals(await statuses(5), [200, 200, 200, 200, 200]);
    assertEquals(throttle.rules[0].refundable, true);
  });

  it("is refused a window that is no whole number of ms", () => {
    for (const window of [0, -1, 1.5, NaN, Infinity, "1h"]) {
      assertThrows(
        () => createThrottle({ ...monthly, algorithm: { ...monthly.algorithm, window: window as number } }),
        TypeError,
        "its algorithm's window must be a whole number of ms, at least 1",
      );
    }
  });
});
