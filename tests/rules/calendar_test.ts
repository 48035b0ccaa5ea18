/** Calendar periods: where they begin. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import { type Every } from "../../mod.ts";
import { type Calendar, calendarOf } from "../../src/rules/calendar.ts";
import { dateIn, transitions, withoutTemporal, zonedStart, ZONES } from "../harness/zones.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

function calendar(every: Every, timeZone?: string, startsOn?: number): Calendar {
  const rest = {
    ...(timeZone === undefined ? {} : { timeZone }),
    ...(startsOn === undefined ? {} : { startsOn }),
  };
  return calendarOf({ limit: 1, every, ...rest }, "use a rate");
}

/** The current period at a time, as ISO 8601; a midnight of UTC as its date. */
function current(written: Calendar, now: string): string {
  const [, start, end] = written.around(Date.parse(now));
  return [start, end].map((time) =>
    new Date(time).toISOString().replace(":00.000Z", "Z").replace("T00:00Z", "")
  ).join(" to ");
}

type Written = Parameters<typeof calendar>;

/** Each period by name: its calendar, at which time, its beginning and its end in UTC. */
const PERIODS: readonly (readonly [name: string, Written, now: string, period: string])[] = [
  ["a month of 31 days", ["month"], "2026-01-31T23:59:59Z", "2026-01-01 to 2026-02-01"],
  ["its first moment", ["month"], "2026-02-01", "2026-02-01 to 2026-03-01"],
  ["the February of a leap year", ["month"], "2028-02-29T12:00Z", "2028-02-01 to 2028-03-01"],
  ["no leap year at the turn of a century", ["month"], "2100-02-28T12:00Z", "2100-02-01 to 2100-03-01"],
  ["a billing day", ["month", "UTC", 15], "2026-11-29", "2026-11-15 to 2026-12-15"],
  ["the eve of a billing day", ["month", "UTC", 15], "2026-11-14T23:59:59Z", "2026-10-15 to 2026-11-15"],
  [
    "the 31st, on the last day of a shorter month",
    ["month", "UTC", 31],
    "2026-03-01",
    "2026-02-28 to 2026-03-31",
  ],
  ["the 31st, which comes back", ["month", "UTC", 31], "2026-04-01", "2026-03-31 to 2026-04-30"],
  ["the 30th, on the 29th of February", ["month", "UTC", 30], "2028-03-01", "2028-02-29 to 2028-03-30"],
  ["the 29th, on the 28th of February", ["month", "UTC", 29], "2027-02-28", "2027-02-28 to 2027-03-29"],
  [
    "the 31st, where by the mean length of months the next one but one has begun",
    ["month", "Pacific/Niue", 31],
    "1973-01-31T05:00:00Z",
    "1972-12-31T11:00Z to 1973-01-31T11:00Z",
  ],
  ["a year", ["year"], "2026-11-29", "2026-01-01 to 2027-01-01"],
  [
    "a year from its 91st day, the first of April",
    ["year", "UTC", 91],
    "2026-11-29",
    "2026-04-01 to 2027-04-01",
  ],
  [
    "a year from its 91st day, in a leap year the 31st of March",
    ["year", "UTC", 91],
    "2028-03-31",
    "2028-03-31 to 2029-04-01",
  ],
  [
    "a year from its 366th day, in others the last",
    ["year", "UTC", 366],
    "2028-12-31",
    "2028-12-31 to 2029-12-31",
  ],
  ["a week from Monday", ["week"], "2026-11-29T23:59:59Z", "2026-11-23 to 2026-11-30"],
  ["a week from Sunday", ["week", "UTC", 7], "2026-11-29", "2026-11-29 to 2026-12-06"],
  ["a week from Thursday, over a new year", ["week", "UTC", 4], "2026-01-01", "2026-01-01 to 2026-01-08"],
  ["a day of 24 hours", ["day"], "2026-11-29T12:00Z", "2026-11-29 to 2026-11-30"],
  [
    "a month of Berlin",
    ["month", "Europe/Berlin"],
    "2026-10-31T22:59:59Z",
    "2026-09-30T22:00Z to 2026-10-31T23:00Z",
  ],
  [
    "a month of Auckland, a day ahead",
    ["month", "Pacific/Auckland"],
    "2026-11-30T12:00Z",
    "2026-11-30T11:00Z to 2026-12-31T11:00Z",
  ],
  [
    "a day that begins at half past",
    ["day", "Asia/Kolkata"],
    "2026-11-29T12:00Z",
    "2026-11-28T18:30Z to 2026-11-29T18:30Z",
  ],
];

