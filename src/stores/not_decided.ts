/**
 * The error of a question that a store gave up before anything of it was done.
 *
 * @module
 */

/** Nothing was charged, as every attempt was lost or came too late. */
export class NotDecided extends Error {
  override name = "NotDecided";
}

/** Does this error mean that nothing was charged? */
export function isNotDecided(error: unknown): boolean {
  return error instanceof NotDecided;
}
