/**
 * Adds a throttle's responses and headers to a document.
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
   * The prefix of the document's paths in the URLs that the throttle sees: "/v1". Default: the paths of the
   * document's `servers`.
   */
  readonly basePath?: string;
}

/** The members of a path item that are operations; `query` is in OpenAPI 3.2. */
const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace", "query"];

const KINDS: readonly Kind[] = ["headers", "schemas", "responses"];

const BASE_PATH: Demand = { must: "a text", holds: (value) => typeof value === "string" };

/** Adds missing headers and content to a response. */
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

/** Adds the documented responses to the document's operations. */
function operationsWith(
  document: OpenApiDocument,
  components: Components,
): (operation: Json, documented: Documented) => Json {
  /** The response behind a reference, in the new document. */
  const resolved = (response: unknown): Json | undefined =>
    resolve(
      { ...document, components: { ...document.components, responses: components.all("responses") } },
      response,
    );

  /**
   * Completes a response. A reference stays a reference, to a new component if the referenced one lacks
   * something.
   */
  function complete(response: unknown, headers: HeaderMap, content: unknown): unknown {
    const there = resolved(response);
    // A reference to another document is not changed.
    if (there === undefined) return response;
    const changed = merged(there, headers, content);
    if (isSame(changed, there)) return response;
    if (there === response) return changed;
    const name = String((response as Json).$ref).split("/").pop();
    return components.add("responses", `${name}Throttled`, changed);
  }

  return (operation, documented) => {
    const there = isJson(operation.responses) ? operation.responses : {};
    const responses: Record<string, unknown> = { ...there };
    for (const [status, response] of Object.entries(there)) {
      // Interim responses and upgrades have no rate headers; a member that begins with "x-" is not a
      // response.
      if (!/^(?:[2-5]|default$)/.test(status)) continue;
      const own = resolved(documented.responses[status]);
      responses[status] = complete(
        response,
        (own?.headers ??
          (own ? {} : status.startsWith("3") ? documented.redirectHeaders : documented.headers)) as HeaderMap,
        own?.content,
      );
    }
    for (const [status, response] of Object.entries(documented.responses)) responses[status] ??= response;
    return { ...operation, responses };
  };
}

/**
 * The document with the throttle's responses and rate headers on the operations that its rules apply to, and
 * on no others: `429`; `503` if a rule refuses a request that it cannot count (`onStoreFailure: "deny"`, or a
 * rate or cost function); `401` if the throttle authenticates; and, unless `sendHeaders` says otherwise, the
 * rate headers on every response of the operation. Existing content is kept: your header, media type or
 * description takes precedence over the throttle's.
 *
 * A rule with `on` applies to an operation if a request to the operation may match: "/items/:id", "/items/*"
 * and "/items/mine" apply to `/items/{id}`, but the last does not if the document has a path `/items/mine`.
 * HEAD counts as GET. A rule in shadow mode and a rule without a limit apply to no operation. Webhooks,
 * callbacks and references to other documents are not changed.
 *
 * @param document OpenAPI 3.0, 3.1 or 3.2, as an object. It is not changed.
 * @param throttle The result of `createThrottle`.
 * @param options See {@link ThrottleResponsesOptions}.
 * @returns A new document of the same version, which shares unchanged objects with the old one.
 * @throws {TypeError} If the throttle is not from this package, if the version is not supported, or on an
 * unknown option or one that is not text.
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
  // First, as it refuses a value that is no document.
  const isOld = hasOldSchemas((document as Document | null | undefined)?.openapi);
  const components = componentsFrom(document.components);
  const documentRules = documenter(settings, components, isOld);
  const rulesOf = whichRules(
    settings.rules.filter(isPublic),
    document,
    basePath,
    settings.options.exactPaths,
  );
  const operationWith = operationsWith(document, components);

  /** The changed operations among these names; an operation without rules is not included. */
  function changedIn(holder: Json, names: readonly string[], path: string, item: Json): Json {
    const changed: Record<string, Json> = {};
    for (const name of names) {
      const operation = holder[name];
      if (!isJson(operation)) continue;
      const method = name.toUpperCase();
      const rules = rulesOf({ path, method, holders: [operation, item] });
      if (rules.length > 0) changed[name] = operationWith(operation, documentRules(rules, method !== "HEAD"));
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
