import { assert, assertEquals } from "@std/assert";
import { Validator } from "@seriousme/openapi-schema-validator";
import { validate } from "@readme/openapi-parser";

/** Any part of a document. */
// deno-lint-ignore no-explicit-any
export type Json = any;

/** A document of this version with these paths. */
export function documentOf(openapi: string, paths: Json, rest: Json = {}) {
  return { openapi, info: { title: "An API", version: "1" }, paths, ...rest };
}

const validator = new Validator();

/** Asserts that the document is valid for its version. */
export async function assertValid(document: Json) {
  const result = await validator.validate(structuredClone(document));
  assert(result.valid, JSON.stringify(result.errors, null, 2));
}

/** The same with another validator, which takes half a second; it supports 3.0 and 3.1. */
export async function assertValidAsWell(document: Json) {
  if (document.openapi.startsWith("3.2")) return;
  // The validator changes its input.
  const { valid, ...why } = await validate(structuredClone(document));
  assert(valid, JSON.stringify(why, null, 2));
}

/** Resolves references. */
export function found(document: Json, part: Json): Json {
  if (typeof part?.$ref !== "string") return part;
  const names: string[] = part.$ref.slice(2).split("/");
  return found(document, names.reduce((whole, name) => whole[name.replaceAll("~1", "/")], document));
}

/** Asserts that a value matches a schema; it supports the keywords of the throttle's own schemas. */
export function assertConforms(document: Json, value: Json, described: Json) {
  const schema = found(document, described);
  const known = [
    "type",
    "enum",
    "const",
    "minimum",
    "required",
    "properties",
    "items",
    "minItems",
    "uniqueItems",
  ];
  const notes = ["format", "description", "anyOf"];
  for (const word of Object.keys(schema)) assert([...known, ...notes].includes(word), `unknown word ${word}`);
  if (schema.anyOf) {
    return assert(schema.anyOf.some(({ type }: Json) => [type].flat().includes(typeOf(value))));
  }
  const types = [schema.type].flat();
  assert(types.includes(typeOf(value)), `${JSON.stringify(value)} is no ${types}`);
  if ("const" in schema) assertEquals(value, schema.const);
  if (schema.enum) assert(schema.enum.includes(value), `${value} is none of ${schema.enum}`);
  if (schema.minimum !== undefined) assert(value >= schema.minimum, `${value} is below ${schema.minimum}`);
  if (Array.isArray(value)) {
    assert(value.length >= (schema.minItems ?? 0));
    if (schema.uniqueItems) assertEquals(new Set(value).size, value.length);
    for (const item of value) assertConforms(document, item, schema.items);
  }
  if (typeOf(value) !== "object") return;
  for (const name of schema.required ?? []) assert(name in value, `${name} is missing`);
  for (const [name, member] of Object.entries(value)) {
    assertConforms(document, member, schema.properties[name]);
  }
}

function typeOf(value: unknown): string {
  return Array.isArray(value) ? "array" : Number.isInteger(value) ? "integer" : typeof value;
}
