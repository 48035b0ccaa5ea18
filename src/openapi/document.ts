/**
 * As much of OpenAPI 3.0, 3.1 and 3.2 as a throttle has to say.
 *
 * @module
 */

import { cannot } from "../cannot.ts";

/** A document to which responses are added: any object of OpenAPI 3.0, 3.1 or 3.2 fits. */
export interface OpenApiDocument {
  /** The version: "3.1.1". */
  readonly openapi: string;
  /** Path items by path template. */
  readonly paths?: object;
  /** Reusable parts, by kind and name. */
  readonly components?: object;
  /** Where the API is served; their paths are in front of the templates. */
  readonly servers?: readonly object[];
}

/** A pointer to a component. */
export interface OpenApiReference {
  /** "#/components/headers/RateLimit". */
  readonly $ref: string;
}

/** A JSON schema, in the dialect of its document. */
export type OpenApiSchema = Readonly<Record<string, unknown>>;

/** A header of a response: with a schema, or, where the value has parameters, as text. */
export interface OpenApiHeader {
  /** What it says. */
  readonly description: string;
  /** Is it always sent? Default false. */
  readonly required?: boolean;
  /** Of a value without parameters. */
  readonly schema?: OpenApiSchema;
  /** A value, where there is a schema. */
  readonly example?: unknown;
  /** Of a value with parameters, by media type. */
  readonly content?: Readonly<Record<string, OpenApiMediaType>>;
}

/** A body, or a header's text. */
export interface OpenApiMediaType {
  /** What it looks like. */
  readonly schema: OpenApiSchema | OpenApiReference;
  /** One. */
  readonly example?: unknown;
}

/** A response. */
export interface OpenApiResponse {
  /** When it is sent. */
  readonly description: string;
  /** Its headers, by name as sent. */
  readonly headers?: Readonly<Record<string, OpenApiHeader | OpenApiReference>>;
  /** Its body, by media type. */
  readonly content?: Readonly<Record<string, OpenApiMediaType>>;
}

/** What a throttle adds to a document's `components`. */
export interface OpenApiComponents {
  /** Rate headers, by names without dashes: `RateLimit`, `RetryAfter`. */
  readonly headers: Readonly<Record<string, OpenApiHeader>>;
  /** Bodies of refusals. */
  readonly schemas: Readonly<Record<string, OpenApiSchema>>;
  /** The refusals: `TooManyRequests`, and where they may come `ServiceUnavailable` and `Unauthorized`. */
  readonly responses: Readonly<Record<string, OpenApiResponse>>;
}

/**
 * Are schemas in a document of this version those of OpenAPI 3.0, rather than JSON Schema 2020-12?
 *
 * @throws {TypeError} On a version that is neither 3.0, 3.1 nor 3.2.
 */
export function hasOldSchemas(openapi: unknown): boolean {
  const [, minor] = /^3\.([012])(?:\.|$)/.exec(String(openapi)) ?? [];
  if (minor !== undefined) return minor === "0";
  throw new TypeError(
    cannot("describe a throttle in this document", "openapi must be 3.0, 3.1 or 3.2", openapi),
  );
}

/** What is in a document, any part of it. */
export type Json = Readonly<Record<string, unknown>>;

/** Is this an object with members? */
export function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What a reference into the document means; what is no reference means itself. Undefined where it points out of the document, or to nothing. */
export function resolve(document: object, value: unknown): Json | undefined {
  const seen = new Set<unknown>();
  let found = value;
  while (isJson(found) && typeof found.$ref === "string") {
    if (seen.has(found) || !found.$ref.startsWith("#/")) return undefined;
    seen.add(found);
    const names = found.$ref.slice(2).split("/").map((name) =>
      decodeURIComponent(name).replaceAll("~1", "/").replaceAll("~0", "~")
    );
    found = names.reduce<unknown>((part, name) => isJson(part) ? part[name] : undefined, document);
  }
  return isJson(found) ? found : undefined;
}

/** Do both say the same? */
export function isSame(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const names = Object.keys(one);
  return names.length === Object.keys(other).length &&
    names.every((name) => Object.hasOwn(other, name) && isSame((one as Json)[name], (other as Json)[name]));
}
