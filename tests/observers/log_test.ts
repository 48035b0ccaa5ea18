import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import { createThrottle, type LogOptions, logTo, memoryStore, type ThrottleEvent } from "../../mod.ts";
import { codePoints } from "../harness/code_points.ts";
import { writtenDuring } from "../harness/console.ts";
import { throttled } from "../harness/throttled.ts";
import { pause } from "../harness/until.ts";

const START = Date.UTC(2026, 0, 2, 3, 4, 5);

interface Line {
  level: "warn" | "info";
  text: string;
  [field: string]: unknown;
}

/** A log in memory, with every line read as the JSON that it must be. */
function memoryLog(): { lines: Line[]; warn(text: string): void; info(text: string): void } {
  const lines: Line[] = [];
  const taker = (level: Line["level"]) => (text: string) =>
    void lines.push({ ...JSON.parse(text), level, text });
  return { lines, warn: taker("warn"), info: taker("info") };
}

function decision(
  over: Partial<ThrottleEvent["decisions"][number]> = {},
): ThrottleEvent["decisions"][number] {
  return {
    ...{
      rule: "login",
      limit: 5,
      windowMs: 900_000,
      cost: 1,
      mode: "enforce",
      allowed: false,
      remaining: 0,
    },
    ...{ resetAfterMs: 1, retryAfterMs: 1, blockedMs: 0, source: "store", at: START },
    ...over,
  } as ThrottleEvent["decisions"][number];
}

function denied(over: Partial<ThrottleEvent> = {}): ThrottleEvent {
  return {
    ...{ type: "denied", at: START, method: "POST", route: "/login", rule: "login", key: "00c0ffee00c0ffee" },
    decisions: [decision()],
    ...over,
  } as ThrottleEvent;
}

describe("a log line", () => {
  it("says rule, route pattern, method, limit, wait and hashed key of a refusal, at warn", async () => {
    const log = memoryLog();
    const throttle = createThrottle(
      { name: "login", rate: "1/15min", on: "POST /users/:name/login" },
      {
        observers: [logTo(log)],
        store: memoryStore({ clock: () => START }),
        client: { address: () => "192.0.2.1" },
      },
    );
    const request = () => new Request("https://example.com/users/alice/login", { method: "POST" });
    for (let i = 0; i < 2; i++) await throttle.check(request());
    assertEquals(log.lines.length, 1);
    const { level, text, key, ...fields } = log.lines[0];
    assertEquals([level, fields], ["warn", {
      event: "denied",
      at: "2026-01-02T03:04:05.000Z",
      rule: "login",
      route: "/users/:name/login",
      method: "POST",
      limit: 1,
      window: 900,
      retry_after: 900,
      blocked: false,
      source: "store",
    }]);
    assertMatch(String(key), /^[0-9a-f]{16}$/);
    assert(!/alice|192\.0\.2\.1/.test(text), "neither the raw path nor the address is in it.");
  });

  it("is at info for what a shadow rule would have refused", () => {
    const log = memoryLog();
    logTo(log)(denied({ type: "shadow-denied" }));
    assertEquals(log.lines.map(({ level, event }) => [level, event]), [["info", "shadow-denied"]]);
  });

  it("names the rule on trial where its trial would have refused", async () => {
    const log = memoryLog();
    const { statuses } = throttled({ name: "api", rate: "2/min", trial: "1/min" }, {
      observers: [logTo(log)],
    });
    await statuses(3);
    assertEquals(
      log.lines.map(({ level, event, rule, trial_of, limit }) => [level, event, rule, trial_of, limit]),
      [
        ["info", "shadow-denied", "api+trial", "api", 1],
        ["info", "shadow-denied", "api+trial", "api", 1],
        ["warn", "denied", "api", undefined, 2],
      ],
    );
  });

  it("is at warn for a store that fails, or works again, and for an error", () => {
    const log = memoryLog();
    const observe = logTo(log);
    const base = { at: START, method: "", route: null, decisions: [] };
    observe({ ...base, type: "store", state: "failing", error: new Error("gone") });
    observe({ ...base, type: "store", state: "healed" });
    observe({ ...base, type: "store", state: "failing", part: "10.0.0.1:7001", error: new Error("down") });
    observe({ ...base, type: "error", rule: "login", method: "GET", error: new TypeError("no key") });
    observe({ ...base, type: "error", error: Object.create(null) });
    assertEquals(
      log.lines.map((
        { level, event, state, error, rule, part },
      ) => [level, event, state, error, rule ?? part]),
      [
        ["warn", "store", "failing", "Error: gone", undefined],
        ["warn", "store", "healed", undefined, undefined],
        ["warn", "store", "failing", "Error: down", "10.0.0.1:7001"],
        ["warn", "error", undefined, "TypeError: no key", "login"],
        ["warn", "error", undefined, "{}", undefined],
      ],
    );
  });

  it("does not exist for what passes, is skipped or settled; a block shows in its refusal", () => {
    const log = memoryLog();
    const observe = logTo(log);
    for (const type of ["allowed", "skipped", "settled", "blocked"] as const) observe(denied({ type }));
    assertEquals(log.lines, []);
    observe(denied({ decisions: [decision({ blockedMs: 1 })] }));
    assertEquals(log.lines[0].blocked, true);
  });

  it("says null for a wait that never ends, and rounds up any other", () => {
    for (const [retryAfterMs, seconds] of [[Infinity, null], [1, 1], [1000, 1], [1001, 2]]) {
      const log = memoryLog();
      logTo(log)(denied({ decisions: [decision({ retryAfterMs: retryAfterMs as number })] }));
      assertEquals(log.lines[0].retry_after, seconds);
    }
  });

  it("names who is asking only when asked to", async () => {
    for (const [options, identity] of [[{}, undefined], [{ identity: true }, "user 7"]] as const) {
      const log = memoryLog();
      const throttle = createThrottle({ rate: "0/min", stage: "after-auth" }, {
        observers: [logTo(log, options)],
        authenticate: () => ({ id: "user 7" }),
        client: { address: () => "192.0.2.1" },
      });
      await throttle.check(new Request("https://example.com/"));
      assertEquals(log.lines[0].identity, identity);
    }
  });
});

