/** Clocks that are set back, and what pacedFetch knows by them. */
import { assertEquals } from "@std/assert";
import { describe, it } from "node:test";
import { forward } from "../../src/paced_fetch/forward.ts";
import { pacedFetch } from "../../src/paced_fetch/mod.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

describe("a clock that never goes back", () => {
  it("stands still while the other is set back, or has no time to give, and goes on with it", () => {
    const readings = [1000, 1500, 500, 700, 5000, 4000, 4001, NaN, 5000, 5001];
    let now = 0;
    const clock = forward(() => now);
    const times = readings.map((reading) => {
      now = reading;
      return clock();
    });
    assertEquals(times, [1000, 1500, 1500, 1700, 6000, 6000, 6001, 6001, 6001, 6002]);
  });
});

describe("pacedFetch whose clock is set", () => {
  const date = (ms: number) => new Date(ms).toUTCString();

  /** The statements of servers that have no quota for two seconds. */
  const statements: Readonly<Record<string, (now: number) => [status: number, Record<string, string>]>> = {
    "a refusal with its wait": () => [429, { "retry-after": "2" }],
    "a refusal with a date": (now) => [429, { "retry-after": date(now + 2000) }],
    "a refusal without a wait": () => [429, {}],
    "a quota that is used up": () => [200, { ratelimit: '"own";r=0;t=2' }],
    "a quota that is used up until a Unix time": (now) => [
      200,
      { "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(now / 1000 + 2) },
    ],
  };
  for (const [title, stated] of Object.entries(statements)) {
    for (const [how, aheadMs] of [["back by an hour", 0], ["right that was a day ahead", DAY_MS]] as const) {
      it(`${how}, waits no longer for it: ${title}`, async () => {
        let now = 1_800_000_000_000;
        let ahead = aheadMs;
        let sent = 0;
        const fetch = pacedFetch({
          fetch: () => {
            // The server's own clock is right.
            const [status, headers] = stated(now);
            return Promise.resolve(new Response("", sent++ === 0 ? { status, headers } : {}));
          },
          ...{ clock: () => now + ahead, random: () => 0, maxWaitMs: 0, retry: "none" },
        });
        const ask = async () => (await fetch("https://api.example/")).status;
        await ask();
        ahead -= aheadMs || HOUR_MS;
        assertEquals([await ask(), sent], [429, 1]);
        now += 2000;
        assertEquals([await ask(), sent], [200, 2]);
      });
    }
  }

  it("ends a wait that is under way", async () => {
    let behindMs = 0;
    let sent = 0;
    const fetch = pacedFetch({
      fetch: () =>
        Promise.resolve(
          new Response("", sent++ === 0 ? { status: 429, headers: { "retry-after-ms": "250" } } : {}),
        ),
      clock: () => Date.now() - behindMs,
      random: () => 0,
    });
    const answer = fetch("https://api.example/");
    await new Promise((resolve) => setTimeout(resolve, 50));
    behindMs = HOUR_MS;
    assertEquals([(await answer).status, sent], [200, 2]);
  });
});
