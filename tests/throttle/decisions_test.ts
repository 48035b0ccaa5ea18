/** Decisions and answers of a throttle, from the first request to the refusal. */
import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "node:test";
import { byUser, createThrottle, DAY, errorJson, HOUR, MINUTE, SECOND } from "../../mod.ts";
import { writtenDuring } from "../harness/console.ts";
import { as, authenticate, requestTo, throttled } from "../harness/throttled.ts";

const json = async (response: Response) => await response.json();

describe("a throttle", () => {
  it("refuses requests above a rate with 429, and they do not reach the handler", async () => {
    const { statuses, served } = throttled("2/min");
    assertEquals(await statuses(4), [200, 200, 429, 429]);
    assertEquals(served.length, 2);
  });

  it("takes a rate as a number of requests and a window in seconds, by name", async () => {
    const { statuses, clock } = throttled({ limit: 5, window: 10 });
    assertEquals(await statuses(6), [200, 200, 200, 200, 200, 429]);
    clock.now += 10_000;
    assertEquals(await statuses(1), [200]);
  });

  it("has units of time as constants, in seconds", () => {
    assertEquals([SECOND, MINUTE, HOUR, DAY], [1, 60, 3600, 86400]);
    assertEquals(createThrottle({ limit: 1, window: 2 * MINUTE }).rules[0].windowMs, 120_000);
  });

  it("answers where it is asked without a handler, and an own answer may have any status", async () => {
    const { throttle } = throttled("1/min", { reject: () => new Response("come back", { status: 420 }) });
    const first = await throttle.check(requestTo());
    assertEquals([first.allowed, first.response], [true, null]);
    const second = await throttle.check(requestTo());
    assertEquals([second.allowed, second.response?.status], [false, 420]);
  });

  it("label() puts plain headers on a response, on success and on errors", async () => {
    const { throttle } = throttled("2/min");
    for (const [status, left] of [[200, "1"], [500, "0"]] as const) {
      const outcome = await throttle.check(requestTo());
      const response = outcome.label(new Response(null, { status }));
      assertEquals([response.status, response.headers.get("x-ratelimit-remaining")], [status, left]);
    }
  });

  it("refuses with 429, a body, the limit, remaining 0, reset and Retry-After", async () => {
    const { send } = throttled("1/min", { reject: errorJson() });
    await send();
    const refused = await send();
    assertEquals(refused.status, 429);
    const names = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "retry-after"];
    assertEquals(names.map((name) => refused.headers.get(name)), ["1", "0", "60", "60"]);
    assertEquals((await json(refused)).error, "rate_limit_exceeded");
  });

  it("takes headers from the decision itself: the window's own end, and the key that was counted", async () => {
    const { send, clock } = throttled({ rate: "2/min", key: byUser() }, { authenticate });
    await send("/", as("ann"));
    clock.now += 45_000;
    const response = await send("/", as("ann"));
    const names = ["x-ratelimit-remaining", "x-ratelimit-reset"];
    assertEquals(names.map((name) => response.headers.get(name)), ["0", "15"]);
  });

  it("keeps an entry for as long as its window, and nothing for a day by default", async () => {
    const { statuses, clock } = throttled("1/s");
    assertEquals(await statuses(2), [200, 429]);
    clock.now += 1000;
    assertEquals(await statuses(1), [200]);
  });
});

describe("a rate or a cost that cannot be used", () => {
  it("is reported on the console once per rule, however many requests it refuses", async () => {
    const { lines } = await writtenDuring(async () => {
      const plans: Record<string, string> = {};
      const { statuses } = throttled({ name: "plan", rate: () => plans["gold"] });
      assertEquals(await statuses(3), [503, 503, 503]);
    }, "error");
    assertEquals(lines.length, 1);
    assertMatch(
      lines[0],
      /^@weir\/throttle: Rule "plan" refuses requests that it cannot count\. Cannot use rule "plan"/,
    );
  });
});
