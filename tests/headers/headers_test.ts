import { assert, assertEquals, assertFalse, assertMatch, assertThrows } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import { parseDictionary, parseList } from "structured-headers";
import type { Algorithm } from "../../src/algorithms/algorithm.ts";
import { setFields } from "../../src/headers/format.ts";
import type { HeaderFormat, Quota, Report } from "../../src/headers/format.ts";
import { decimal } from "../../src/headers/numbers.ts";
import { rateLimit } from "../../src/headers/ratelimit.ts";
import { retryAfter } from "../../src/headers/retry_after.ts";
import { xRateLimit } from "../../src/headers/x_ratelimit.ts";
import { createThrottle } from "../../src/throttle/throttle.ts";

const AT = 1_795_323_516_868;

const step: Algorithm["step"] = () => {
  throw new Error("Formats do not step.");
};
const fixed: Algorithm = { step };
const gradual: Algorithm = { step, refillsGradually: true };
const slots: Algorithm = { step, unit: "concurrent-requests" };
const bytes: Algorithm = { step, unit: "content-bytes" };

/** A rule of 100 a minute that has 99 left, but for what is said otherwise. */
function quota(changes: Partial<Quota> = {}, algorithm: Algorithm = fixed): Quota {
  return {
    name: "default",
    limit: 100,
    windowMs: 60_000,
    cost: 1,
    allowed: true,
    remaining: 99,
    resetAfterMs: 60_000,
    retryAfterMs: 0,
    blockedMs: 0,
    unit: algorithm.unit,
    refillsGradually: algorithm.refillsGradually,
    ...changes,
  };
}

/** A rule that refuses for so long. */
function refusal(retryAfterMs: number, changes: Partial<Quota> = {}, algorithm: Algorithm = fixed): Quota {
  return quota(
    { allowed: false, remaining: 0, resetAfterMs: retryAfterMs, retryAfterMs, ...changes },
    algorithm,
  );
}

/** The report of a throttle about these quotas. */
function reportOf(...quotas: Quota[]): Report {
  const waits = quotas.filter(({ allowed }) => !allowed).map(({ retryAfterMs }) => retryAfterMs);
  const longest = Math.max(...waits);
  const denied = waits.length > 0;
  return { denied, quotas, retryAfterMs: denied && longest < Infinity ? longest : null, at: AT };
}

function write(formats: HeaderFormat | HeaderFormat[], report: Report, there: HeadersInit = {}) {
  const headers = new Headers(there);
  for (const format of [formats].flat()) setFields(headers, format.fields(report, headers));
  return Object.fromEntries(headers);
}

