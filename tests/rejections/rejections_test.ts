import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import { concurrency, fixedWindow } from "../../mod.ts";
import type { Context } from "../../src/context.ts";
import type { Decision } from "../../src/decision.ts";
import type { Outcome } from "../../src/outcome.ts";
import { detailJson } from "../../src/rejections/detail_json.ts";
import { errorJson } from "../../src/rejections/error_json.ts";
import { openAiJson } from "../../src/rejections/open_ai_json.ts";
import { problemJson, type RefusingDecision } from "../../src/rejections/problem_json.ts";
import type { Rejection } from "../../src/rejections/rejection.ts";
import { rejectionStatus } from "../../src/rejections/rejection_status.ts";
import { throttled } from "../harness/throttled.ts";
import { pause } from "../harness/until.ts";

const AT = Date.UTC(2026, 0, 1);

/** A refusal of a minute by the rule "burst", but for what is said otherwise. */
function decision(changes: Partial<Decision> = {}): Decision {
  return {
    rule: "burst",
    limit: 1,
    windowMs: 60_000,
    cost: 1,
    mode: "enforce",
    allowed: false,
    remaining: 0,
    resetAfterMs: 60_000,
    retryAfterMs: 60_000,
    blockedMs: 0,
    source: "store",
    at: AT,
    ...changes,
  };
}

const passes = decision({ rule: "daily", allowed: true, remaining: 9, retryAfterMs: 0 });
const shadow = decision({ rule: "trial", mode: "shadow", retryAfterMs: 3_600_000 });
const noStore = decision({ source: "denied-by-policy", retryAfterMs: 1000 });

const context: Context = {
  request: new Request("https://example.com/"),
  address: "203.0.113.9",
  identity: null,
  route: null,
  platform: [],
};

function reject(rejection: Rejection, ...decisions: Decision[]): Promise<Response> {
  const outcome: Outcome = {
    allowed: false,
    decisions,
    headers: new Headers(),
    response: null,
    label: (response) => response,
    settle: () => {},
  };
  return Promise.resolve(rejection(outcome, context));
}

describe("the status of a rejection", () => {
  const rows: [title: string, decisions: Decision[], status: 429 | 503][] = [
    ["429 for an exceeded quota", [passes, decision()], 429],
    ["429 for a block", [decision({ blockedMs: 1000 })], 429],
    ["429 for a refusal from the deny cache", [decision({ source: "deny-cache" })], 429],
    ["503 when a rule refuses because its store is out of reach", [decision(), noStore], 503],
    [
      "429 when only a shadow rule would refuse for its store",
      [decision(), { ...noStore, mode: "shadow" }],
      429,
    ],
    [
      "429 when a rule without store let it pass",
      [decision(), { ...passes, source: "allowed-by-policy" }],
      429,
    ],
  ];
  for (const [title, decisions, status] of rows) {
    it(title, async () => {
      assertEquals(rejectionStatus(decisions), status);
      for (const rejection of [problemJson(), detailJson(), errorJson(), openAiJson()]) {
        assertEquals((await reject(rejection, ...decisions)).status, status);
      }
    });
  }
});

