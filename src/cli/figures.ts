/**
 * The outputs of a command: a text for people, figures as JSON, and a page.
 *
 * @module
 */

import { type OptionsOf, UsageError } from "./command.ts";
import { type Paint, paintFor } from "./paint.ts";
import type { Terminal } from "./terminal.ts";

/** The values of {@link FIGURES}. */
export interface FiguresValues {
  readonly json?: string;
}

/** The options of each command that writes figures. */
export const FIGURES: OptionsOf<FiguresValues> = {
  json: {
    type: "string",
    hint: "FILE",
    help: 'writes the figures as JSON as well; "-" writes them alone, to standard output',
  },
};

/** The values of {@link PAGE}. */
export interface PageValues {
  readonly html?: string;
}

/** The options of each command that writes a page. */
export const PAGE: OptionsOf<PageValues> = {
  html: {
    type: "string",
    hint: "FILE",
    help:
      'writes a page with charts: one file, to open in a browser; "-" writes it alone, to standard output',
  },
};

/** Refuses two outputs in one place, before anything is read. */
export function requireTwoPlaces({ json, html }: FiguresValues & PageValues): void {
  if (json === undefined || json !== html) return;
  throw new UsageError(`--json and --html need two places, and both name ${JSON.stringify(json)}`);
}

/**
 * Writes figures where they are wanted.
 *
 * @param text Makes the text for people.
 * @param page Makes the page, where the command has one.
 */
export function writeFigures(
  { json, html }: FiguresValues & PageValues,
  figures: object,
  text: (paint: Paint) => string,
  terminal: Terminal,
  page?: () => string,
): void {
  const write = (path: string, content: string): void =>
    path === "-" ? terminal.out(content) : terminal.write(path, content);
  if (html !== undefined && page !== undefined) write(html, page());
  if (json !== undefined) write(json, `${JSON.stringify(figures, null, 2)}\n`);
  if (json !== "-" && html !== "-") terminal.out(text(paintFor(terminal.isColoured === true)));
}