describe("xRateLimit", () => {
  it("tells limit, remaining and reset on an allowed response", () => {
    assertEquals(write(xRateLimit(), reportOf(quota())), {
      "x-ratelimit-limit": "100",
      "x-ratelimit-remaining": "99",
      "x-ratelimit-reset": "60",
    });
  });

  it("a denial of 1/min has limit 1, remaining 0, reset 60 and Retry-After 60", () => {
    assertEquals(write([xRateLimit(), retryAfter()], reportOf(refusal(60_000, { limit: 1 }))), {
      "x-ratelimit-limit": "1",
      "x-ratelimit-remaining": "0",
      "x-ratelimit-reset": "60",
      "retry-after": "60",
    });
  });

  const resets: [ms: number, delta: string, epoch: string][] = [
    [0, "0", "1795323517"],
    [1, "1", "1795323517"],
    [132, "1", "1795323517"],
    [133, "1", "1795323518"],
    [58_001, "59", "1795323575"],
    [59_000, "59", "1795323576"],
    [59_001, "60", "1795323576"],
  ];
  for (const [resetAfterMs, delta, epoch] of resets) {
    it(`a reset in ${resetAfterMs} ms is ${delta} s from now, or ${epoch}`, () => {
      const report = reportOf(quota({ resetAfterMs }));
      assertEquals(write(xRateLimit(), report)["x-ratelimit-reset"], delta);
      assertEquals(write(xRateLimit({ reset: "epoch" }), report)["x-ratelimit-reset"], epoch);
    });
  }

  it("of several rules it tells the one with the least share left", () => {
    const daily = quota({ name: "daily", limit: 1000, remaining: 99, resetAfterMs: 80_000_000 });
    const burst = quota({ name: "burst", limit: 2, remaining: 1, resetAfterMs: 1000 });
    for (const quotas of [[daily, burst], [burst, daily]]) {
      assertEquals(write(xRateLimit(), reportOf(...quotas))["x-ratelimit-limit"], "1000");
    }
  });

  it("a denial shows the refusing rule's numbers, though another has less left", () => {
    const refused = refusal(5000, { limit: 100, remaining: 50, cost: 60 });
    const report = reportOf(quota({ limit: 5, remaining: 0 }), refused);
    assertEquals(write(xRateLimit(), report)["x-ratelimit-remaining"], "50");
  });

  it("writes nothing when there are no numbers to tell", () => {
    assertEquals(write([xRateLimit(), retryAfter(), rateLimit()], reportOf()), {});
    const denied: Report = { denied: true, quotas: [], retryAfterMs: null, at: AT };
    assertEquals(write([xRateLimit(), retryAfter(), rateLimit()], denied), {});
  });

  it("leaves the reset out, also an older one, when there is no such moment", () => {
    const report = reportOf(refusal(Infinity));
    const there = { "x-ratelimit-limit": "9", "x-ratelimit-remaining": "9", "x-ratelimit-reset": "9" };
    assertEquals(write(xRateLimit(), report, there), {
      "x-ratelimit-limit": "100",
      "x-ratelimit-remaining": "0",
    });
  });

  it("says that nothing remains while a block lasts", () => {
    const blocked = refusal(600_000, { remaining: 7, blockedMs: 600_000 });
    assertEquals(write(xRateLimit(), reportOf(blocked))["x-ratelimit-remaining"], "0");
  });

  it("never writes NaN, Infinity, a fraction or a negative number", () => {
    const odd = fc.oneof(fc.double(), fc.constantFrom(NaN, Infinity, -Infinity, -1, 1.5, Number.MAX_VALUE));
    const changes = fc.record({
      limit: odd,
      remaining: odd,
      windowMs: odd,
      resetAfterMs: odd,
      retryAfterMs: odd,
      allowed: fc.boolean(),
    });
    const formats = [
      ...[xRateLimit(), xRateLimit({ reset: "epoch" }), retryAfter(), retryAfter({ ms: true, jitter: 1 })],
      ...([11, 7, 6, "next", [11, "next"]] as const).flatMap((draft) => [
        rateLimit({ draft }),
        rateLimit({ draft, pace: true }),
      ]),
    ];
    fc.assert(fc.property(fc.array(changes, { maxLength: 3 }), (decisions) => {
      const report = reportOf(...decisions.map((decision) => quota(decision)));
      for (const format of formats) {
        for (const [name, value] of Object.entries(write(format, report))) {
          assertFalse(/NaN|Infinity|undefined|null|[-.]\d|\de/.test(value), `${name}: ${value}`);
        }
      }
    }));
  });

  const nested: [title: string, there: Record<string, string>, ours: Quota, stays: boolean][] = [
    ["a tighter one stays", { limit: "10", remaining: "1", reset: "5" }, quota(), true],
    ["an equally tight one stays", { limit: "10", remaining: "5" }, quota({ remaining: 50 }), true],
    ["a wider one is replaced", { limit: "1000", remaining: "999", reset: "5" }, quota(), false],
    ["our own denial replaces even an empty one", { limit: "10", remaining: "0" }, refusal(1000), false],
    ["a limit of 0 is as tight as can be", { limit: "0", remaining: "0" }, quota(), true],
    ["two numbers in one are replaced", { limit: "3, 5", remaining: "0, 0" }, quota(), false],
    ["what lacks a number is replaced", { limit: "10" }, quota(), false],
    ["words are replaced", { limit: "unknown", remaining: "0" }, quota(), false],
  ];
  for (const [title, { limit, remaining, reset }, ours, stays] of nested) {
    it(`joins a nested throttle's headers: ${title}`, () => {
      for (
        const [prefix, format] of [
          ["x-ratelimit-", xRateLimit()],
          ["ratelimit-", rateLimit({ draft: 6 })],
        ] as const
      ) {
        const there: Record<string, string> = { [`${prefix}limit`]: limit };
        if (remaining) there[`${prefix}remaining`] = remaining;
        if (reset) there[`${prefix}reset`] = reset;
        const { "ratelimit-policy": _, ...written } = write(format, reportOf(ours), there);
        const own = write(format, reportOf(ours));
        delete own["ratelimit-policy"];
        assertEquals(written, stays ? there : own);
      }
    });
  }

  it("leaves a nested throttle's denial alone, also when that has units left", () => {
    const there = write([xRateLimit(), retryAfter()], reportOf(refusal(5000, { remaining: 90, cost: 95 })));
    const ours = quota({ limit: 10, remaining: 1 });
    assertEquals(write([xRateLimit(), retryAfter()], reportOf(ours), there), there);
  });

  it("replaces a limit that nobody can read, also beside a Retry-After", () => {
    const there = { "x-ratelimit-limit": "9, 9", "x-ratelimit-remaining": "0", "retry-after": "5" };
    const own = write(xRateLimit(), reportOf(quota()));
    assertEquals(write(xRateLimit(), reportOf(quota()), there), { ...own, "retry-after": "5" });
  });

  it("sends no more units than the limit, whatever a custom algorithm says", () => {
    const sent = write(xRateLimit(), reportOf(quota({ remaining: 500 })));
    assertEquals(sent["x-ratelimit-remaining"], "100");
  });

  it("refuses any other reset", () => {
    for (const reset of ["ms", "toString", null, 1]) {
      assertThrows(
        () => xRateLimit({ reset: reset as "delta" }),
        TypeError,
        `Cannot send X-RateLimit headers as reset must be one of "delta", "epoch": current value is ${
          JSON.stringify(reset)
        }`,
      );
    }
  });
});