describe("problemJson", () => {
  it("answers the draft's problem, member by member in its order", async () => {
    const response = await reject(problemJson(), passes, decision(), shadow);
    assertEquals(response.headers.get("Content-Type"), "application/problem+json");
    assertEquals(
      await response.text(),
      '{"type":"https://iana.org/assignments/http-problem-types#quota-exceeded",' +
        '"title":"Request cannot be satisfied as assigned quota has been exceeded",' +
        '"status":429,"detail":"1 request per minute; try again in 1 minute","violated-policies":["burst"]}',
    );
  });

  const type = (name: string) => `https://iana.org/assignments/http-problem-types#${name}`;
  const blocked = decision({ rule: "login", blockedMs: 1000 });
  const rows: [title: string, decisions: Decision[], type: string, names: string[]][] = [
    [
      "names the refusing rules in rule order",
      [decision(), passes, decision({ rule: "a" })],
      "quota-exceeded",
      [
        "burst",
        "a",
      ],
    ],
    ["a block is abnormal usage", [passes, blocked], "abnormal-usage-detected", ["login"]],
    ["beside a block an exceeded quota is the news", [blocked, decision()], "quota-exceeded", [
      "login",
      "burst",
    ]],
    ["a store out of reach is reduced capacity", [noStore, blocked], "temporary-reduced-capacity", [
      "burst",
      "login",
    ]],
  ];
  for (const [title, decisions, name, names] of rows) {
    it(title, async () => {
      const rejection = problemJson();
      for (let again = 0; again < 2; again++) {
        const response = await reject(rejection, ...decisions);
        const body = await response.json();
        assertEquals(body.type, type(name));
        assertEquals(body["violated-policies"], names);
        assertEquals(body.status, response.status);
      }
    });
  }

  it("has one title per type; what one refusal says never leaks into another", async () => {
    const rejection = problemJson();
    const titles = new Map<string, string>();
    const refusal = fc.record({
      policy: fc.stringMatching(/^[A-Za-z0-9_.-]{1,8}$/),
      blockedMs: fc.constantFrom(0, 1000),
      mode: fc.constantFrom("enforce" as const, "shadow" as const),
      source: fc.constantFrom("store" as const, "denied-by-policy" as const),
    });
    await fc.assert(fc.asyncProperty(fc.array(refusal, { maxLength: 4 }), async (refusals) => {
      const decisions = [decision({ rule: "always" }), ...refusals.map(decision)];
      const body = await (await reject(rejection, ...decisions)).json();
      const expected = decisions.filter(({ mode }) => mode === "enforce").map(({ rule }) => rule);
      assertEquals(body["violated-policies"], expected);
      const detail = body.status === 429 ? ["detail"] : [];
      assertEquals(Object.keys(body), ["type", "title", "status", ...detail, "violated-policies"]);
      assertEquals(titles.get(body.type) ?? body.title, body.title);
      titles.set(body.type, body.title);
    }));
  });

  it("answers as one that has refused nothing before, whatever changes from one refusal to the next", async () => {
    const rejection = problemJson();
    const changes: Partial<Decision>[] = [
      { rule: "daily" },
      { limit: 2 },
      { windowMs: 1000 },
      { cost: 2 },
      { source: "denied-by-policy" },
      { blockedMs: 1000 },
      // Some of these waits have a part of their seconds in common.
      ...[1, 1000, 59_001, 64_000, 124_000, Infinity].map((retryAfterMs) => ({ retryAfterMs })),
    ];
    for (const change of [...changes, ...changes.toReversed()]) {
      for (const decisions of [[decision()], [decision(change)], [decision(), decision(change)]]) {
        const [again, fresh] = [
          await reject(rejection, ...decisions),
          await reject(problemJson(), ...decisions),
        ];
        assertEquals([again.status, await again.text()], [fresh.status, await fresh.text()]);
      }
    }
  });

  const details: [title: string, decisions: Decision[], detail: string][] = [
    [
      "the limit and the wait",
      [decision({ limit: 5, windowMs: 900_000, retryAfterMs: 700_001 })],
      "5 requests per 15 minutes; try again in 12 minutes",
    ],
    ["the longest wait of several", [
      decision(),
      passes,
      decision({ limit: 9, windowMs: 3_600_000, retryAfterMs: 61_000 }),
    ], "9 requests per hour; try again in 2 minutes"],
    [
      "a wait below a second, rounded up",
      [decision({ windowMs: 250, retryAfterMs: 1 })],
      "1 request per 250 ms; try again in 1 second",
    ],
    [
      "a window of no round length",
      [decision({ windowMs: 90_000 })],
      "1 request per 90 seconds; try again in 1 minute",
    ],
    [
      "days",
      [decision({ limit: 1000, windowMs: 31 * 86_400_000, retryAfterMs: 20 * 86_400_000 })],
      "1000 requests per 31 days; try again in 20 days",
    ],
    [
      "units where a request costs another number",
      [decision({ limit: 1000, cost: 500 })],
      "1000 units per minute; try again in 1 minute",
    ],
    [
      "a block",
      [decision({ blockedMs: 3_600_000, retryAfterMs: 3_600_000 })],
      "blocked; try again in 60 minutes",
    ],
    [
      "a cost that never passes",
      [decision({ cost: 2, retryAfterMs: Infinity })],
      "1 unit per minute; waiting does not help",
    ],
    ["a limit of 0", [decision({ limit: 0, retryAfterMs: Infinity })], "no requests; waiting does not help"],
  ];
  for (const [title, decisions, detail] of details) {
    it(`says in one sentence: ${title}`, async () => {
      assertEquals((await (await reject(problemJson(), ...decisions)).json()).detail, detail);
    });
  }

  it("has no detail where the server cannot count", async () => {
    assertFalse("detail" in await (await reject(problemJson(), noStore)).json());
    assertFalse("detail" in await (await reject(problemJson({ detail: () => "no" }), noStore)).json());
  });

  it("has no detail that is no text, as RFC 9457 has none", async () => {
    for (const detail of [5, true, 5n, {}, Symbol("no"), undefined, null, Promise.resolve("late")]) {
      const { send } = throttled("0/min", { reject: problemJson({ detail: () => detail as never }) });
      assertFalse("detail" in await (await send()).json(), String(detail));
    }
    // An async one that fails would otherwise end a process of Node at the first refusal.
    const detail = () => Promise.reject(new Error("no such language"));
    const { send } = throttled("0/min", { reject: problemJson({ detail: detail as never }) });
    assertFalse("detail" in await (await send()).json());
    await pause(1);
  });

  it("counts slots and bytes as what they are", async () => {
    const slots = throttled({ rate: { limit: 2 }, algorithm: concurrency({ lease: "1h" }), cost: 3 });
    assertEquals((await (await slots.send()).json()).detail, "2 requests at a time; waiting does not help");
    const bytes = throttled({ rate: "1/hour", algorithm: { ...fixedWindow(), unit: "content-bytes" } });
    await bytes.send();
    assertEquals((await (await bytes.send()).json()).detail, "1 byte per hour; try again in 60 minutes");
  });

  it("says the same where one rejection serves throttles with rules of one name", async () => {
    const rejection = problemJson();
    const refused = { allowed: false, decisions: [decision()] } as unknown as Outcome;
    const details = [];
    for (const quota of [{}, { unit: "content-bytes" }, { every: "month" }, {}]) {
      const checks = [{ name: "burst", ...quota }];
      const response = await rejection(refused, { ...context, checks } as Context);
      details.push((await response.json()).detail);
    }
    const quotas = [
      "1 request per minute",
      "1 byte per minute",
      "1 request per month",
      "1 request per minute",
    ];
    assertEquals(details, quotas.map((quota) => `${quota}; try again in 1 minute`));
  });

  it("takes the sentence of a function, which sees the decision and the request, in any language", async () => {
    const seen: unknown[] = [];
    const detail = (decision: RefusingDecision, { request, route }: Context) => {
      seen.push([decision.rule, decision.unit, decision.retryAfterMs, route]);
      return request.headers.get("accept-language") === "de" ? `"${decision.limit}" Anfragen\n…` : null;
    };
    const { send } = throttled({ name: "login", rate: "1/min", on: "/login" }, {
      reject: problemJson({ detail }),
    });
    await send("/login");
    const german = await send("/login", { headers: { "accept-language": "de" } });
    assertEquals((await german.json()).detail, '"1" Anfragen\n…');
    assertFalse("detail" in await (await send("/login")).json());
    assertEquals(seen[0], ["login", undefined, 60_000, "/login"]);
    const head = await send("HEAD /login", { headers: { "accept-language": "de" } });
    assertEquals([head.status, await head.text()], [429, ""]);
  });

  it("refuses options that it does not have", () => {
    assertThrows(() => problemJson({ detail: "no" } as never), TypeError, "detail must be a function");
    assertThrows(() => problemJson({ details: detailJson } as never), TypeError, "no option but detail");
  });
});

