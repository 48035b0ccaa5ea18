/**
 * The content of a refusal, and the fields that no refusal goes without.
 *
 * @module
 */

/** A refusal before it is a response. */
export interface Denial {
  readonly status: 429 | 503;
  readonly body: string;
  /** The body's media type. */
  readonly contentType: string;
  /** The fields of its latest response. */
  fields?: Readonly<Record<string, string>>;
  /** A response with these fields, to copy, where they are sent again. */
  response?: Response | undefined;
}

/** The fields of a denial: caches must not store it (RFC 6585 section 4). */
export function denialFields({ contentType }: Denial): Record<string, string> {
  return { "content-type": contentType, "cache-control": "no-store" };
}

/** Forbids caches to store a custom denial, whatever headers its author has set (RFC 9111 section 3). */
export function forbidStoring(headers: Headers): void {
  if (headers.get("cache-control") === "no-store") return;
  headers.set("cache-control", "no-store");
  for (const name of ["expires", "etag", "last-modified"]) headers.delete(name);
}