describe("a denial by something else", () => {
  const formats = [xRateLimit(), rateLimit({ draft: 7 }), rateLimit({ draft: 6 })];
  const state = (report: Report, there: HeadersInit = {}) =>
    formats.map((format) => {
      const { "ratelimit-policy": _, ...written } = write(format, report, there);
      return written;
    });

  it("by a rule without this format is no place for what another rule has left", () => {
    const report: Report = { denied: true, quotas: [quota()], retryAfterMs: 5000, at: AT };
    assertEquals(state(report), [{}, {}, {}]);
    assertEquals(write(retryAfter(), report), { "retry-after": "5" });
  });

  it("by a throttle within keeps the state that it tells, or tells none", () => {
    const report: Report = { ...reportOf(quota({ remaining: 1 })), deniedWithin: true };
    const there = {
      "x-ratelimit-limit": "9",
      "x-ratelimit-remaining": "9",
      "ratelimit": "limit=9, remaining=9, reset=1",
    };
    assertEquals(state(report), [{}, {}, {}]);
    assertEquals(state(report, there), [there, there, there]);
    assertEquals(write(rateLimit(), report), { "ratelimit-policy": '"default";q=100;w=60' });
  });
});

describe("retryAfter", () => {
  const waits: [ms: number | null, sent: string | undefined][] = [
    [0, "1"],
    [1, "1"],
    [1000, "1"],
    [1001, "2"],
    [59_999, "60"],
    [31_536_000_000, "31536000"],
    [null, undefined],
    [Infinity, undefined],
    [NaN, undefined],
  ];
  for (const [retryAfterMs, sent] of waits) {
    it(`a wait of ${retryAfterMs} ms is sent as ${sent}`, () => {
      const report: Report = { denied: true, quotas: [], retryAfterMs, at: AT };
      assertEquals(write(retryAfter(), report)["retry-after"], sent);
    });
  }

  it("is not sent on an allowed response", () => {
    assertEquals(write(retryAfter(), { ...reportOf(quota()), retryAfterMs: 5000 }), {});
  });

  const there: [value: string, sent: string][] = [
    ["4", "5"],
    ["5", "5"],
    ["120", "120"],
    [new Date(AT + 120_000).toUTCString(), new Date(AT + 120_000).toUTCString()],
    [new Date(AT - 120_000).toUTCString(), "5"],
    ["soon", "5"],
  ];
  for (const [value, sent] of there) {
    it(`of 5 and ${value}, the longer wait is sent: ${sent}`, () => {
      assertEquals(write(retryAfter(), reportOf(refusal(5000)), { "Retry-After": value }), {
        "retry-after": sent,
      });
    });
  }
});