describe("detailJson", () => {
  it("answers the error model in 59 bytes", async () => {
    const response = await reject(detailJson(), decision());
    assertEquals(response.headers.get("Content-Type"), "application/json");
    const text = await response.text();
    assertEquals(text, '{"detail":[{"msg":"Too many requests","type":"ratelimit"}]}');
    assertEquals(new TextEncoder().encode(text).length, 59);
  });

  it("says that the service is unavailable when it is", async () => {
    const [{ msg, type }] = (await (await reject(detailJson(), noStore)).json()).detail;
    assertEquals([msg, type], ["Service temporarily unavailable", "ratelimit"]);
  });

  it("describes detail as a list of objects with msg, and perhaps type and loc", () => {
    const { contentType, schema } = detailJson().describe!;
    assertEquals(contentType, "application/json");
    assertEquals(schema(429), {
      type: "object",
      required: ["detail"],
      properties: {
        detail: {
          type: "array",
          items: {
            type: "object",
            required: ["msg"],
            properties: {
              msg: { type: "string" },
              type: { type: "string" },
              loc: { type: "array", items: { type: ["integer", "string"] } },
            },
          },
        },
      },
    });
  });
});

describe("errorJson", () => {
  it("answers code, message, rule and wait", async () => {
    const response = await reject(errorJson(), passes, decision({ retryAfterMs: 119_001 }));
    assertEquals(response.headers.get("Content-Type"), "application/json");
    assertEquals(
      await response.text(),
      '{"error":"rate_limit_exceeded","message":"Too many requests. Please slow down.","details":{' +
        '"throttle_type":"burst","retry_after_seconds":120,"retry_after_timestamp":"2026-01-01T00:02:00.000Z",' +
        '"retry_after_human":"2 minutes"}}',
    );
  });

  const waits: [ms: number, seconds: number, human: string][] = [
    [0, 1, "1 second"],
    [1, 1, "1 second"],
    [1001, 2, "2 seconds"],
    [59_000, 59, "59 seconds"],
    [59_001, 60, "1 minute"],
    [60_000, 60, "1 minute"],
    [60_001, 61, "2 minutes"],
    [119_000, 119, "2 minutes"],
    [900_000, 900, "15 minutes"],
    [3_600_000, 3600, "60 minutes"],
    [7_199_000, 7199, "120 minutes"],
    [7_200_000, 7200, "2 hours"],
    [7_201_000, 7201, "3 hours"],
    [86_400_000, 86400, "24 hours"],
    [172_800_000, 172800, "2 days"],
    [172_801_000, 172801, "3 days"],
  ];
  for (const [retryAfterMs, seconds, human] of waits) {
    it(`WRONG 16: a wait of ${retryAfterMs} ms is ${seconds} s, "${human}"`, async () => {
      const { details } = await (await reject(errorJson(), decision({ retryAfterMs }))).json();
      assertEquals(details.retry_after_seconds, seconds);
      assertEquals(details.retry_after_human, human);
      assertEquals(details.retry_after_timestamp, new Date(AT + seconds * 1000).toISOString());
    });
  }

  it("of several refusing rules it names the one with the longest wait, and no shadow rule", async () => {
    const longest = decision({ rule: "hourly", retryAfterMs: 90_000 });
    const { details } = await (await reject(errorJson(), decision(), longest, shadow)).json();
    assertEquals(details.throttle_type, "hourly");
    assertEquals(details.retry_after_seconds, 90);
  });

  it("leaves the wait out when waiting cannot help", async () => {
    const never = decision({ rule: "big", retryAfterMs: Infinity, source: "rule" });
    const { details } = await (await reject(errorJson(), decision(), never)).json();
    assertEquals(details, { throttle_type: "big" });
  });

  it("a wait that ends after the last date still gets an answer", async () => {
    const { details } = await (await reject(errorJson(), decision({ retryAfterMs: 2 ** 53 }))).json();
    assertEquals(details.retry_after_timestamp, "+275760-09-13T00:00:00.000Z");
  });

  it("has another code for a store out of reach", async () => {
    const body = await (await reject(errorJson(), noStore)).json();
    assertEquals(body.error, "service_unavailable");
    assertEquals(body.details.retry_after_seconds, 1);
  });

  it("the time counts from the decision, in UTC with its zone", async () => {
    const timestamp = async (refusal: Decision) =>
      (await (await reject(errorJson(), refusal)).json()).details.retry_after_timestamp as string;
    assertEquals(await timestamp(decision({ at: AT })), "2026-01-01T00:01:00.000Z");
  });
});

