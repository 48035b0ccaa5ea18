/** Prints the beginnings of calendar periods of 50 years in 200 time zones, for `calendar_oracle.py`. */
import type { Every } from "../../mod.ts";
import { calendarOf } from "../../src/rules/calendar.ts";
import { ZONES } from "../harness/zones.ts";

const PERIODS: readonly (readonly [Every, ...days: readonly number[]])[] = [
  ["day", 1],
  ["week", 1, 7],
  ["month", 1, 15, 29, 30, 31],
  ["year", 1, 91, 366],
];
const FROM = Date.UTC(2000, 0, 1);
const TO = Date.UTC(2050, 0, 1);

for (const timeZone of ZONES) {
  for (const [every, ...days] of PERIODS) {
    for (const startsOn of days) {
      const rate = { limit: 1, every, timeZone, ...(every === "day" ? {} : { startsOn }) };
      const { around } = calendarOf(rate, "use a rate");
      const starts: number[] = [];
      for (let time = FROM; time < TO; time = starts[starts.length - 1]) {
        starts.push(...around(time).slice(1));
      }
      console.log([timeZone, every, startsOn, [...new Set(starts)].join(" ")].join("\t"));
    }
  }
}
