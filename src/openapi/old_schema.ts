/**
 * Converts JSON Schema 2020-12 to OpenAPI 3.0, whose schemas are an older dialect.
 *
 * @module
 */

import { isJson, type Json } from "./document.ts";

/** Keywords with the same meaning in both. */
const SAME = new Set(
  ("title multipleOf maximum minimum maxLength minLength pattern maxItems minItems uniqueItems maxProperties " +
    "minProperties required enum format default description nullable readOnly writeOnly deprecated example " +
    "externalDocs discriminator xml $ref").split(" "),
);

/** Keywords whose value is a schema, a list of schemas, or schemas by name. */
const ONE = new Set(["not", "items", "additionalProperties"]);
const LISTS = new Set(["allOf", "anyOf", "oneOf"]);

/** Keywords with an equivalent of another name or form. */
const CONVERTED: Readonly<Record<string, (value: unknown) => Json>> = {
  const: (value) => ({ enum: [value] }),
  examples: (values) => ({ example: (values as readonly unknown[])[0] }),
  exclusiveMinimum: (value) => ({ minimum: value, exclusiveMinimum: true }),
  exclusiveMaximum: (value) => ({ maximum: value, exclusiveMaximum: true }),
  contentEncoding: (value) => (value === "base64" ? { format: "byte" } : {}),
  properties: (schemas) => ({
    properties: Object.fromEntries(
      Object.entries(schemas as Json).map(([name, schema]) => [name, oldSchema(schema)]),
    ),
  }),
  type(value) {
    const types = [value].flat();
    const [first, second = "null"] = [...types].sort((type) => type === "null" ? 1 : -1);
    if (types.length <= 2 && second === "null" && first !== "null") {
      return { type: first, ...(types.length === 2 ? { nullable: true } : {}) };
    }
    return { anyOf: types.map((type) => type === "null" ? { enum: [null] } : oldSchema({ type })) };
  },
};

function converted(name: string, value: unknown): Json {
  if (Object.hasOwn(CONVERTED, name)) return CONVERTED[name](value);
  if (LISTS.has(name)) return { [name]: (value as readonly unknown[]).map(oldSchema) };
  if (name === "additionalProperties" && typeof value === "boolean") return { [name]: value };
  if (ONE.has(name)) return { [name]: oldSchema(value) };
  return SAME.has(name) || name.startsWith("x-") ? { [name]: value } : {};
}

/**
 * The schema in the dialect of OpenAPI 3.0. Keywords without an equivalent are omitted.
 *
 * @param schema A schema of JSON Schema 2020-12, possibly a boolean.
 */
export function oldSchema(schema: unknown): Json {
  if (!isJson(schema)) return schema === false ? { not: {} } : {};
  const parts = Object.entries(schema).map(([name, value]) => converted(name, value));
  const old: Record<string, unknown> = Object.assign({}, ...parts);
  // OpenAPI 3.0 requires `items` on a list.
  if (old.type === "array") old.items ??= {};
  return old;
}
