/** The quotas that `plan` reads in rate headers, by tables. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import process from "node:process";
import { describe, it } from "node:test";
import { byUser, rateLimit, retryAfter, type Rule, xRateLimit } from "../../mod.ts";
import { plan, type ServerQuota } from "../../src/paced_fetch/mod.ts";
import { throttled } from "../harness/throttled.ts";

/** Sunday, 29 November 2026, noon, UTC. */
const NOW = Date.UTC(2026, 10, 29, 12);

/** A quota that has what is said, and for the rest what is not told. */
const quota = (told: Partial<ServerQuota>): ServerQuota => ({
  policy: "",
  partition: "",
  limit: null,
  windowMs: null,
  remaining: 0,
  resetMs: null,
  cost: 1,
  ...told,
});
const quotasOf = (headers: HeadersInit) => plan(new Headers(headers), NOW).quotas;
const waitOf = (headers: HeadersInit) => plan(new Headers(headers), NOW).waitMs;

describe("plan reads", () => {
  const dialects: [title: string, headers: Record<string, string>, quotas: Partial<ServerQuota>[]][] = [
    ["nothing in nothing", {}, []],
    [
      "drafts 8 to 11",
      {
        "ratelimit-policy": '"burst";q=10;w=1, "daily";q=1000;w=86400',
        "ratelimit": '"burst";r=9;t=1,"daily";r=873;t=75428',
      },
      [
        { policy: "burst", limit: 10, windowMs: 1000, remaining: 9, resetMs: 1000 },
        { policy: "daily", limit: 1000, windowMs: 86_400_000, remaining: 873, resetMs: 75_428_000 },
      ],
    ],
    ["an item without its policy or time", { ratelimit: '"a";r=4' }, [{ policy: "a", remaining: 4 }]],
    [
      "the text after draft 11",
      { "ratelimit-policy": '"cost";q=100;w=3600', "ratelimit": '"cost";a=93;w=60;c=7' },
      [{ policy: "cost", limit: 100, windowMs: 3_600_000, remaining: 93, resetMs: 60_000, cost: 7 }],
    ],
    [
      "both dialects in one item, the newer first",
      { ratelimit: '"d";r=50;t=30;a=49;w=29' },
      [{ policy: "d", remaining: 49, resetMs: 29_000 }],
    ],
    [
      "one beside the other",
      { ratelimit: '"x";r=4;t=1, "y";a=5;w=2' },
      [{ policy: "x", remaining: 4, resetMs: 1000 }, { policy: "y", remaining: 5, resetMs: 2000 }],
    ],
    [
      "partition keys apart",
      { ratelimit: '"p";r=4;t=1;pk=:YQ==:, "p";r=5;t=1;pk=:Yg==:' },
      [
        { policy: "p", partition: ":YQ==:", remaining: 4, resetMs: 1000 },
        { policy: "p", partition: ":Yg==:", remaining: 5, resetMs: 1000 },
      ],
    ],
    [
      "names with anything in them",
      { ratelimit: String.raw`"a, \"b\";r=9\\";r=4;t=1;by="x;r=7, y"` },
      [{ policy: String.raw`a, "b";r=9\ `.trim(), remaining: 4, resetMs: 1000 }],
    ],
    [
      "past parameters of each kind that RFC 9651 has",
      { ratelimit: '"a";n=%"caf%c3%a9, x";at=@1795922177;b=?1;c;d=-1.5;e=*t/x;f=:YQ==:;r=4;t=1' },
      [{ policy: "a", remaining: 4, resetMs: 1000 }],
    ],
    [
      "draft 7",
      { "ratelimit-policy": "100;w=60", "ratelimit": "limit=100, remaining=50, reset=5" },
      [{ limit: 100, windowMs: 60_000, remaining: 50, resetMs: 5000 }],
    ],
    [
      "draft 6",
      {
        "ratelimit-policy": "100;w=60, 1000;w=86400",
        "ratelimit-limit": "100, 100;w=60",
        "ratelimit-remaining": "50",
        "ratelimit-reset": "5",
      },
      [{ limit: 100, windowMs: 60_000, remaining: 50, resetMs: 5000 }],
    ],
    [
      "X-RateLimit, seconds from now",
      { "x-ratelimit-limit": "60", "x-ratelimit-remaining": "59", "x-ratelimit-reset": "30" },
      [{ limit: 60, remaining: 59, resetMs: 30_000 }],
    ],
    [
      "GitHub's: Unix time, among others of the name",
      {
        "x-ratelimit-limit": "5000",
        "x-ratelimit-remaining": "4999",
        "x-ratelimit-reset": String(NOW / 1000 + 3600),
        "x-ratelimit-used": "1",
        "x-ratelimit-resource": "core",
      },
      [{ limit: 5000, remaining: 4999, resetMs: 3_600_000 }],
    ],
    [
      "Unix time in ms, and in fractions of a second",
      { "x-ratelimit-remaining": "1", "x-ratelimit-reset": String(NOW + 250) },
      [{ remaining: 1, resetMs: 250 }],
    ],
    [
      "X's, with a dash more",
      {
        "x-rate-limit-limit": "15",
        "x-rate-limit-remaining": "14",
        "x-rate-limit-reset": String(NOW / 1000 + 900),
      },
      [{ limit: 15, remaining: 14, resetMs: 900_000 }],
    ],
    [
      "OpenAI's: two units, and durations",
      {
        "x-ratelimit-limit-requests": "10000",
        "x-ratelimit-remaining-requests": "9999",
        "x-ratelimit-reset-requests": "8.64s",
        "x-ratelimit-limit-tokens": "150000",
        "x-ratelimit-remaining-tokens": "149984",
        "x-ratelimit-reset-tokens": "6m0s",
      },
      [
        { policy: "requests", limit: 10_000, remaining: 9999, resetMs: 8640 },
        { policy: "tokens", limit: 150_000, remaining: 149_984, resetMs: 360_000 },
      ],
    ],
    [
      "Anthropic's: dates",
      {
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-remaining": "49",
        "anthropic-ratelimit-requests-reset": "2026-11-29T12:00:01Z",
        "anthropic-ratelimit-output-tokens-remaining": "8000",
        "anthropic-ratelimit-output-tokens-reset": "2026-11-29T12:01:00Z",
      },
      [
        { policy: "requests", limit: 50, remaining: 49, resetMs: 1000 },
        { policy: "output-tokens", remaining: 8000, resetMs: 60_000 },
      ],
    ],
    [
      "of several families the standard one",
      { "ratelimit": '"a";r=4;t=1', "x-ratelimit-remaining": "9", "ratelimit-remaining": "8" },
      [{ policy: "a", remaining: 4, resetMs: 1000 }],
    ],
    ["of two fields joined by a comma the first", {
      "x-ratelimit-remaining": "3, 5",
      "x-ratelimit-reset": "7, 9",
    }, [
      { remaining: 3, resetMs: 7000 },
    ]],
    ["nothing of what a cache has kept", { "age": "30", "ratelimit": '"a";r=4;t=1' }, []],
    ["what a cache passed at once", { "age": "0", "ratelimit": '"a";r=4;t=1' }, [{
      policy: "a",
      remaining: 4,
      resetMs: 1000,
    }]],
    ["a reset in the past as now", {
      "x-ratelimit-remaining": "0",
      "x-ratelimit-reset": String(NOW / 1000 - 9),
    }, [
      { resetMs: 0 },
    ]],
    ["no reset in words", { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "soon" }, [{}]],
  ];
  for (const [title, headers, quotas] of dialects) {
    it(title, () => assertEquals(quotasOf(headers), quotas.map(quota)));
  }

  const absurd = [
    "NaN",
    "-1",
    "1e300",
    "Infinity",
    "",
    " ",
    "1.2.3",
    "0x10",

    "9".repeat(16),
    "null",
    "five",
    "1 2",
  ];
  for (const value of absurd) {
    it(`nothing where ${JSON.stringify(value)} is left, in any dialect`, () => {
      assertEquals(quotasOf({ "x-ratelimit-remaining": value, "x-ratelimit-reset": "60" }), []);
      assertEquals(quotasOf({ "ratelimit": `"a";r=${value};t=60` }), []);
      assertEquals(quotasOf({ "ratelimit": `limit=9, remaining=${value}, reset=60` }), []);
    });
  }

  const malformed = [
    '"a;r=1',
    "a;r=1",
    '"a"r=1',
    '"a";r=1,,"b";r=2',
    '"a";r=1,',
    '"a";r=1 "b";r=2',
    '"\\x";r=1',
    ",".repeat(8000),
    '"a";r=1, "b'.repeat(700),
    '"a"' + ";x".repeat(9000) + '"',
  ];
  for (const field of malformed) {
    it(`nothing in a field that is malformed: ${field.slice(0, 20)}`, () => {
      assertEquals(quotasOf({ ratelimit: field }), []);
    });
  }

  it("the first of several families, and no time that is longer than any real one", () => {
    const families = { "ratelimit-remaining": "5", "x-ratelimit-remaining": "9" };
    assertEquals(quotasOf(families).map(({ remaining }) => remaining), [5]);
    assertEquals([waitOf({ "retry-after": "1s" }), waitOf({ "retry-after": "1s".repeat(30) })], [1000, null]);
  });

  it("whatever a header holds, without throwing", () => {
    const names = [
      "ratelimit",
      "ratelimit-policy",
      "x-ratelimit-remaining",
      "x-ratelimit-reset",
      "retry-after",
      "retry-after-ms",
    ];
    const value = fc.oneof(
      fc.stringMatching(/^[\x20-\x7e]{0,40}$/),
      fc.stringMatching(/^("[a-z"\\]{0,4}"|[a-z0-9=;,.: "-]){0,20}$/),
      fc.constantFrom(
        '"a";r=1;t=1e300',
        "1e300",
        "-5",
        "9".repeat(400),
        '"a";r=',
        ";;;",
        "Thu, 01 Jan 1970 00:00:00 GMT",
      ),
    );
    fc.assert(fc.property(fc.dictionary(fc.constantFrom(...names), value), (headers) => {
      const { quotas, waitMs } = plan(new Headers(headers), NOW);
      assert(waitMs === null || waitMs >= 0);
      for (const { remaining, resetMs, limit, windowMs, cost } of quotas) {
        for (const number of [remaining, resetMs ?? 0, limit ?? 0, windowMs ?? 0, cost]) assert(number >= 0);
      }
    }));
  });

  const waits: [headers: Record<string, string>, waitMs: number | null][] = [
    [{}, null],
    [{ "retry-after": "5" }, 5000],
    [{ "retry-after": " 5 " }, 5000],
    [{ "retry-after": "0" }, 0],
    [{ "retry-after": "Sun, 29 Nov 2026 12:00:30 GMT" }, 30_000],
    [{ "retry-after": "Sunday, 29-Nov-26 12:00:30 GMT" }, 30_000],
    [{ "retry-after": "Sun, 29 Nov 2026 11:00:00 GMT" }, 0],
    [{ "retry-after": "31536000" }, 31_536_000_000],
    [{ "retry-after": "5, 60" }, 5000],
    [{ "retry-after": "soon" }, null],
    [{ "retry-after": "NaN" }, null],
    // Engines make dates of these.
    [{ "retry-after": "-5" }, null],
    [{ "retry-after": "about 5" }, null],
    [{ "retry-after": "1.5.2" }, null],
    [{ "retry-after": "Sun Nov 29 12:00:30 2026 GMT" }, 30_000],
    [{ "retry-after": "1e300" }, null],
    [{ "retry-after": "" }, null],
    [{ "retry-after-ms": "700", "retry-after": "1" }, 700],
    [{ "retry-after-ms": "700.5" }, 700.5],
    [{ "retry-after-ms": "0" }, 0],
    [{ "retry-after-ms": "-1", "retry-after": "2" }, 2000],
    [{ "retry-after-ms": "", "retry-after": "2" }, 2000],
    [{ "retry-after-ms": "Infinity", "retry-after": "2" }, 2000],
  ];
  for (const [headers, waitMs] of waits) {
    it(`a wait of ${waitMs} ms in ${JSON.stringify(headers)}`, () => assertEquals(waitOf(headers), waitMs));
  }

  it("a date without a zone, as asctime writes it, as GMT wherever the client is", () => {
    const before = process.env.TZ;
    process.env.TZ = "America/Sao_Paulo";
    try {
      assertEquals(waitOf({ "retry-after": "Sun Nov 29 12:00:30 2026" }), 30_000);
      assertEquals(waitOf({ "retry-after": "Sun, 29 Nov 2026 13:00:30 +0100" }), 30_000);
      assertEquals(waitOf({ "retry-after": "2026-11-29T13:00:30+0100" }), 30_000);
    } finally {
      process.env.TZ = before ?? "UTC";
      if (before === undefined) delete process.env.TZ;
    }
  });
});

describe("plan and Weir's own headers", () => {
  const rule: Rule = { name: "own", rate: "9/min", key: byUser() };
  const formats = {
    "draft 11": rateLimit(),
    "draft 7": rateLimit({ draft: 7 }),
    "draft 6": rateLimit({ draft: 6 }),
    "the text after draft 11": rateLimit({ draft: "next" }),
    "both dialects": rateLimit({ draft: [11, "next"] }),
    "X-RateLimit": xRateLimit(),
  };
  for (const [title, format] of Object.entries(formats)) {
    it(`agree on what is left and until when: ${title}`, async () => {
      const { send, clock } = throttled(rule, {
        headers: [format, retryAfter({ ms: true })],
        authenticate: () => ({ id: "a" }),
      });
      for (const left of [8, 7, 6]) {
        const [{ remaining, limit, resetMs }] = plan((await send()).headers, clock.now).quotas;
        assertEquals([remaining, limit, resetMs], [left, 9, 60_000]);
      }
      for (let i = 0; i < 6; i++) await send();
      clock.now += 500;
      const { quotas: [{ remaining }], waitMs } = plan((await send()).headers, clock.now);
      assertEquals([remaining, waitMs], [0, 59_500]);
    });
  }
});
