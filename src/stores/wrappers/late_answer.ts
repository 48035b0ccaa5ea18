/**
 * Answers that come after their deadline: nobody waits for them, but what they charged is to be given back.
 *
 * @module
 */

import { isPromise, type MaybePromise } from "../../maybe.ts";
import { withinShared } from "./deadlines.ts";

/** The errors of calls that took too long, and the answers that they waited for. */
const waited = new WeakMap<Error, Promise<unknown>>();

/**
 * The answer, if it comes within so many ms; else it rejects, and {@link lateAnswer} gives the later answer.
 *
 * @param late The message then.
 */
export function inTime<T>(
  answer: MaybePromise<T>,
  ms: number,
  late: string = `The store did not answer within ${ms} ms`,
): MaybePromise<T> {
  if (!isPromise(answer)) return answer;
  // Once: a thenable may do its work anew for each who asks it, and its rejection must be heard here.
  const promise = Promise.resolve(answer);
  const tooLate = (): Error => {
    const error = new Error(late);
    waited.set(error, promise);
    return error;
  };
  return withinShared(promise, ms, tooLate);
}

/** The late answer to a call that failed with this error; where nothing was late it rejects with that error. */
export function lateAnswer<T>(error: unknown): Promise<T> {
  const answer = waited.get(error as Error) as Promise<T> | undefined;
  // One deadline within another: the answer that the inner one gave up on.
  return answer?.catch(lateAnswer<T>) ?? Promise.reject(error);
}
