/**
 * Joining the parts of a key, injectively.
 *
 * @module
 */

/** The parts in one text, the separator escaped: no two lists of parts give the same. */
export function joined(parts: readonly string[]): string {
  return parts.map((part) => part.replace(/[\\|]/g, "\\$&")).join("|");
}
