/**
 * Numbers and times in words for people.
 *
 * @module
 */

import { counted } from "../rejections/quota_text.ts";

/** A number in full: 12,345. */
export function count(n: number): string {
  return Math.round(n).toLocaleString("en");
}

/** A number of things: 1 request, 12,345 requests. */
export function things(n: number, noun: string): string {
  return counted(n, noun, count(n));
}

/** A short number: 9,999, then 12.3K, 4.6M. */
export function brief(n: number): string {
  return n < 10_000 ? count(n) : n.toLocaleString("en", { notation: "compact", maximumFractionDigits: 1 });
}

/** A share: 12.3 %. A share above zero never shows as zero. */
export function percent(part: number, whole: number): string {
  if (part === 0 || whole === 0) return "0 %";
  const share = part / whole * 100;
  return share < 0.1 ? "< 0.1 %" : `${share.toFixed(share < 99.9 || share === 100 ? 1 : 2)} %`;
}

/** A point in time: 2027-01-15 08:00:00 UTC. */
export function moment(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** A time of day, UTC: 08:00. */
export function clock(ms: number): string {
  return new Date(ms).toISOString().slice(11, 16);
}

const UNITS = [["d", 86_400], ["h", 3600], ["min", 60], ["s", 1]] as const;

/** A duration in its two largest units, rounded up to seconds: "2 min 5 s". Below a second in ms. */
export function span(ms: number): string {
  if (ms === Infinity) return "never";
  if (ms > 0 && ms <= 999) return `${Math.ceil(ms)} ms`;
  let seconds = Math.ceil(ms / 1000);
  const parts: string[] = [];
  for (const [unit, size] of UNITS) {
    if (seconds >= size && parts.length < 2) parts.push(`${count(Math.floor(seconds / size))} ${unit}`);
    seconds %= size;
  }
  return parts.length === 0 ? "0 s" : parts.join(" ");
}