describe("rateLimit, draft 11", () => {
  const both = (report: Report, there: HeadersInit = {}) => {
    const written = write(rateLimit(), report, there);
    return [written["ratelimit-policy"], written["ratelimit"]];
  };
  const burst = { name: "burst", limit: 10, windowMs: 1000, remaining: 9, resetAfterMs: 1000 };
  const daily = {
    name: "daily",
    limit: 1000,
    windowMs: 86_400_000,
    remaining: 873,
    resetAfterMs: 75_428_000,
  };

  it("lists every rule on success, in rule order", () => {
    assertEquals(both(reportOf(quota(burst), quota(daily))), [
      '"burst";q=10;w=1, "daily";q=1000;w=86400',
      '"burst";r=9;t=1, "daily";r=873;t=75428',
    ]);
  });

  it("on a denial every policy, the refusing ones alone as state, t the same instant as Retry-After", () => {
    const report = reportOf(refusal(700, { ...burst, remaining: 0 }), quota(daily));
    assertEquals(write([rateLimit(), retryAfter()], report), {
      "ratelimit-policy": '"burst";q=10;w=1, "daily";q=1000;w=86400',
      "ratelimit": '"burst";r=0;t=1',
      "retry-after": "1",
    });
  });

  it("the policy is a String with a q, which draft 10's readers understand", () => {
    const report = reportOf(refusal(58_500, { name: "RemoteAddr", limit: 1 }));
    assertEquals(both(report), ['"RemoteAddr";q=1;w=60', '"RemoteAddr";r=0;t=59']);
  });

  it("equal limits with different windows are two policies", () => {
    const minute = quota({ name: "minute" });
    const hour = quota({ name: "hour", windowMs: 3_600_000, resetAfterMs: 3_600_000 });
    assertEquals(both(reportOf(minute, hour)), [
      '"minute";q=100;w=60, "hour";q=100;w=3600',
      '"minute";r=99;t=60, "hour";r=99;t=3600',
    ]);
  });

  it("no partition keys are sent", () => {
    assertFalse(both(reportOf(quota(), refusal(1000, { name: "other" }))).join().includes("pk"));
  });

  const forms: [title: string, quota: Quota, policy: string, state: string][] = [
    [
      "a fixed window tells its end",
      quota({ resetAfterMs: 4001 }),
      '"default";q=100;w=60',
      '"default";r=99;t=5',
    ],
    [
      "a bucket tells no less than the time that r units take to come back",
      quota({ resetAfterMs: 600 }, gradual),
      '"default";q=100;w=60',
      '"default";r=99;t=60',
    ],
    [
      "a bucket that is nearly empty tells when it is full again",
      quota({ remaining: 1, resetAfterMs: 59_100 }, gradual),
      '"default";q=100;w=60',
      '"default";r=1;t=60',
    ],
    [
      "a bucket tells the longer of the two",
      quota({ remaining: 50, resetAfterMs: 2000 }, gradual),
      '"default";q=100;w=60',
      '"default";r=50;t=30',
    ],
    [
      "a reset after more than a window is sent as a window",
      quota({ resetAfterMs: 120_000 }, gradual),
      '"default";q=100;w=60',
      '"default";r=99;t=60',
    ],
    [
      "a limit of 0 has no refill",
      quota({ limit: 0, remaining: 0, resetAfterMs: 30_000 }, gradual),
      '"default";q=0;w=60',
      '"default";r=0;t=30',
    ],
    [
      "a window under a second has no w",
      quota({ windowMs: 500, resetAfterMs: 500 }),
      '"default";q=100',
      '"default";r=99;t=1',
    ],
    [
      "a window that is no whole number of seconds is rounded up",
      quota({ windowMs: 1500, resetAfterMs: 1500 }),
      '"default";q=100;w=2',
      '"default";r=99;t=2',
    ],
    [
      "concurrency has its unit, no w and no t",
      quota({ limit: 5, remaining: 4 }, slots),
      '"default";q=5;qu="concurrent-requests"',
      '"default";r=4',
    ],
    [
      "refused concurrency has no t either",
      refusal(1000, { limit: 5 }, slots),
      '"default";q=5;qu="concurrent-requests"',
      '"default";r=0',
    ],
    [
      "other units are named before the window",
      quota({}, bytes),
      '"default";q=100;qu="content-bytes";w=60',
      '"default";r=99;t=60',
    ],
    [
      "the usual unit is not named",
      quota({}, { step, unit: "requests" }),
      '"default";q=100;w=60',
      '"default";r=99;t=60',
    ],
    ["a wait is at least 1", refusal(0), '"default";q=100;w=60', '"default";r=0;t=1'],
    [
      "units that were too few are sent as left",
      refusal(5000, { remaining: 3, cost: 4 }),
      '"default";q=100;w=60',
      '"default";r=3;t=5',
    ],
    ["a wait without end has no t", refusal(Infinity), '"default";q=100;w=60', '"default";r=0'],
    [
      "a block longer than the window is sent as a window, and leaves nothing",
      refusal(3_600_000, { blockedMs: 3_600_000, remaining: 8 }),
      '"default";q=100;w=60',
      '"default";r=0;t=60',
    ],
    [
      "a limit of more than 15 digits is sent as the greatest number there is",
      quota({ limit: 2 ** 53 - 1, remaining: 2 ** 53 - 2, windowMs: 1, resetAfterMs: 1 }),
      '"default";q=999999999999999',
      '"default";r=999999999999999;t=1',
    ],
  ];
  for (const [title, told, policy, state] of forms) {
    it(title, () => assertEquals(both(reportOf(told)), [policy, state]));
  }

  it("one format tells changing limits, windows and units of a policy as they are", () => {
    const format = rateLimit();
    const policyOf = (told: Quota) => write(format, reportOf(told))["ratelimit-policy"];
    assertEquals(policyOf(quota()), '"default";q=100;w=60');
    assertEquals(policyOf(quota({ limit: 500 })), '"default";q=500;w=60');
    assertEquals(policyOf(quota({ windowMs: 1000 })), '"default";q=100;w=1');
    assertEquals(policyOf(quota({ windowMs: 2000 })), '"default";q=100;w=2');
    assertEquals(policyOf(quota({}, bytes)), '"default";q=100;qu="content-bytes";w=60');
    assertEquals(policyOf(quota()), '"default";q=100;w=60');
  });

  it("appends to what an upstream lists", () => {
    const upstream = { "RateLimit-Policy": '"up";q=5;w=9', "RateLimit": '"up";r=4;t=9' };
    assertEquals(both(reportOf(quota()), upstream), [
      '"up";q=5;w=9, "default";q=100;w=60',
      '"up";r=4;t=9, "default";r=99;t=60',
    ]);
    assertEquals(both(reportOf(refusal(1000)), upstream)[1], '"up";r=4;t=9, "default";r=0;t=1');
  });

  it("sends its state beside an upstream's Retry-After that comes without a RateLimit", () => {
    assertEquals(both(reportOf(quota()), { "retry-after": "5" })[1], '"default";r=99;t=60');
  });

  it("names only its policies on a denial by a nested throttle", () => {
    const denial = write([rateLimit(), retryAfter()], reportOf(refusal(2000, { name: "inner" })));
    assertEquals(write([rateLimit(), retryAfter()], reportOf(quota()), denial), {
      "ratelimit-policy": '"inner";q=100;w=60, "default";q=100;w=60',
      "ratelimit": '"inner";r=0;t=2',
      "retry-after": "2",
    });
  });

  const dialects: [title: string, there: string, allowed: string, denied: string][] = [
    ["this draft's", '"up";r=4;t=9', '"default";r=99;t=60', '"default";r=0;t=2'],
    ["the next one's", '"up";a=4;w=9;c=1', '"default";a=99;w=60', '"default";a=0;w=2'],
    [
      "both in one item",
      '"up";r=4;t=9;a=4;w=9',
      '"default";r=99;t=60;a=99;w=60',
      '"default";r=0;t=2;a=0;w=2',
    ],
    [
      "one beside the other",
      '"x";r=4, "y";a=4',
      '"default";r=99;t=60;a=99;w=60',
      '"default";r=0;t=2;a=0;w=2',
    ],
    ["names that only look so", '"x;a=1, \\"y;a=2";r=4', '"default";r=99;t=60', '"default";r=0;t=2'],
    ["texts that only look so", '"x";r=4;by=";a=1"', '"default";r=99;t=60', '"default";r=0;t=2'],
  ];
  for (const [title, there, allowed, denied] of dialects) {
    it(`speaks the dialect that is there: ${title}`, () => {
      const upstream = { "RateLimit": there };
      assertEquals(both(reportOf(quota()), upstream)[1], `${there}, ${allowed}`);
      assertEquals(both(reportOf(refusal(2000)), upstream)[1], `${there}, ${denied}`);
      assertEquals(parseList(`${there}, ${allowed}`).length, parseList(there).length + 1);
    });
  }

  it("beside the next dialect slots and hopeless costs have no w", () => {
    const upstream = { "RateLimit": '"up";a=4;w=9' };
    assertEquals(
      both(reportOf(quota({ limit: 5, remaining: 4 }, slots)), upstream)[1],
      '"up";a=4;w=9, "default";a=4',
    );
    assertEquals(both(reportOf(refusal(Infinity)), upstream)[1], '"up";a=4;w=9, "default";a=0');
  });

  const twice: [title: string, within: string, ours: Quota, joined: string][] = [
    ["less left within", '"default";r=8;t=60', quota({ remaining: 9 }), '"default";r=8;t=60'],
    ["as much left within", '"default";r=9;t=5', quota({ remaining: 9 }), '"default";r=9;t=5'],
    ["more left within", '"default";r=10;t=60', quota({ remaining: 9 }), '"default";r=9;t=60'],
    ["a denial of our own", '"default";r=0;t=9', refusal(2000, { remaining: 3 }), '"default";r=3;t=2'],
    ["the next dialect", '"default";a=8;w=60', quota({ remaining: 9 }), '"default";a=8;w=60'],
    ["others around it", '"a";r=1, "default";r=10, "z";r=1', quota(), '"a";r=1, "default";r=10, "z";r=1'],
    [
      "others around it, wider",
      '"a";r=1, "default";r=100, "z";r=1',
      quota(),
      '"a";r=1, "default";r=99;t=60, "z";r=1',
    ],
    ["a name that begins alike", '"default.2";r=1', quota(), '"default.2";r=1, "default";r=99;t=60'],
  ];
  for (const [title, within, ours, joined] of twice) {
    it(`a policy that was decided within too is sent once, as the tighter: ${title}`, () => {
      const there = { "RateLimit-Policy": '"default";q=100;w=60', "RateLimit": within };
      assertEquals(both(reportOf(ours), there), ['"default";q=100;w=60', joined]);
    });
  }

  it("a policy of the same name with another quota is another one", () => {
    const there = { "RateLimit-Policy": '"default";q=5;w=60', "RateLimit": '"default";r=4;t=60' };
    assertEquals(both(reportOf(quota()), there), [
      '"default";q=5;w=60, "default";q=100;w=60',
      '"default";r=4;t=60, "default";r=99;t=60',
    ]);
  });

  it("on a redirect leaves what is there, unless redirects is set", () => {
    const there = { "ratelimit": '"up";r=4', "ratelimit-policy": '"up";q=5' };
    for (const draft of [11, 7, 6] as const) {
      for (const status of [300, 304, 399]) {
        const report = { ...reportOf(quota()), status };
        assertEquals(write(rateLimit({ draft }), report, there), there);
        const asked = write(rateLimit({ draft, redirects: true }), report);
        assertEquals(asked, write(rateLimit({ draft }), reportOf(quota())));
      }
      for (const status of [200, 299, 400, 599]) {
        assertFalse(Object.keys(write(rateLimit({ draft }), { ...reportOf(quota()), status })).length === 0);
      }
    }
    assertThrows(
      () => rateLimit({ redirects: "no" as unknown as boolean }),
      TypeError,
      'Cannot send RateLimit headers as redirects must be true or false: current value is "no"',
    );
  });

  it("our own denial is sent also when the rejection brought fields of its own", () => {
    const there = { "RateLimit": '"up";r=0;t=9', "Retry-After": "9" };
    assertEquals(write([rateLimit(), retryAfter()], reportOf(refusal(2000)), there), {
      "ratelimit-policy": '"default";q=100;w=60',
      "ratelimit": '"up";r=0;t=9, "default";r=0;t=2',
      "retry-after": "9",
    });
  });

  it("replaces what is no list of strings, as joined to it nothing could be read", () => {
    const older = {
      "RateLimit-Policy": '1;w=60;name="RemoteAddr"',
      "RateLimit": "limit=1, remaining=0, reset=9",
    };
    assertEquals(both(reportOf(quota()), older), both(reportOf(quota())));
    assertEquals(
      both(reportOf(quota()), { "RateLimit": "", "RateLimit-Policy": "" }),
      both(reportOf(quota())),
    );
    for (const broken of ['"never ends;r=1', '"up";r=1, token;r=2', '"up" ;r=1', '"up"r;r=1']) {
      assertEquals(
        both(reportOf(quota()), { "RateLimit": broken, "RateLimit-Policy": broken }),
        both(reportOf(quota())),
        broken,
      );
    }
  });

  it("refuses a draft that has no form here", () => {
    for (const draft of [8, 12, "11x", null, ["next", 11], [7, "next"], [], {}]) {
      assertThrows(
        () => rateLimit({ draft: draft as unknown as 11 }),
        RangeError,
        `Cannot send RateLimit headers as draft must be 11, 7, 6, "next" or [11, "next"]: current value is ${
          JSON.stringify(draft)
        }`,
      );
    }
  });
});

