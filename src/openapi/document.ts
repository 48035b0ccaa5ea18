/**
 * The part of OpenAPI 3.0, 3.1 and 3.2 that describes a throttle.
 *
 * @module
 */

import { cannot, shown } from "../cannot.ts";

/** An input document: any object of OpenAPI 3.0, 3.1 or 3.2 fits. */
export interface OpenApiDocument {
  /** The version: "3.1.1". */
  readonly openapi: string;
  /** Path items by path template. */
  readonly paths?: object;
  /** Components, by kind and name. */
  readonly components?: object;
  /** The servers of the API; the path of a server precedes the path templates. */
  readonly servers?: readonly object[];
}

/** A reference to a component. */
export interface OpenApiReference {
  /** "#/components/headers/RateLimit". */
  readonly $ref: string;
}

/** A JSON schema, in the dialect of its document. */
export type OpenApiSchema = Readonly<Record<string, unknown>>;

/** A header of a response: with a schema, or, if the value has parameters, as text. */
export interface OpenApiHeader {
  /** The meaning of the header. */
  readonly description: string;
  /** Is it always sent? Default false. */
  readonly required?: boolean;
  /** The schema of a value without parameters. */
  readonly schema?: OpenApiSchema;
  /** An example of a value with a schema. */
  readonly example?: unknown;
  /** The media type of a value with parameters. */
  readonly content?: Readonly<Record<string, OpenApiMediaType>>;
}

/** A body, or a header's text. */
export interface OpenApiMediaType {
  /** The schema of the content. */
  readonly schema: OpenApiSchema | OpenApiReference;
  /** An example of the content. */
  readonly example?: unknown;
}

/** A response. */
export interface OpenApiResponse {
  /** The condition of the response. */
  readonly description: string;
  /** Its headers, by name. */
  readonly headers?: Readonly<Record<string, OpenApiHeader | OpenApiReference>>;
  /** Its body, by media type. */
  readonly content?: Readonly<Record<string, OpenApiMediaType>>;
}

/** The `components` of a throttle. */
export interface OpenApiComponents {
  /** Rate headers, by names without dashes: `RateLimit`, `RetryAfter`. */
  readonly headers: Readonly<Record<string, OpenApiHeader>>;
  /** The bodies of refusals. */
  readonly schemas: Readonly<Record<string, OpenApiSchema>>;
  /** The refusals: `TooManyRequests`, and if they can occur, `ServiceUnavailable` and `Unauthorized`. */
  readonly responses: Readonly<Record<string, OpenApiResponse>>;
}

/**
 * Does a document of this version use the schemas of OpenAPI 3.0, rather than JSON Schema 2020-12?
 *
 * @throws {TypeError} On a version other than 3.0, 3.1 or 3.2.
 */
export function hasOldSchemas(openapi: unknown): boolean {
  const [, minor] = /^"?3\.([012])(?:[."]|$)/.exec(shown(openapi)) ?? [];
  if (minor !== undefined) return minor === "0";
  throw new TypeError(
    cannot("describe a throttle in this document", "openapi must be 3.0, 3.1 or 3.2", openapi),
  );
}

/** Any object in a document. */
export type Json = Readonly<Record<string, unknown>>;

/** Is this an object, and not a list? */
export function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A name in a reference, decoded; undefined if its percent-encoding is broken. */
function decoded(name: string): string | undefined {
  try {
    return decodeURIComponent(name).replaceAll("~1", "/").replaceAll("~0", "~");
  } catch {
    return undefined;
  }
}

/**
 * Follows a reference within the document; another value is returned unchanged. Undefined if the reference
 * points out of the document, or to nothing.
 */
export function resolve(document: object, value: unknown): Json | undefined {
  const seen = new Set<unknown>();
  let found = value;
  while (isJson(found) && typeof found.$ref === "string") {
    if (seen.has(found) || !found.$ref.startsWith("#/")) return undefined;
    seen.add(found);
    const names = found.$ref.slice(2).split("/").map(decoded);
    found = names.reduce<unknown>(
      (part, name) => isJson(part) && name !== undefined ? part[name] : undefined,
      document,
    );
  }
  return isJson(found) ? found : undefined;
}

/** Are both deeply equal? */
export function isSame(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const names = Object.keys(one);
  return names.length === Object.keys(other).length &&
    names.every((name) => Object.hasOwn(other, name) && isSame((one as Json)[name], (other as Json)[name]));
}