describe("no text of a request can forge a log line", () => {
  const nasty = [
    ["a line end", 'GET\r\n{"event":"denied"}'],
    ["an escape sequence of terminals", "\x1b[2J\x9b31m"],
    ["what turns text around, or ends lines in JavaScript", "\u202e\u2066\u2028\u2029\u0085"],
    ["quotes and braces", '"},{"rule":"other"'],
    ["format words of console.log", "%s %o %c"],
    ["nul, delete and a lone surrogate", "\0\x7f\ud800"],
  ];
  for (const [title, text] of nasty) {
    it(`not with ${title}`, () => {
      const log = memoryLog();
      logTo(log)(denied({ method: text, route: text, key: text }));
      const [line] = log.lines;
      assertMatch(line.text, /^\{[\x20-\x7e]*\}$/);
      assertEquals([line.method, line.route, line.key, line.rule], [text, text, text, "login"]);
    });
  }

  it("not with anything, and no text makes a long line", () => {
    const log = memoryLog();
    const observe = logTo(log, { first: 1e9, identity: true });
    const text = fc.string({ unit: codePoints, maxLength: 2000 });
    fc.assert(fc.property(text, text, (method, key) => {
      observe(denied({ method, key }));
      observe(denied({ type: "error", error: new Error(key), method }));
      for (const line of log.lines.splice(0)) {
        assertMatch(line.text, /^\{[\x20-\x7e]*\}$/);
        assert(line.text.length < 10_000);
        assertEquals(line.method, method.slice(0, 500));
      }
    }));
  });
});