/** Days on which clocks change: hours, and why. */
const LONG_AND_SHORT: readonly (readonly [timeZone: string, noon: string, hours: number, why: string])[] = [
  ["Europe/Berlin", "2026-03-29T10:00Z", 23, "summer time begins at 02:00"],
  ["Europe/Berlin", "2026-10-25T11:00Z", 25, "summer time ends at 03:00"],
  ["America/New_York", "2026-03-08T16:00Z", 23, "summer time begins at 02:00"],
  ["America/New_York", "2026-11-01T17:00Z", 25, "summer time ends at 02:00"],
  ["Australia/Lord_Howe", "2026-10-04T01:00Z", 23.5, "summer time is half an hour"],
  ["Australia/Lord_Howe", "2026-04-05T01:00Z", 24.5, "summer time is half an hour"],
  ["America/Sao_Paulo", "2018-11-04T15:00Z", 23, "midnight is left out"],
  ["America/Sao_Paulo", "2018-02-17T15:00Z", 25, "the hour before midnight comes twice"],
  ["America/Havana", "2026-11-01T17:00Z", 25, "the hour after midnight comes twice"],
  ["Asia/Beirut", "2026-03-29T10:00Z", 23, "midnight is left out"],
  ["America/St_Johns", "2010-11-07T16:00Z", 25, "a minute after midnight the day before comes back"],
  ["Africa/Cairo", "2026-10-29T10:00Z", 25, "the hour before midnight comes twice"],
  ["Asia/Pyongyang", "2018-05-04T03:00Z", 23.5, "the zone moves by half an hour"],
  ["Pacific/Apia", "2011-12-29T20:00Z", 24, "the next day is left out"],
  ["Europe/Berlin", "2026-11-29T11:00Z", 24, "nothing happens"],
];

