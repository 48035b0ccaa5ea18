/**
 * The content of a refusal, and the fields that no refusal goes without.
 *
 * @module
 */

/** Names, each before the text that its field was set to, null where it was removed, or whether it was found. */
export type Steps = (string | boolean | null)[];

/** The fields of a response that was sent. */
export interface SentFields {
  /** By names in lower case. */
  readonly record: Record<string, string>;
  /** The steps in which they were written. */
  readonly steps: Steps;
  /** A response with them, where they were sent again. */
  response?: Response;
}

/** A refusal before it is a response. */
export interface Denial {
  readonly status: 429 | 503;
  readonly body: string;
  /** The fields of every response to it. */
  readonly headers: Record<string, string>;
  /** The fields of its latest response. */
  sent?: SentFields;
}

/** The fields of a denial with a body of this media type: caches must not store it (RFC 6585 section 4). */
export function denialFields(contentType: string): Record<string, string> {
  return { "content-type": contentType, "cache-control": "no-store" };
}

/** Forbids caches to store a custom denial, whatever headers its author has set (RFC 9111 section 3). */
export function forbidStoring(headers: Headers): void {
  if (headers.get("cache-control") === "no-store") return;
  headers.set("cache-control", "no-store");
  for (const name of ["expires", "etag", "last-modified"]) headers.delete(name);
}
