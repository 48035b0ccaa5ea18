/**
 * Numbers, times and texts in sentences.
 *
 * @module
 */

/** A text in quotes, without characters that move a cursor or turn the direction of writing. */
export function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** A whole number with commas between thousands. */
export function grouped(value: number): string {
  return String(value).replace(/\B(?=(?:\d{3})+$)/g, ",");
}

/** A time as ISO 8601. A time past those that dates know stays a number. */
export function moment(ms: number): string {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : String(ms);
}

const UNITS = [["d", 86_400_000], ["h", 3_600_000], ["min", 60_000], ["s", 1000], ["ms", 1]] as const;

/** A duration in its two largest units, rounded up: "14 min 3 s". */
export function span(ms: number): string {
  let first = UNITS.findIndex(([, size]) => ms >= size);
  if (first === -1) return "0 s";
  const part = UNITS[Math.min(first + 1, UNITS.length - 1)][1];
  const whole = Math.ceil(ms / part) * part;
  // 59 min 59.9 s are 1 h.
  if (first > 0 && whole >= UNITS[first - 1][1]) first--;
  const [unit, size] = UNITS[first];
  const [lesser, smaller] = UNITS[Math.min(first + 1, UNITS.length - 1)];
  const rest = Math.floor(whole % size / smaller);
  return `${grouped(Math.floor(whole / size))} ${unit}${rest === 0 ? "" : ` ${rest} ${lesser}`}`;
}
