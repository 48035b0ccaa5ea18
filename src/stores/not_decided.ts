/**
 * Errors that say that a question had no effect: nothing was charged.
 *
 * @module
 */

/** Nothing was charged, as every attempt was lost or came too late. */
export class NotDecided extends Error {
  override name = "NotDecided";
}

/** Errors of others that mean the same. */
const known = new WeakSet<object>();

/** Takes note that nothing was done when this error came, and returns it. */
export function undone(error: unknown): unknown {
  if (error instanceof Error) known.add(error);
  return error;
}

/** Does this error mean that nothing was charged? */
export function isNotDecided(error: unknown): boolean {
  return error instanceof NotDecided || known.has(error as Error);
}