describe("every rejection", () => {
  const rejections: [name: string, rejection: Rejection][] = [
    ["problemJson", problemJson()],
    ["detailJson", detailJson()],
    ["errorJson", errorJson()],
  ];
  for (const [name, rejection] of rejections) {
    it(`${name}: has every member that its schema requires, and none of another type`, async () => {
      for (const [status, refusal] of [[429, decision()], [503, noStore]] as const) {
        const response = await reject(rejection, refusal);
        assertEquals(response.headers.get("Content-Type"), rejection.describe!.contentType);
        conforms(await response.json(), rejection.describe!.schema(status));
      }
    });

    it(`${name} tells nobody's address and no shadow rule`, async () => {
      const text = await (await reject(rejection, decision(), shadow)).text();
      assertFalse(text.includes("203.0.113.9") || text.includes("trial"));
    });
  }
});

interface Schema {
  type: string | string[];
  enum?: unknown[];
  required?: string[];
  properties?: Record<string, Schema>;
  items?: Schema;
}

/** As much of JSON Schema as the descriptions use. */
function conforms(value: unknown, described: unknown): void {
  const schema = described as Schema;
  const type = Array.isArray(value) ? "array" : Number.isInteger(value) ? "integer" : typeof value;
  assert([schema.type].flat().includes(type), `${JSON.stringify(value)} is no ${schema.type}`);
  if (schema.enum) assert(schema.enum.includes(value), `${value} is none of ${schema.enum}`);
  if (Array.isArray(value)) return value.forEach((item) => conforms(item, schema.items));
  if (type !== "object") return;
  const members = value as Record<string, unknown>;
  for (const name of schema.required ?? []) assert(name in members, `${name} is missing`);
  for (const [name, member] of Object.entries(members)) conforms(member, schema.properties![name]);
}

