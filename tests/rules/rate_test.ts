import { assert, assertEquals, assertInstanceOf, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import { parseRate, type Rate } from "../../src/rules/rate.ts";
import { DAY, durationMs, HOUR, MINUTE, SECOND } from "../../src/duration.ts";
import { shown } from "../../src/cannot.ts";
import { type Rule } from "../../src/rules/rule.ts";
import { prepareRules } from "../../src/rules/prepare_rules.ts";

const S = 1000;
const MIN = 60 * S;
const H = 60 * MIN;
const D = 24 * H;
const W = 7 * D;

const ACCEPTED: readonly (readonly [Rate, limit: number, windowMs: number])[] = [
  ["100/hour", 100, H],
  ["5/15min", 5, 15 * MIN],
  ["60/min", 60, MIN],
  ["10/s", 10, S],
  ["1000/day", 1000, D],
  ["1/500ms", 1, 500],
  ["3/2h", 3, 2 * H],
  ["50/week", 50, W],
  ["5/1ms", 5, 1],
  ["0/min", 0, MIN],
  ["007/min", 7, MIN],
  ["5/015min", 5, 15 * MIN],
  ["999999999999999/s", 999_999_999_999_999, S],
  ["1/365days", 1, 365 * D],
  // Blanks.
  [" 5/min ", 5, MIN],
  ["5 / min", 5, MIN],
  ["5/ 15 min", 5, 15 * MIN],
  ["\t5\t/\n15\tmin", 5, 15 * MIN],
  // Case.
  ["5/MIN", 5, MIN],
  ["5/15Min", 5, 15 * MIN],
  ["5/H", 5, H],
  ["5/M", 5, MIN],
  ["5/500MS", 5, 500],
  // In numbers.
  [{ limit: 5, window: 10 }, 5, 10 * S],
  [{ limit: 5, window: 0.5 }, 5, 500],
  [{ limit: 5, window: 0.001 }, 5, 1],
  [{ limit: 5, window: 1.001 }, 5, 1001],
  [{ limit: 5, window: 4.35 }, 5, 4350],
  [{ limit: 0, window: 1 }, 0, S],
  [{ limit: 5, window: "15min" }, 5, 15 * MIN],
  [{ limit: 5, window: "hour" }, 5, H],
  [{ limit: 5, window: " 2 H " }, 5, 2 * H],
  [{ limit: 5, window: SECOND }, 5, S],
  [{ limit: 5, window: MINUTE }, 5, MIN],
  [{ limit: 5, window: HOUR }, 5, H],
  [{ limit: 5, window: DAY }, 5, D],
  [{ limit: 5, window: 365 * DAY }, 5, 365 * D],
];

const UNITS: readonly (readonly [ms: number, names: string])[] = [
  [1, "ms msec msecs millisecond milliseconds"],
  [S, "s sec secs second seconds"],
  [MIN, "m min mins minute minutes"],
  [H, "h hr hrs hour hours"],
  [D, "d day days"],
  [W, "w wk wks week weeks"],
];

/** Rates that are refused, and the part of each that the sentence shows. */
const REFUSED: readonly (readonly [unknown, kind: typeof TypeError | typeof RangeError, shown?: string])[] = [
  ["5/15minn", TypeError],
  ["5/M/s", TypeError],
  ["0.5/s", TypeError],
  ["-1/min", TypeError],
  ["+1/min", TypeError],
  ["1e3/h", TypeError],
  ["1_000/h", TypeError],
  ["1,000/h", TypeError],
  ["0x10/h", TypeError],
  ["5/1.5h", TypeError],
  ["5/-1h", TypeError],
  ["5/2months", TypeError],
  ["5/0 years", TypeError],
  ["5/mo", TypeError],
  ["100/hamster", TypeError],
  ["5/1h30m", TypeError],
  ["5/15", TypeError],
  ["5/", TypeError],
  ["/min", TypeError],
  ["5", TypeError],
  ["", TypeError],
  ["/", TypeError],
  ["5 per min", TypeError],
  ["5:min", TypeError],
  ["5 5/min", TypeError],
  ["5/m in", TypeError],
  ["٥/min", TypeError],
  ["5/\u017f", TypeError], // a long s
  ["5/0s", RangeError],
  ["5/0ms", RangeError],
  ["5/999999999999999w", RangeError],
  ["1000000000000000/s", RangeError, "1000000000000000"],
  [`${"9".repeat(400)}/s`, RangeError, "Infinity"],
  [5, TypeError],
  [NaN, TypeError],
  [true, TypeError],
  [undefined, TypeError],
  [Symbol("5/min"), TypeError, "Symbol(5/min)"],
  [5n, TypeError, "5"],
  [{}, TypeError],
  [{ window: 60 }, TypeError],
  [{ limit: 5 }, TypeError, '{"limit":5}'],
  [{ limit: 5, windowMs: 60 }, TypeError, '"windowMs"'],
  [{ limit: 5, window: 60, on: "POST /login" }, TypeError, '"on"'],
  [{ limit: 5, window: undefined }, TypeError, "undefined"],
  [{ limit: 5, window: null }, TypeError, "null"],
  [{ limit: 5, window: "1x" }, TypeError, '"1x"'],
  [{ limit: 5, window: "60" }, TypeError, '"60"'],
  [{ limit: 5, window: {} }, TypeError, "{}"],
  [{ limit: 5, window: 0 }, RangeError, "0"],
  [{ limit: 5, window: -1 }, RangeError, "-1"],
  [{ limit: 5, window: NaN }, RangeError, "NaN"],
  [{ limit: 5, window: Infinity }, RangeError, "Infinity"],
  [{ limit: 5, window: 0.0001 }, RangeError, "0.0001"],
  [{ limit: 5, window: 0.0015 }, RangeError, "0.0015"],
  [{ limit: 5, window: 1e300 }, RangeError, "1e+300"],
  [{ limit: 5, window: "0s" }, RangeError, '"0s"'],
  [{ limit: NaN, window: 60 }, RangeError, "NaN"],
  [{ limit: -1, window: 60 }, RangeError, "-1"],
  [{ limit: 0.5, window: 60 }, RangeError, "0.5"],
  [{ limit: Infinity, window: 60 }, RangeError, "Infinity"],
  [{ limit: 1e15, window: 60 }, RangeError, "1000000000000000"],
  [{ limit: undefined, window: 60 }, RangeError, "undefined"],
  [{ limit: "5", window: 60 }, RangeError, '"5"'],
  // By the calendar.
  ["1000000000000000/month", RangeError, "1000000000000000"],
  [{ limit: 5, every: "hour" }, TypeError, '"hour"'],
  [{ limit: 5, every: "Month" }, TypeError, '"Month"'],
  [{ limit: 5, every: null }, TypeError, "null"],
  [{ limit: 5, every: {} }, TypeError, "{}"],
  [{ limit: 5, every: undefined }, TypeError, '"every"'],
  [{ limit: 5, every: "month", window: 60 }, TypeError, '"window"'],
  [{ limit: 5, window: 60, timeZone: "UTC" }, TypeError, '"timeZone"'],
  [{ limit: 5, startsOn: 15 }, TypeError, '"startsOn"'],
  [{ limit: 5, every: "month", on: "POST /login" }, TypeError, '"on"'],
  [{ limit: -1, every: "month" }, RangeError, "-1"],
  [{ limit: 5, every: "month", timeZone: "Europe/Bremen" }, RangeError, '"Europe/Bremen"'],
  [{ limit: 5, every: "month", timeZone: "Mars/Olympus_Mons" }, RangeError, '"Mars/Olympus_Mons"'],
  [{ limit: 5, every: "month", timeZone: "" }, TypeError, '""'],
  [{ limit: 5, every: "month", timeZone: null }, TypeError, "null"],
  [{ limit: 5, every: "month", timeZone: 2 }, TypeError, "2"],
  [{ limit: 5, every: "month", timeZone: ["Europe/Berlin"] }, TypeError, '["Europe/Berlin"]'],
  [{ limit: 5, every: "month", startsOn: 0 }, RangeError, "0"],
  [{ limit: 5, every: "month", startsOn: 32 }, RangeError, "32"],
  [{ limit: 5, every: "month", startsOn: 1.5 }, RangeError, "1.5"],
  [{ limit: 5, every: "month", startsOn: NaN }, RangeError, "NaN"],
  [{ limit: 5, every: "month", startsOn: "15" }, RangeError, '"15"'],
  [{ limit: 5, every: "week", startsOn: 8 }, RangeError, "8"],
  [{ limit: 5, every: "year", startsOn: 367 }, RangeError, "367"],
  [{ limit: 5, every: "day", startsOn: 1 }, TypeError, '"startsOn"'],
];

describe("a rate", () => {
  for (const [rate, limit, windowMs] of ACCEPTED) {
    it(`${JSON.stringify(rate)} is ${limit} in ${windowMs} ms`, () => {
      assertEquals(parseRate(rate, "rule 1"), { limit, windowMs });
    });
  }

  it("knows each unit by its short, long and plural names", () => {
    for (const [ms, names] of UNITS) {
      for (const name of names.split(" ")) {
        for (const word of [name, name.toUpperCase(), `1${name}`]) {
          assertEquals(parseRate(`7/${word}`, "rule 1"), { limit: 7, windowMs: ms }, word);
        }
        assertEquals(parseRate(`7/30${name}`, "rule 1").windowMs, 30 * ms);
      }
    }
  });

  it("is by the calendar in words, in any case, for one month or year", () => {
    for (
      const [text, every] of [["month", "month"], ["MONTHS", "month"], [" 1 Year ", "year"], [
        "1years",
        "year",
      ]]
    ) {
      const { limit, calendar } = parseRate(`7/${text}`, "rule 1");
      assertEquals(
        [limit, calendar?.every, calendar?.timeZone, calendar?.startsOn],
        [7, every, "UTC", 1],
        text,
      );
    }
    assertEquals(parseRate("7/day", "rule 1"), { limit: 7, windowMs: D });
  });

  it("may be a limit alone", () => {
    assertEquals(parseRate({ limit: 5 }, "rule 1"), { limit: 5, windowMs: null });
  });

  for (const [rate, kind, part] of REFUSED) {
    it(`${shown(rate).slice(0, 60)} is refused, with the rule's name and the value`, () => {
      const error = assertThrows(() => prepareRules({ name: "login", rate: rate as Rate }));
      assertInstanceOf(error, kind);
      const { message } = error as Error;
      assert(message.startsWith('Cannot use rule "login" as '), message);
      assert(message.endsWith(`: current value is ${part ?? shown(rate)}`), message);
    });
  }

  it("without a name is named by its position", () => {
    assertThrows(() => prepareRules(["60/min", "5/15minn"]), TypeError, "Cannot use rule 2 as rate must be");
    assertThrows(() => prepareRules("0.5/s"), TypeError, 'Cannot use rule 1 as rate must be "100/hour"');
  });

  it("means the same in words and in numbers", () => {
    fc.assert(fc.property(
      fc.integer({ min: 0, max: 999_999_999_999_999 }),
      fc.integer({ min: 1, max: 100_000 }),
      fc.constantFrom(...UNITS),
      fc.nat(),
      fc.constantFrom("", " ", "  "),
      (limit, count, [ms, names], place, blank) => {
        const unit = names.split(" ")[place % names.split(" ").length];
        const words = parseRate(`${blank}${limit}${blank}/${blank}${count}${blank}${unit}${blank}`, "rule 1");
        assertEquals(words, { limit, windowMs: count * ms });
        assertEquals(words, parseRate({ limit, window: count * ms / 1000 }, "rule 1"));
      },
    ));
  });

  it("is understood or refused in a sentence, whatever is written", () => {
    const texts = fc.oneof(
      fc.string(),
      fc.stringMatching(/^[0-9 ]{0,4}\/?[0-9. -]{0,3}[a-zA-Z/]{0,5}$/),
    );
    fc.assert(
      fc.property(fc.oneof(texts, fc.anything()), (rate) => {
        try {
          const { limit, windowMs } = parseRate(rate, 'rule "x"');
          assert(Number.isInteger(limit) && limit >= 0);
          assert(windowMs === null || Number.isSafeInteger(windowMs) && windowMs >= 1);
        } catch (error) {
          assert(error instanceof TypeError || error instanceof RangeError);
          assertStringIncludes(error.message, 'Cannot use rule "x" as ');
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe("a duration", () => {
  it("is a number of seconds or words", () => {
    const table: readonly (readonly [unknown, number])[] = [
      [60, 60_000],
      [0.25, 250],
      ["90s", 90_000],
      ["min", 60_000],
      ["500 ms", 500],
    ];
    for (const [duration, ms] of table) assertEquals(durationMs(duration, "x", "y"), ms);
  });

  it("of any whole number of ms is exact", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 365 * D }), (ms) => {
        assertEquals(durationMs(ms / 1000, "x", "y"), ms);
      }),
    );
  });

  it("is refused by its own name", () => {
    const block = { after: 3, window: "1x", for: 60 };
    const rule: Rule = { name: "login", rate: "5/min", block };
    assertThrows(
      () => prepareRules(rule),
      TypeError,
      'Cannot use rule "login" as block.window must be a number of seconds or a duration such as "15min" or "500ms": current value is "1x"',
    );
  });
});
