/**
 * Visits to the requests of a log.
 *
 * @module
 */

import { isPromise, type MaybePromise } from "../maybe.ts";
import type { LoggedRequest } from "./logged_request.ts";
import { Targets, Texts } from "./texts.ts";

/**
 * A function that is called with each request of a log, with the number of its address (0 for none) and that of its method and URL:
 * to count by small numbers takes a fraction of the time that texts take.
 */
export type Visit = (request: LoggedRequest, client: number, target: number) => MaybePromise<unknown>;

/** Where a log knows these numbers. Its iterator takes as long as deciding does. */
export const EACH: unique symbol = Symbol("each");

/** A log that does. */
export interface Visitable {
  [EACH](visit: Visit): Promise<void>;
}

/** Calls a function with each request, one after the other. */
export async function eachRequest(
  requests: AsyncIterable<LoggedRequest> | Iterable<LoggedRequest>,
  visit: Visit,
): Promise<void> {
  const each = (requests as Partial<Visitable>)[EACH];
  if (each !== undefined) return await each(visit);
  const addresses = new Texts();
  const targets = new Targets();
  for await (const request of requests) {
    const { address, method, url } = request;
    const visited = visit(request, addresses.numberOf(address), targets.numberOf(method, url));
    if (isPromise(visited)) await visited;
  }
}
