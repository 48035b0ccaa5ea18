/**
 * The response of a rejection.
 *
 * @module
 */

/**
 * A denial that caches must not store (RFC 6585 section 4). Headers are set one by one: a Response with a
 * list of headers takes up to twice as long to construct.
 */
export function denial(body: string, status: 429 | 503, contentType: string): Response {
  const response = new Response(body, { status });
  response.headers.set("content-type", contentType);
  response.headers.set("cache-control", "no-store");
  return response;
}

/** Forbids caches to store a custom denial, whatever headers its author has set (RFC 9111 section 3). */
export function forbidStoring(headers: Headers): void {
  if (headers.get("cache-control") === "no-store") return;
  headers.set("cache-control", "no-store");
  for (const name of ["expires", "etag", "last-modified"]) headers.delete(name);
}
