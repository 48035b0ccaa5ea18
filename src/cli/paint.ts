/**
 * Colours of a terminal.
 *
 * @module
 */

/** Gives texts colours, or leaves them as they are. */
export interface Paint {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
}

const asItIs = (text: string): string => text;
const sgr = (code: number) => (text: string): string => `\x1b[${code}m${text}\x1b[0m`;

/** @param isColoured Does a terminal show it? A file and a pipe take text alone. */
export function paintFor(isColoured: boolean): Paint {
  return isColoured
    ? { bold: sgr(1), dim: sgr(2), red: sgr(31), green: sgr(32) }
    : { bold: asItIs, dim: asItIs, red: asItIs, green: asItIs };
}