describe("a log under attack", () => {
  function attacked(options: LogOptions, until: number, stepMs: number): Line[] {
    const log = memoryLog();
    const observe = logTo(log, options);
    for (let at = START; at < START + until; at += stepMs) observe(denied({ at }));
    return log.lines;
  }

  it("has the first lines of each minute, then their number", () => {
    const lines = attacked({}, 121_000, 100);
    assertEquals(lines.map(({ unwritten }) => unwritten ?? "line"), [
      ...Array.from({ length: 10 }, () => "line"),
      590,
      ...Array.from({ length: 10 }, () => "line"),
      590,
      ...Array.from({ length: 10 }, () => "line"),
    ]);
    const { text: _, ...summary } = lines[10];
    assertEquals(summary, {
      event: "denied",
      at: "2026-01-02T03:05:05.000Z",
      rule: "login",
      unwritten: 590,
      since: "2026-01-02T03:04:05.000Z",
      until: "2026-01-02T03:05:05.000Z",
      level: "warn",
    });
  });

  it("takes another interval and another number", () => {
    const lines = attacked({ first: 2, interval: "1s" }, 1100, 100);
    assertEquals(lines.map(({ unwritten }) => unwritten ?? "line"), ["line", "line", 8, "line"]);
    assertEquals(attacked({ first: 0, interval: 1 }, 1100, 100).length, 1);
  });

  it("counts each rule and each kind by itself, so that noise hides nothing", () => {
    const log = memoryLog();
    const observe = logTo(log, { first: 1 });
    for (let i = 0; i < 100; i++) observe(denied());
    observe(denied({ rule: "other" }));
    observe(denied({ type: "shadow-denied" }));
    observe({ type: "store", state: "failing", at: START, method: "", route: null, decisions: [] });
    assertEquals(log.lines.map(({ event, rule }) => `${event} ${rule}`), [
      "denied login",
      "denied other",
      "shadow-denied login",
      "store undefined",
    ]);
  });

  it("tells the number with any event that comes after the interval, an allowed request too", () => {
    const log = memoryLog();
    const observe = logTo(log, { first: 1 });
    for (let i = 0; i < 3; i++) observe(denied());
    observe(denied({ type: "allowed", at: START + 59_999 }));
    assertEquals(log.lines.length, 1);
    observe(denied({ type: "allowed", at: START + 60_000 }));
    observe(denied({ type: "allowed", at: START + 60_000 }));
    assertEquals(log.lines.map(({ unwritten }) => unwritten), [undefined, 2]);
  });

  it("is not silenced by a clock that is set back", () => {
    const log = memoryLog();
    const observe = logTo(log, { first: 1 });
    for (let i = 0; i < 3; i++) observe(denied());
    observe(denied({ at: START - 86_400_000 }));
    assertEquals(log.lines.map(({ unwritten }) => unwritten ?? "line"), ["line", 2, "line"]);
  });
});

describe("logTo()", () => {
  it("takes console", () => {
    assertEquals(typeof logTo(console), "function");
  });

  it("refuses what it cannot use, with the value", () => {
    const log = memoryLog();
    for (
      const [make, message] of [
        [() => logTo({ warn() {} } as never), "the functions warn and info"],
        [() => logTo(null as never), "current value is null"],
        [() => logTo(log, { first: -1 }), "first must be an integer of at least 0: current value is -1"],
        [() => logTo(log, { interval: "soon" }), "interval must be a number of seconds or a duration"],
        [
          () => logTo(log, { level: 1 } as never),
          'no option but first, interval, identity: current value is "level"',
        ],
      ] as const
    ) assertThrows(make, Error, message);
  });
});

describe("the log of a throttle", () => {
  it("whose target fails later is reported once, as an observer that throws is", async () => {
    const late = () => Promise.reject(new Error("disk full"));
    const time = { now: START };
    const { lines } = await writtenDuring(async () => {
      const throttle = createThrottle("1/min", {
        observers: [logTo({ warn: late, info: late }, { first: 1 })],
        store: memoryStore({ clock: () => time.now }),
        client: { address: () => "192.0.2.1" },
      });
      const request = new Request("https://example.com/");
      for (let i = 0; i < 4; i++) await throttle.check(request);
      time.now += 30_000;
      await throttle.check(request);
      time.now += 31_000;
      for (let i = 0; i < 3; i++) await throttle.check(request);
      await pause(5);
    }, "error");
    assertEquals(lines.length, 1);
    assertMatch(lines[0], /An observer of a throttle failed/);
  });

  it("has a line for each refusal, and none for what passes", async () => {
    const { lines, ...log } = memoryLog();
    const { statuses } = throttled({ name: "login", rate: "1/min" }, { observers: [logTo(log)] });
    assertEquals(await statuses(3), [200, 429, 429]);
    assertEquals(lines.map(({ level, rule }) => [level, rule]), [["warn", "login"], ["warn", "login"]]);
  });
});
