/**
 * The response of a rejection.
 *
 * @module
 */

/**
 * A denial, not to be stored (RFC 6585 section 4). Headers are set one by one: with a list of them a Response takes up
 * to twice as long to make.
 */
export function denial(body: string, status: 429 | 503, contentType: string): Response {
  const response = new Response(body, { status });
  response.headers.set("content-type", contentType);
  response.headers.set("cache-control", "no-store");
  return response;
}
