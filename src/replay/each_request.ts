/**
 * Visits to the requests of a log.
 *
 * @module
 */

import { cannot } from "../cannot.ts";
import { isPromise, type MaybePromise } from "../maybe.ts";
import { END_OF_TIME } from "../rejections/utc_text.ts";
import { Addresses } from "./addresses.ts";
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

function refuse(why: string, value: unknown): never {
  throw new TypeError(cannot("use the requests of a log", why, value));
}

/** A request that no log was read for may be anything. */
function requireLogged(request: LoggedRequest): void {
  const { at, method, url, address = null, status }: Partial<LoggedRequest> = request ?? {};
  if (!(typeof at === "number" && Math.abs(at) <= END_OF_TIME)) {
    refuse("at of each must be a time in epoch ms", at);
  }
  if (typeof method !== "string") refuse("method of each must be a text", method);
  if (typeof url !== "string") refuse("url of each must be a text", url);
  if (address !== null && typeof address !== "string") {
    refuse("address of each must be a text or null", address);
  }
  if (typeof (status ?? 0) !== "number") refuse("status of each must be a number where it has one", status);
}

/**
 * Makes the function that makes an address canonical, as `readLog()` does. A name in its place stays, such as a
 * pseudonym.
 */
function compileCanonical(): (address: string | null | undefined) => string | null {
  const addresses = new Addresses();
  return (address) => {
    if (!address) return null;
    const number = addresses.numberOf(address);
    // A name with a colon, such as "unix:", would be taken for an IPv6 address.
    return number > 0 ? addresses.values[number] : address.includes(":") ? null : address;
  };
}

/**
 * Calls a function with each request, one after the other.
 *
 * @throws {TypeError} When what was given are no requests.
 */
export async function eachRequest(
  requests: AsyncIterable<LoggedRequest> | Iterable<LoggedRequest>,
  visit: Visit,
): Promise<void> {
  const { [EACH]: each, [Symbol.asyncIterator]: later, [Symbol.iterator]: now } = (requests ?? {}) as
    & Partial<Visitable>
    & Partial<AsyncIterable<LoggedRequest>>
    & Partial<Iterable<LoggedRequest>>;
  if (each !== undefined) return await each(visit);
  if (typeof requests === "string" || typeof (later ?? now) !== "function") {
    refuse("they must be a list, or what else can be iterated", requests);
  }
  const canonical = compileCanonical();
  const addresses = new Texts();
  const targets = new Targets();
  for await (const given of requests) {
    requireLogged(given);
    const address = canonical(given.address);
    const request = given.address === address ? given : { ...given, address };
    const { method, url } = request;
    const visited = visit(request, addresses.numberOf(address), targets.numberOf(method, url));
    if (isPromise(visited)) await visited;
  }
}