describe("a calendar period", () => {
  for (const [name, written, now, period] of PERIODS) {
    it(`is ${name}: at ${now} from ${period}`, () =>
      assertEquals(current(calendar(...written), now), period));
  }

  for (const [timeZone, noon, hours, why] of LONG_AND_SHORT) {
    it(`is a day of ${hours} hours in ${timeZone} around ${noon}, as ${why}`, () => {
      const [, start, end] = calendar("day", timeZone).around(Date.parse(noon));
      assertEquals((end - start) / HOUR, hours);
    });
  }

  it("goes on after a day that was left out", () => {
    assertEquals(
      current(calendar("day", "Pacific/Apia"), "2011-12-30T10:00:00Z"),
      "2011-12-30T10:00Z to 2011-12-31T10:00Z",
    );
  });

  it("has a name without a colon, also where its zone is an offset, as runtimes have them", () => {
    // A colon divides the name of a rule's states from the key.
    for (const timeZone of ["Europe/Berlin", "+05:30"]) {
      try {
        new Intl.DateTimeFormat("en", { timeZone });
      } catch {
        continue; // Node 20 has no zones that are offsets
      }
      assert(!calendar("month", timeZone, 9).name.includes(":"), timeZone);
    }
  });

  it("is one object for one calendar, so that a rate from a function need not compute it again", () => {
    assertEquals(calendar("month", "Asia/Tokyo", 9), calendar("month", "Asia/Tokyo", 9));
    assert(calendar("month", "Asia/Tokyo", 9) === calendar("month", "Asia/Tokyo", 9));
    assert(calendar("month", "Asia/Tokyo", 9) !== calendar("month", "Asia/Tokyo", 10));
    const { around } = calendar("month", "Asia/Tokyo", 9);
    assert(around(Date.UTC(2027, 3, 10)) === around(Date.UTC(2027, 3, 20)));
  });

  const anyCalendar = fc.record({
    every: fc.constantFrom<Every>("day", "week", "month", "year"),
    timeZone: fc.constantFrom(...ZONES),
    day: fc.nat(400),
    now: fc.integer({ min: Date.UTC(1976, 0), max: Date.UTC(2076, 0) }),
  }).map(({ every, timeZone, day, now }) => {
    const most = { day: 1, week: 7, month: 31, year: 366 }[every];
    return { every, now, written: calendar(every, timeZone, every === "day" ? undefined : 1 + day % most) };
  });

  it("contains now, between its neighbours, and lasts as long as its name says", () => {
    const [shortest, longest] = [
      { day: 1, week: 7, month: 28, year: 364 },
      { day: 1, week: 7, month: 31, year: 366 },
    ];
    fc.assert(
      fc.property(anyCalendar, ({ every, now, written }) => {
        const times = written.around(now);
        assertEquals(times.length, 4);
        const [before, start, end, after] = times;
        assert(before < start && start <= now && now < end && end < after, `${times} at ${now}`);
        for (let i = 0; i < 3; i++) {
          const days = (times[i + 1] - times[i]) / DAY;
          assert(days > shortest[every] - 0.2 && days < longest[every] + 1.1, `${days} days`);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("is the same at any time in it, and begins where the one before ends", () => {
    fc.assert(
      fc.property(
        anyCalendar,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        ({ now, written }, part) => {
          const [before, start, end, after] = written.around(now);
          assertEquals(written.around(start), [before, start, end, after]);
          assertEquals(written.around(end - 1), [before, start, end, after]);
          assertEquals(written.around(start + Math.floor(part * (end - start))), [before, start, end, after]);
          assertEquals(written.around(end).slice(0, 3), [start, end, after]);
          assertEquals(written.around(start - 1).slice(1), [before, start, end]);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("begins where Temporal says, in 200 time zones over 50 years", { skip: withoutTemporal }, () => {
    let compared = 0;
    for (const [i, timeZone] of ZONES.entries()) {
      const startsOn = 1 + i % 31;
      const monthly = calendar("month", timeZone, startsOn);
      for (let month = i % 7; month < 12 * 50; month += 7) {
        for (const time of monthly.around(Date.UTC(2000, month, 17))) {
          const first = new Date(time + 14 * HOUR); // the date in the zone, or the next one
          const [year, number] = [first.getUTCFullYear(), first.getUTCMonth()];
          const wanted = [-1, 0].map((back) => {
            const days = new Date(Date.UTC(year, number + back + 1, 0)).getUTCDate();
            return zonedStart(timeZone, new Date(Date.UTC(year, number + back, Math.min(startsOn, days))));
          });
          assert(wanted.includes(time), `${timeZone} ${new Date(time).toISOString()}`);
          compared++;
        }
      }
    }
    assertEquals(ZONES.length, 200);
    assert(compared > 60_000, `${compared}`);
  });

  it(
    "begins where Temporal says around every change of the clocks of 50 years",
    { skip: withoutTemporal },
    () => {
      let compared = 0;
      for (const timeZone of ZONES) {
        const daily = calendar("day", timeZone);
        const times = transitions(timeZone, Date.UTC(2000, 0), Date.UTC(2050, 0));
        for (const time of times) {
          for (const now of [time - 1, time]) {
            const [, start, end] = daily.around(now);
            // Of two midnights of a day the first counts, so the date that the clock shows may be the day before.
            const date = dateIn(timeZone, now);
            const starts = [-1, 0, 1, 2].map((days) =>
              zonedStart(timeZone, new Date(date.getTime() + days * DAY))
            );
            const first = starts.findLastIndex((begin) => begin <= now);
            assertEquals(
              [start, end],
              [starts[first], starts.find((begin) => begin > now)],
              `${timeZone} ${now}`,
            );
            compared++;
          }
        }
      }
      assert(compared > 10_000, `${compared}`);
    },
  );
});