describe("rateLimit, drafts 7 and 6", () => {
  const state7 = (report: Report, there: HeadersInit = {}) => write(rateLimit({ draft: 7 }), report, there);
  const state6 = (report: Report, there: HeadersInit = {}) => write(rateLimit({ draft: 6 }), report, there);
  const day = { rule: "day", limit: 1000, windowMs: 86_400_000, remaining: 10, resetAfterMs: 75_428_000 };

  it("draft 7 tells the tightest rule as a dictionary, and every policy by its quota", () => {
    const written = state7(reportOf(quota(), quota(day)));
    assertEquals(written, {
      "ratelimit": "limit=1000, remaining=10, reset=75428",
      "ratelimit-policy": "100;w=60, 1000;w=86400",
    });
    assertEquals([...parseDictionary(written["ratelimit"])].map(([key, [value]]) => [key, value]), [
      ["limit", 1000],
      ["remaining", 10],
      ["reset", 75428],
    ]);
  });

  it("draft 6 has a header for each number", () => {
    assertEquals(state6(reportOf(quota(), quota(day))), {
      "ratelimit-limit": "1000",
      "ratelimit-remaining": "10",
      "ratelimit-reset": "75428",
      "ratelimit-policy": "100;w=60, 1000;w=86400",
    });
  });

  it("on a denial the reset is the same instant as Retry-After", () => {
    const report = reportOf(refusal(600, { resetAfterMs: 60_000 }, gradual));
    assertEquals(state7(report)["ratelimit"], "limit=100, remaining=0, reset=1");
    assertEquals(state6(report)["ratelimit-reset"], "1");
  });

  it("a wait without end falls back to the reset; without that, no state is sent", () => {
    assertEquals(
      state7(reportOf(refusal(Infinity, { resetAfterMs: 9000 })))["ratelimit"],
      "limit=100, remaining=0, reset=9",
    );
    assertEquals(state7(reportOf(refusal(Infinity))), { "ratelimit-policy": "100;w=60" });
    assertEquals(state6(reportOf(refusal(Infinity))), { "ratelimit-policy": "100;w=60" });
  });

  it("names no quota twice: the longer window is kept", () => {
    const hour = quota({ name: "hour", windowMs: 3_600_000 });
    for (const draft of [7, 6] as const) {
      for (const quotas of [[quota(), hour], [hour, quota()]]) {
        assertEquals(write(rateLimit({ draft }), reportOf(...quotas))["ratelimit-policy"], "100;w=3600");
      }
    }
  });

  it("joins the policies of a nested throttle or an upstream, in one form, without names twice", () => {
    const there = { "RateLimit-Policy": '10;w=1, 100 ; w=30;comment="a,b", nonsense, 5' };
    assertEquals(
      state6(reportOf(quota(day), quota()), there)["ratelimit-policy"],
      "10;w=1, 100;w=60, 1000;w=86400",
    );
    assertEquals(
      state7(reportOf(quota()), { "RateLimit-Policy": "100;w=900" })["ratelimit-policy"],
      "100;w=900",
    );
  });

  it("draft 7 keeps the tighter state of a nested throttle", () => {
    const tighter = { "RateLimit": "limit=10, remaining=1, reset=5" };
    const wider = { "RateLimit": "limit=1000, remaining=999, reset=5" };
    assertEquals(state7(reportOf(quota()), tighter)["ratelimit"], "limit=10, remaining=1, reset=5");
    assertEquals(state7(reportOf(quota()), wider)["ratelimit"], "limit=100, remaining=99, reset=60");
    assertEquals(state7(reportOf(refusal(1000)), tighter)["ratelimit"], "limit=100, remaining=0, reset=1");
    assertEquals(
      state7(reportOf(quota()), { RateLimit: '"x";r=0' })["ratelimit"],
      "limit=100, remaining=99, reset=60",
    );
  });

  it("says nothing of concurrency, which has no window", () => {
    const busy = quota({ limit: 5, remaining: 0 }, slots);
    assertEquals(state7(reportOf(busy)), {});
    assertEquals(state6(reportOf(busy)), {});
    assertEquals(state7(reportOf(busy, quota())), state7(reportOf(quota())));
  });

  it("a window under a second is sent as a second, as w is required", () => {
    assertEquals(state7(reportOf(quota({ windowMs: 500, resetAfterMs: 500 }))), {
      "ratelimit": "limit=100, remaining=99, reset=1",
      "ratelimit-policy": "100;w=1",
    });
  });
});