describe("openAiJson", () => {
  const body = async (...decisions: Decision[]) => {
    const response = await reject(openAiJson(), ...decisions);
    assertEquals(response.headers.get("Content-Type"), "application/json");
    return await response.json();
  };

  it("answers a message, a type and a code, as OpenAI's SDK shows them", async () => {
    assertEquals(await body(passes, decision({ retryAfterMs: 1001 }), shadow), {
      error: {
        message: 'Too many requests for the limit "burst". Please try again in 2 s.',
        type: "rate_limit_error",
        code: "rate_limit_exceeded",
      },
    });
  });

  it("tells the longest wait, and where waiting does not help", async () => {
    const longer = decision({ rule: "daily", retryAfterMs: 86_400_000 });
    const { error: { message } } = await body(decision(), longer);
    assertEquals(message, 'Too many requests for the limit "daily". Please try again in 86400 s.');
    const { error } = await body(decision({ retryAfterMs: Infinity }));
    assertEquals(error.message, 'Too many requests for the limit "burst". Waiting does not help.');
  });

  it("says that the server cannot count, where that is so", async () => {
    assertEquals(await body(noStore), {
      error: {
        message: "Requests cannot be counted for now. Please try again later.",
        type: "server_error",
        code: "service_unavailable",
      },
    });
  });
});
