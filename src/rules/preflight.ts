/**
 * Recognizes CORS preflights.
 *
 * @module
 */

/**
 * A CORS preflight comes from the browser. A response without a 2xx status makes the real request fail, so a
 * preflight is never throttled (Fetch, CORS-preflight fetch).
 */
export function isPreflight(request: Pick<Request, "headers">): boolean {
  return request.headers.has("origin") && request.headers.has("access-control-request-method");
}
