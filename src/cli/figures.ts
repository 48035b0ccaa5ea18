/**
 * The outputs of a command: a text for people, figures as JSON, and a page.
 *
 * @module
 */

import type { OptionsOf } from "./command.ts";
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
  html: { type: "string", hint: "FILE", help: "writes a page with charts: one file, to open in a browser" },
};

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
  if (html !== undefined && page !== undefined) terminal.write(html, page());
  const lines = `${JSON.stringify(figures, null, 2)}\n`;
  if (json === "-") return terminal.out(lines);
  if (json !== undefined) terminal.write(json, lines);
  terminal.out(text(paintFor(terminal.isColoured === true)));
}
