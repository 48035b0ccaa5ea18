/**
 * Tables of text.
 *
 * @module
 */

import { count } from "../dashboard/number_text.ts";
import { type Paint, paintFor } from "./paint.ts";

/** A table with a heading: numbers to the right, texts to the left. */
export function tableOf(
  heading: readonly string[],
  rows: readonly (readonly (string | number)[])[],
  { bold }: Paint = paintFor(false),
): string {
  const texts = rows.map((row) =>
    row.map((cell) => typeof cell === "number" ? count(cell) : printable(cell))
  );
  const widths = heading.map((title, i) => Math.max(title.length, ...texts.map((row) => row[i].length)));
  const isNumber = heading.map((_, i) => rows.every((row) => typeof row[i] === "number"));
  const lineOf = (cells: readonly string[]): string =>
    cells.map((cell, i) => isNumber[i] ? cell.padStart(widths[i]) : cell.padEnd(widths[i])).join("  ")
      .trimEnd();
  return [bold(lineOf(heading)), ...texts.map(lineOf)].map((line) => `${line}\n`).join("");
}

/** A text without the characters that move a cursor: logs, and errors that quote them, may have any. */
export function printable(text: string): string {
  return text.replace(/[^\x20-\x7e\xa0-\uffff]/g, "?");
}
