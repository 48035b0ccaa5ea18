/**
 * Text within a statement.
 *
 * @module
 */

/**
 * The text as a literal of Postgres. Nothing in it has to be escaped, whatever the settings of the session: it ends where its
 * mark comes again, and the mark is one that does not come within it. Only NUL must not be in it.
 */
export function literalOf(text: string): string {
  if (!text.includes("$")) return `$$${text}$$`;
  for (let n = 0;; n++) {
    const mark = `$weir${n}$`;
    const rest = `${text}${mark}`;
    // Nor where the end of the text and the mark overlap.
    if (rest.indexOf(mark) === text.length) return `${mark}${rest}`;
  }
}
