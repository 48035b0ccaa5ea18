/**
 * Times as logs write them.
 *
 * @module
 */

import { copyOf } from "../texts.ts";

const MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";

/** Digits at an index of a text; NaN where there are others. */
function digits(text: string, from: number, count: number): number {
  let value = 0;
  for (let i = from; i < from + count; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return NaN;
    value = value * 10 + digit;
  }
  return value;
}

/** Is the time on this day of its month? The 31st of February would be a day in March. */
const isDay = (at: number, day: number): boolean => new Date(at).getUTCDate() === day;

/** `29/Nov/2026:04:30:20`, then `.123` and ` +0100` where they are there; NaN for anything else. Without a zone it is UTC. */
function parseCommonTime(text: string): number {
  const month = MONTHS.indexOf(text.slice(3, 6));
  if (text.length < 20 || month % 3 !== 0 || text.charCodeAt(2) !== 0x2f) return NaN;
  const day = digits(text, 0, 2);
  let at = Date.UTC(
    digits(text, 7, 4),
    month / 3,
    day,
    digits(text, 12, 2),
    digits(text, 15, 2),
    digits(text, 18, 2),
  );
  if (!isDay(at, day)) return NaN;
  let end = 20;
  if (text[end] === ".") {
    at += digits(text, 21, 3);
    end = text.indexOf(" ", 24) === -1 ? text.length : text.indexOf(" ", 24);
  }
  const sign = text[end + 1];
  if (text[end] === " " && (sign === "+" || sign === "-")) {
    const zoneMs = (digits(text, end + 2, 2) * 60 + digits(text, end + 4, 2)) * 60_000;
    at -= sign === "+" ? zoneMs : -zoneMs;
  }
  return at;
}

/** Reads a time of the common log format at an index of a line, up to the bracket that closes it. */
export type CommonTimeReader = (line: string, from: number) => number;

/** Reads the times of the common log format. Lines that follow each other mostly have the same one. */
export function commonTimeReader(): CommonTimeReader {
  // With its bracket, as a longer time may begin like a shorter one.
  let last = "]";
  let at = NaN;
  return (line, from) => {
    if (line.startsWith(last, from)) return at;
    const end = line.indexOf("]", from);
    if (end === -1) return NaN;
    last = copyOf(line.slice(from, end + 1));
    at = parseCommonTime(last.slice(0, -1));
    return at;
  };
}

/** Epoch seconds, milliseconds, microseconds or nanoseconds, by their size: each is over the next for all times since 1971. */
function epochMs(value: number): number {
  if (value < 1e11) return Math.round(value * 1000);
  if (value < 1e14) return Math.round(value);
  return Math.round(value < 1e17 ? value / 1000 : value / 1e6);
}

/** When a request began that ended at a time. A duration below 0 is not known, and counts as none. */
export function startOf(end: number, durationMs: number): number {
  return end - Math.round(Math.max(0, durationMs));
}

/** ISO 8601, and what is close to it: a space for the T, a comma before the fraction, a zone without its colon or its minutes. */
const ISO =
  /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d{1,3})\d*)? ?(?:Z|([+-]\d\d)(?::?(\d\d))?)?$/i;

/** Not every engine reads all of those, and each takes a time without a zone for one where the log is read. */
function parseIso(text: string): number {
  const [, date, time, fraction = "0", hours, minutes = "00"] = ISO.exec(text) ?? [];
  if (date === undefined) return Date.parse(text);
  const day = Number(date.slice(8));
  if (day > 28 && !isDay(Date.parse(date), day)) return NaN;
  const seconds = time.length === 5 ? ":00" : "";
  const zone = hours === undefined ? "Z" : `${hours}:${minutes}`;
  return Date.parse(`${date}T${time}${seconds}.${fraction}${zone}`);
}

/**
 * A time in JSON: a number or a text of digits since 1970, ISO 8601, or that of the common log format, both in UTC where they have
 * no zone. NaN for others.
 */
export function timeOf(value: unknown): number {
  if (typeof value === "number") return value > 0 ? epochMs(value) : NaN;
  if (typeof value !== "string" || value === "") return NaN;
  if (/^\d+(?:\.\d+)?$/.test(value)) return epochMs(Number(value));
  return value.charCodeAt(2) === 0x2f ? parseCommonTime(value) : parseIso(value);
}
