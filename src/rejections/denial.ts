/**
 * The content of a refusal, and the fields that no refusal goes without.
 *
 * @module
 */

import { InitFields } from "../headers/init_fields.ts";

/** A refusal before it is a response. */
export interface Denial {
  readonly status: 429 | 503;
  readonly body: string;
  /** The fields of every response to it. */
  readonly fields: InitFields;
  /** The fields of its latest response, and a response with them, where they were sent again. */
  sent?: { readonly fields: InitFields; response?: Response };
}

/** The fields of a denial with a body of this media type: caches must not store it (RFC 6585 section 4). */
export function denialFields(contentType: string): InitFields {
  return new InitFields({ "content-type": contentType, "cache-control": "no-store" });
}

/** Forbids caches to store a custom denial, whatever headers its author has set (RFC 9111 section 3). */
export function forbidStoring(headers: Headers): void {
  if (headers.get("cache-control") === "no-store") return;
  headers.set("cache-control", "no-store");
  for (const name of ["expires", "etag", "last-modified"]) headers.delete(name);
}
