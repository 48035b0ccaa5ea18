/**
 * Which requests a browser sends on its own account.
 *
 * @module
 */

/** A preflight asks for the browser, not for the client, and fails the whole request unless answered with 2xx (Fetch, CORS-preflight fetch). */
export function isPreflight(request: Pick<Request, "headers">): boolean {
  return request.headers.has("origin") && request.headers.has("access-control-request-method");
}
