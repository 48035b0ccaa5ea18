/**
 * The outputs of a command: a text for people, and figures as JSON.
 *
 * @module
 */

import type { OptionsOf } from "./command.ts";
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

/** Writes figures where they are wanted. */
export function writeFigures(
  { json }: FiguresValues,
  figures: object,
  text: () => string,
  terminal: Terminal,
): void {
  const lines = `${JSON.stringify(figures, null, 2)}\n`;
  if (json === "-") return terminal.out(lines);
  if (json !== undefined) terminal.write(json, lines);
  terminal.out(text());
}
