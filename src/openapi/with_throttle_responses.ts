/**
 * A document with what a throttle adds to its operations.
 *
 * @module
 */

import { type Demand, requireOptions } from "../options.ts";
import { settingsOf } from "../throttle/settings.ts";
import type { Throttle } from "../throttle/throttle.ts";
import { type Components, componentsFrom, type Kind } from "./components.ts";
import { hasOldSchemas, isJson, isSame, type Json, type OpenApiDocument, resolve } from "./document.ts";
import { type Documented, documenter, type HeaderMap, isPublic } from "./responses.ts";
import { whichRules } from "./which_rules.ts";

/** The options of {@link withThrottleResponses}. */
export interface ThrottleResponsesOptions {
  /**
   * What is in front of the document's paths in the requests that the throttle sees: "/v1". Default: the paths
   * of the document's `servers`.
   */
  readonly basePath?: string;
}

/** The members of a path item that are operations; `query` is OpenAPI 3.2's. */
const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace", "query"];

const KINDS: readonly Kind[] = ["headers", "schemas", "responses"];

const BASE_PATH: Demand = { must: "a text", holds: (value) => typeof value === "string" };

/** A response with what it lacks of headers and content. */
function merged(there: Json, headers: HeaderMap, content: unknown): Json {
  const own = isJson(there.headers) ? there.headers : {};
  const names = new Set(Object.keys(own).map((name) => name.toLowerCase()));
  const missing = Object.entries(headers).filter(([name]) => !names.has(name.toLowerCase()));
  return {
    ...there,
    ...missing.length === 0 ? {} : { headers: { ...own, ...Object.fromEntries(missing) } },
    ...isJson(content) ? { content: { ...content, ...isJson(there.content) ? there.content : {} } } : {},
  };
}

/** A document's operations with what the throttle adds to them. */
function operationsWith(
  document: OpenApiDocument,
  components: Components,
): (operation: Json, added: Documented) => Json {
  /** What a response is, in the document as it has become. */
  const whole = (response: unknown): Json | undefined =>
    resolve(
      { ...document, components: { ...document.components, responses: components.all("responses") } },
      response,
    );

  /** A reference stays one, to another response where something is missing in that. */
  function complete(response: unknown, headers: HeaderMap, content: unknown): unknown {
    const there = whole(response);
    // Another document's is left as it is.
    if (there === undefined) return response;
    const changed = merged(there, headers, content);
    if (isSame(changed, there)) return response;
    if (there === response) return changed;
    const name = String((response as Json).$ref).split("/").pop();
    return components.add("responses", `${name}Throttled`, changed);
  }

  return (operation, added) => {
    const there = isJson(operation.responses) ? operation.responses : {};
    const responses: Record<string, unknown> = { ...there };
    for (const [status, response] of Object.entries(there)) {
      // An interim response and one that ends HTTP carry no rate headers; what begins with "x-" is no response.
      if (!/^(?:[2-5]|default$)/.test(status)) continue;
      const own = whole(added.responses[status]);
      responses[status] = complete(
        response,
        (own?.headers ??
          (own ? {} : status.startsWith("3") ? added.redirectHeaders : added.headers)) as HeaderMap,
        own?.content,
      );
    }
    for (const [status, response] of Object.entries(added.responses)) responses[status] ??= response;
    return { ...operation, responses };
  };
}

/**
 * The document, with the throttle's responses and rate headers on the operations that its rules are about, and on
 * no others: `429`; `503` where a rule refuses what it cannot count (`onStoreFailure: "deny"`, or a rate or cost
 * from a function); `401` where the throttle authenticates; and, unless `report` says otherwise, the rate headers
 * on every response of the operation. What the document says already is kept: a header, a media type or a
 * description of yours wins over the throttle's.
 *
 * A rule with `on` is about an operation when a request to it may match: "/items/:id", "/items/*" and "/items/mine"
 * are about `/items/{id}`, but the last is not where the document has a path `/items/mine`. HEAD counts as GET.
 * A rule in shadow and one whose rate is null are about nothing. Webhooks and callbacks are requests that others
 * get. References to other documents are left as they are.
 *
 * @param document OpenAPI 3.0, 3.1 or 3.2, as an object. It stays as it is.
 * @param throttle What `createThrottle` gave.
 * @param options Where the document's paths begin.
 * @returns A new document, of the same version, which shares with the old one what is the same.
 * @throws {TypeError} When the throttle is another's, the version is not supported, or on an option that does not exist or is no text.
 *
 * @example
 * ```ts
 * import { createThrottle } from "@weir/throttle";
 * import { withThrottleResponses } from "@weir/throttle/openapi";
 * import { deepEqual } from "node:assert/strict";
 *
 * const document = {
 *   openapi: "3.1.1",
 *   info: { title: "Items", version: "1" },
 *   paths: {
 *     "/items/{id}": { get: { responses: { 200: { description: "The item" } } } },
 *     "/health": { get: { responses: { 200: { description: "Well" } } } },
 *   },
 * };
 * const { paths } = withThrottleResponses(document, createThrottle({ rate: "60/min", on: "/items/:id" }));
 *
 * deepEqual(Object.keys(paths["/items/{id}"].get.responses), ["200", "429"]);
 * deepEqual(Object.keys(paths["/health"].get.responses), ["200"]);
 * ```
 */
export function withThrottleResponses<Document extends OpenApiDocument>(
  document: Document,
  throttle: Throttle,
  options: ThrottleResponsesOptions = {},
): Document {
  requireOptions(options, { basePath: BASE_PATH }, "describe a throttle in this document");
  const { basePath } = options;
  const settings = settingsOf(throttle);
  const components = componentsFrom(document.components);
  const documented = documenter(settings, components, hasOldSchemas(document.openapi));
  const rulesOf = whichRules(
    settings.rules.filter(isPublic),
    document,
    basePath,
    settings.options.exactPaths,
  );
  const operationWith = operationsWith(document, components);

  /** The operations of these names, changed; those that no rule is about are not among them. */
  function changedIn(holder: Json, names: readonly string[], path: string, item: Json): Json {
    const changed: Record<string, Json> = {};
    for (const name of names) {
      const operation = holder[name];
      if (!isJson(operation)) continue;
      const method = name.toUpperCase();
      const rules = rulesOf({ path, method, holders: [operation, item] });
      if (rules.length > 0) changed[name] = operationWith(operation, documented(rules, method !== "HEAD"));
    }
    return changed;
  }

  function pathItemWith(path: string, written: unknown): unknown {
    const item = path.startsWith("/") ? resolve(document, written) : undefined;
    if (item === undefined) return written;
    const more = isJson(item.additionalOperations) ? item.additionalOperations : {};
    const changed = changedIn(item, METHODS, path, item);
    const changedMore = changedIn(more, Object.keys(more), path, item);
    const isSameMore = Object.keys(changedMore).length === 0;
    if (isSameMore && Object.keys(changed).length === 0) return written;
    return {
      ...item,
      ...changed,
      ...isSameMore ? {} : { additionalOperations: { ...more, ...changedMore } },
    };
  }

  const result: Record<string, unknown> = { ...document as object };
  if (isJson(document.paths)) {
    result.paths = Object.fromEntries(
      Object.entries(document.paths).map(([path, item]) => [path, pathItemWith(path, item)]),
    );
  }
  const added = KINDS.map((kind) => [kind, components.all(kind)] as const)
    .filter(([, parts]) => Object.keys(parts).length > 0);
  if (added.length > 0) result.components = { ...document.components, ...Object.fromEntries(added) };
  return result as unknown as Document;
}
