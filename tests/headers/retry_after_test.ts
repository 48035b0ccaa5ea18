/** A refused client's wait beside whole seconds: ms, no use in trying, and a random part. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe as suite, it } from "node:test";
import { createThrottle, retryAfter, type RetryAfterOptions, type Rule, withThrottle } from "../../mod.ts";
import { setFields } from "../../src/headers/format.ts";
import { describe } from "../../src/openapi/mod.ts";
import { requestTo, throttled } from "../harness/throttled.ts";

const NAMES = ["retry-after", "retry-after-ms", "x-should-retry"];
const told = ({ headers }: Response) => NAMES.map((name) => headers.get(name));

function write(options: RetryAfterOptions, retryAfterMs: number | null, there: HeadersInit = {}) {
  const headers = new Headers(there);
  const report = { denied: true, quotas: [], retryAfterMs, at: 1_800_000_000_000 };
  setFields(headers, retryAfter(options).fields(report, headers));
  return NAMES.map((name) => headers.get(name));
}

suite("retryAfter({ ms: true })", () => {
  const waits: [waitMs: number | null, seconds: string | null, ms: string | null, retry: string | null][] = [
    [0, "1", "1", null],
    [0.2, "1", "1", null],
    [700, "1", "700", null],
    [700.1, "1", "701", null],
    [59_999, "60", "59999", null],
    [60_000, "60", "60000", null],
    [60_001, "61", "60001", "false"],
    [31_536_000_000, "31536000", "31536000000", "false"],
    [1e300, "999999999999999", "999999999999999", "false"],
    [null, null, null, "false"],
    [Infinity, null, null, "false"],
    [NaN, null, null, "false"],
  ];
  for (const [waitMs, ...sent] of waits) {
    it(`a wait of ${waitMs} ms is sent as ${sent.join(", ")}`, () => {
      assertEquals(write({ ms: true }, waitMs), sent);
    });
  }

  const there: [title: string, there: HeadersInit, waitMs: number, sent: (string | null)[]][] = [
    ["a longer wait stays", { "retry-after": "90" }, 700, ["90", "90000", "false"]],
    ["a longer wait in ms stays", { "retry-after": "1", "retry-after-ms": "900" }, 700, ["1", "1000", null]],
    ["a shorter wait goes", { "retry-after": "1", "retry-after-ms": "900" }, 5000, ["5", "5000", null]],
    ["words go", { "retry-after": "soon", "retry-after-ms": "soon" }, 5000, ["5", "5000", null]],
    ["permission to try goes", { "x-should-retry": "true" }, 90_000, ["90", "90000", "false"]],
  ];
  for (const [title, headers, waitMs, sent] of there) {
    it(`of what is there ${title}`, () => assertEquals(write({ ms: true }, waitMs, headers), sent));
  }

  const rules: [title: string, rule: Rule, sent: (string | null)[]][] = [
    ["a window of 700 ms", { rate: "1/700ms" }, ["1", "700", null]],
    ["a window of an hour", { rate: "1/hour" }, ["3600", "3600000", "false"]],
    ["a limit of 0", { rate: "0/s" }, [null, null, "false"]],
    ["a cost above the burst", { rate: "1/s", cost: 2 }, [null, null, "false"]],
  ];
  for (const [title, rule, sent] of rules) {
    it(`a refusal by ${title} says ${sent.join(", ")}`, async () => {
      const { send } = throttled(rule, { headers: [retryAfter({ ms: true })] });
      const passes = await send();
      if (passes.status === 200) assertEquals(told(passes), [null, null, null]);
      assertEquals(told(await send()), sent);
    });
  }

  it("is not sent unless asked for", () => {
    assertEquals(write({}, 90_000), ["90", null, null]);
    assertEquals(write({}, null), [null, null, null]);
  });

  it("is shown to scripts of other origins, and described to an API's users, where it is sent", async () => {
    const headers = [retryAfter({ ms: true })];
    const reject = () => new Response(null, { status: 429, headers: { "access-control-allow-origin": "*" } });
    const handler = withThrottle(() => new Response(), "0/s", {
      headers,
      reject,
      client: { address: () => "192.0.2.1" },
    });
    assertEquals(
      (await handler(requestTo())).headers.get("access-control-expose-headers"),
      "X-Should-Retry",
    );
    const namesOf = (rate: string) => {
      const { responses } = describe(createThrottle(rate, { headers })) as unknown as {
        responses: Record<string, { headers: Record<string, unknown> }>;
      };
      return Object.keys(responses.TooManyRequests.headers);
    };
    assertEquals(namesOf("1/min"), ["Retry-After", "Retry-After-Ms", "Cache-Control"]);
    assertEquals(namesOf("1/hour"), ["Retry-After", "Retry-After-Ms", "X-Should-Retry", "Cache-Control"]);
  });
});

suite("retryAfter({ jitter })", () => {
  it("makes waits longer by up to that part of them, never shorter", () => {
    for (const [random, sent] of [[0, "60"], [0.5, "63"], [0.9999, "66"]] as const) {
      assertEquals(write({ jitter: 0.1, random: () => random }, 60_000)[0], sent);
    }
    assertEquals(write({ jitter: 1, ms: true, random: () => 0.25 }, 1000), ["2", "1250", null]);
    assertEquals(write({ jitter: 1, random: () => 0.5 }, null), [null, null, null]);
  });

  it("draws anew for each refusal, and never before", async () => {
    const { random } = Math;
    let drawn = 0;
    Math.random = () => {
      drawn++;
      return random();
    };
    try {
      const { send } = throttled("1/hour", { headers: [retryAfter({ jitter: 0.5 })] });
      assertEquals([(await send()).status, drawn], [200, 0]);
      const waits: number[] = [];
      for (let i = 0; i < 200; i++) waits.push(Number((await send()).headers.get("retry-after")));
      assertEquals(drawn, 200);
      assert(waits.every((wait) => wait >= 3600 && wait <= 5400));
      assert(new Set(waits).size > 100, `${new Set(waits).size}`);
    } finally {
      Math.random = random;
    }
  });

  it("leaves a longer wait that is there", () => {
    assertEquals(write({ jitter: 1, random: () => 0.5 }, 60_000, { "retry-after": "91" })[0], "91");
    assertEquals(write({ jitter: 1, random: () => 0.5 }, 60_000, { "retry-after": "89" })[0], "90");
  });
});

suite("retryAfter's options", () => {
  const wrong: [options: unknown, sentence: string][] = [
    [
      { jitter: -0.1 },
      "Cannot send Retry-After as jitter must be a number from 0 to 1: current value is -0.1",
    ],
    [{ jitter: 5 }, "Cannot send Retry-After as jitter must be a number from 0 to 1: current value is 5"],
    [{ jitter: NaN }, "Cannot send Retry-After as jitter must be a number from 0 to 1: current value is NaN"],
    [{ jitter: "1" }, 'Cannot send Retry-After as jitter must be a number from 0 to 1: current value is "1"'],
    [{ ms: 1 }, "Cannot send Retry-After as ms must be true or false: current value is 1"],
    [{ random: 1 }, "Cannot send Retry-After as random must be a function: current value is 1"],
    [
      { MS: true },
      'Cannot send Retry-After as it takes no option but ms, jitter, random: current value is "MS"',
    ],
  ];
  for (const [options, sentence] of wrong) {
    it(`${JSON.stringify(options)} is refused`, () => {
      const kind = "jitter" in (options as RetryAfterOptions) ? RangeError : TypeError;
      assertThrows(() => retryAfter(options as RetryAfterOptions), kind, sentence);
    });
  }
});
