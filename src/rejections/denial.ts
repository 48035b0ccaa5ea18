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

/** The same for a denial of the user's own: never stored by a cache, whatever its maker has set (RFC 9111 section 3). */
export function forbidStoring(headers: Headers): void {
  if (headers.get("cache-control") === "no-store") return;
  headers.set("cache-control", "no-store");
  for (const name of ["expires", "etag", "last-modified"]) headers.delete(name);
}