describe("rateLimit, any reports", () => {
  const algorithm = fc.constantFrom(fixed, gradual, slots, bytes);
  const decision = fc.record({
    limit: fc.oneof(fc.integer({ min: 0, max: 10 }), fc.integer({ min: 0, max: 2 ** 53 - 1 })),
    windowMs: fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 31_536_000_000 })),
    left: fc.double({ min: 0, max: 1, noNaN: true }),
    wait: fc.oneof(
      fc.double({ min: 0, max: 2, noNaN: true }),
      fc.constant(Infinity),
    ),
    reset: fc.double({ min: 0, max: 3, noNaN: true }),
    allowed: fc.boolean(),
    blocked: fc.boolean(),
  });
  /** The quotas of one throttle: named apart from those of the others. */
  const level = (name: string) =>
    fc.array(fc.tuple(decision, algorithm), { minLength: 1, maxLength: 4 }).map((rules) =>
      rules.map(([{ limit, windowMs, left, wait, reset, allowed, blocked }, algorithm], index) =>
        quota({
          name: `${name}.${index}`,
          limit,
          windowMs,
          allowed,
          blockedMs: blocked && !allowed ? 1000 : 0,
          remaining: Math.floor(limit * left),
          resetAfterMs: Math.ceil(windowMs * reset),
          retryAfterMs: allowed ? 0 : Math.ceil(windowMs * wait),
        }, algorithm)
      )
    );

  type Parameters = ReadonlyMap<string, unknown>;

  /** A field's members by name; every number in it must be an integer. */
  function members(value: string | null): [name: string, parameters: Parameters][] {
    if (value === null) return [];
    assertMatch(
      value,
      /^"[\w.]+"(;[a-z]+=(\d{1,15}|"[a-z-]+"))+(, "[\w.]+"(;[a-z]+=(\d{1,15}|"[a-z-]+"))+)*$/,
    );
    return parseList(value).map(([name, parameters]) => [name as string, parameters as Parameters]);
  }

  it("keep 0 <= r <= q and 0 <= t <= w, and Retry-After at least 1 and at least every t, over any number of levels", () => {
    const formats = [rateLimit(), retryAfter(), xRateLimit()];
    const levels = fc.tuple(level("inner"), level("middle"), level("outer"));
    fc.assert(
      fc.property(levels, fc.integer({ min: 0, max: 3 }), (all, denying) => {
        const headers = new Headers();
        const names: string[] = [];
        let denied: Report | null = null;
        all.forEach((quotas, depth) => {
          // Outer levels had to let it pass for an inner one to be asked.
          const passes = depth !== denying;
          const asked = passes
            ? quotas.map((quota) => ({ ...quota, allowed: true, blockedMs: 0, retryAfterMs: 0 }))
            : quotas;
          if (depth < denying && denying < all.length) return; // never reached
          const report = reportOf(...asked);
          if (report.denied) denied = report;
          names.push(...asked.map(({ name }) => name));
          for (const format of formats) setFields(headers, format.fields(report, headers));
        });

        const policies = members(headers.get("RateLimit-Policy"));
        const states = members(headers.get("RateLimit"));
        const byName = new Map(policies);
        assertEquals(policies.map(([name]) => name), names);

        const wait = headers.get("Retry-After");
        for (const [, policy] of policies) {
          assert(Number(policy.get("q")) >= 0);
          assert(!policy.has("w") || Number(policy.get("w")) >= 1);
          assertFalse(policy.has("pk"));
        }
        for (const [name, state] of states) {
          const policy = byName.get(name)!;
          assert(Number(state.get("r")) >= 0 && Number(state.get("r")) <= Number(policy.get("q")));
          if (policy.get("qu") === "concurrent-requests") assertFalse(state.has("t") || policy.has("w"));
          if (!state.has("t")) continue;
          assert(Number(state.get("t")) >= 0);
          if (policy.has("w")) assert(Number(state.get("t")) <= Number(policy.get("w")));
          if (wait !== null) {
            assert(Number(wait) >= Number(state.get("t")), `${headers.get("RateLimit")} ${wait}`);
          }
        }
        if (denied === null) {
          assertEquals(wait, null);
          assertEquals(states.map(([name]) => name), names);
          return;
        }
        const { quotas, retryAfterMs } = denied as Report;
        const refusing = quotas.filter(({ allowed }) => !allowed);
        if (retryAfterMs === null) {
          assertEquals(wait, null);
        } else {
          assertMatch(wait!, /^[1-9]\d*$/);
          assert(Number(wait) * 1000 >= retryAfterMs);
          // Only what refuses is told, whatever the levels around it do.
          assertEquals(states.map(([name]) => name), refusing.map(({ name }) => name));
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("a quota that comes back bit by bit never invites more than its policy grants", () => {
    fc.assert(fc.property(level("rule"), (quotas) => {
      const bucket = {
        ...quotas[0],
        unit: undefined,
        refillsGradually: true,
        allowed: true,
        blockedMs: 0,
        retryAfterMs: 0,
      };
      const headers = new Headers();
      setFields(headers, rateLimit().fields(reportOf(bucket), headers));
      const [[, policy]] = members(headers.get("RateLimit-Policy"));
      const [[, state]] = members(headers.get("RateLimit"));
      if (!policy.has("w") || bucket.limit > 1e12) return;
      const { limit, windowMs } = bucket;
      // r / t <= q / window, which is what w rounds.
      assert(Number(state.get("r")) * windowMs <= Number(state.get("t")) * 1000 * limit * (1 + 1e-9));
    }));
  });
});

describe("descriptions of headers", () => {
  const anchors: [format: HeaderFormat, name: string, text: string][] = [
    [xRateLimit(), "X-RateLimit-Limit", "maximum number of requests permitted"],
    [xRateLimit(), "X-RateLimit-Remaining", "number of requests remaining"],
    [xRateLimit(), "X-RateLimit-Reset", "seconds until the current rate limit window resets"],
    [retryAfter(), "Retry-After", "how long the user agent should wait"],
    [rateLimit(), "RateLimit", "Current rate limiting state"],
    [rateLimit(), "RateLimit-Policy", "all rate limiting policies"],
    [rateLimit({ draft: 7 }), "RateLimit", "Current rate limiting state"],
    [rateLimit({ draft: 6 }), "RateLimit-Policy", "all rate limiting policies"],
  ];
  for (const [format, name, text] of anchors) {
    it(`${name} is described as "${text}"`, () => {
      assert(format.describe![name].description.includes(text), format.describe![name].description);
    });
  }

  it("an epoch reset is not described as a number of seconds to wait", () => {
    const { description } = xRateLimit({ reset: "epoch" }).describe!["X-RateLimit-Reset"];
    assert(description.includes("Unix time"));
  });

  it("every header that a format sends is described, with an example of its own form", () => {
    for (
      const format of [
        xRateLimit(),
        retryAfter(),
        ...([11, 7, 6] as const).map((draft) => rateLimit({ draft })),
      ]
    ) {
      const sent = Object.keys(write(format, reportOf(refusal(1000))));
      assertEquals(Object.keys(format.describe!).map((name) => name.toLowerCase()).sort(), sent);
      for (const { schema, example } of Object.values(format.describe!)) {
        if (schema?.type === "integer") assertMatch(example, /^\d+$/);
      }
    }
  });
});

describe("numbers in headers", () => {
  it("are the text of the whole number, from 0 to the greatest that RFC 9651 knows, whichever came before", () => {
    // As a text, which no arithmetic of ours is in: what is before the point, and nothing below 0.
    const expected = (number: number): string => {
      if (Number.isNaN(number) || number <= 0) return "0";
      return number >= 1e15 ? "9".repeat(15) : BigInt(Math.trunc(number)).toString();
    };
    const number = fc.oneof(fc.maxSafeNat(), fc.integer({ min: -3000, max: 3000 }), fc.double());
    fc.assert(fc.property(fc.array(number), (numbers) => {
      assertEquals(numbers.map(decimal), numbers.map(expected));
    }));
    assertEquals([1024, 0, 1024.5, -0, -1, 1023, NaN, Infinity].map(decimal), [
      ...["1024", "0", "1024", "0", "0", "1023", "0", "9".repeat(15)],
    ]);
  });

  it("a format whose headers are all sent on denials only is not asked about a request that passes", async () => {
    const asked: boolean[] = [];
    const format = (on: "every" | "denied"): HeaderFormat => ({
      fields: ({ denied }) => {
        asked.push(denied);
        return {};
      },
      describe: { "x-own": { description: "Whatever.", on, example: "1" } },
    });
    const { wrap } = createThrottle("1/min", {
      client: { address: () => "192.0.2.1" },
      headers: [format("denied")],
    });
    const handler = wrap(() => new Response());
    for (let i = 0; i < 2; i++) await handler(new Request("https://example.com/"));
    assertEquals(asked, [true]);
  });

  it("of other rules than those before: RateLimit-Policy lists the rules of this request", () => {
    const format = rateLimit();
    const [burst, daily] = [quota({ name: "burst" }), quota({ name: "daily" })];
    const policies = [[burst, daily], [burst], [burst, daily], [daily, burst]].map((quotas) =>
      write(format, reportOf(...quotas))["ratelimit-policy"]
    );
    assertEquals(policies, [
      '"burst";q=100;w=60, "daily";q=100;w=60',
      '"burst";q=100;w=60',
      '"burst";q=100;w=60, "daily";q=100;w=60',
      '"daily";q=100;w=60, "burst";q=100;w=60',
    ]);
  });
});
