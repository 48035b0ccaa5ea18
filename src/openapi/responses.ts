/**
 * Documents the throttle's own responses, and the headers that it adds to other responses.
 *
 * @module
 */

import { type Decision, refuses } from "../decision.ts";
import type { HeaderDescription } from "../headers/format.ts";
import { compileHeaders, formatsOf } from "../throttle/write_headers.ts";
import { type FailurePolicy, type PreparedRule } from "../rules/rule.ts";
import { unlimited } from "../rules/prepare_rules.ts";
import type { Settings } from "../throttle/settings.ts";
import type { RuleCheck } from "../exchange/rule_check.ts";
import type { Components } from "./components.ts";
import type { OpenApiHeader, OpenApiReference, OpenApiResponse, OpenApiSchema } from "./document.ts";
import { dependsOnRequest, firstRequest, refusedRequest, requestWithoutStore } from "./example.ts";
import { oldSchema } from "./old_schema.ts";

/** Headers by name as sent. */
export type HeaderMap = Readonly<Record<string, OpenApiHeader | OpenApiReference>>;

/** The responses and headers of requests under some rules. */
export interface Documented {
  /** The rate headers of the handler's responses. */
  readonly headers: HeaderMap;
  /** The rate headers of the handler's redirects (3xx). */
  readonly redirectHeaders: HeaderMap;
  /** The throttle's own responses, by status. */
  readonly responses: Readonly<Record<string, OpenApiReference>>;
}

const REFUSALS = {
  429: {
    name: "TooManyRequests",
    description: "Raised when throttling rate was hit",
  },
  503: {
    name: "ServiceUnavailable",
    description: "Raised when requests cannot be counted for now",
  },
};

const NO_STORE = {
  description: "A refusal is for one moment: no cache may store it.",
  required: true,
  schema: { type: "string", const: "no-store" },
  example: "no-store",
};

/** Can the rule refuse requests, so that documents show it? */
export function isPublic({ mode, rate }: PreparedRule): boolean {
  return mode === "enforce" && rate !== unlimited;
}

/** Can the rule refuse a request that never passes, so that there is no wait to send? */
function mayNeverPass(rule: PreparedRule): boolean {
  const { policy, cost, key, implementation } = rule;
  if (dependsOnRequest(rule) || policy === null || key.refusesNull === true) return true;
  return policy.limit === 0 || cost as number > (implementation.capacity?.(policy.limit) ?? 0);
}

/** A header's name in the form of a component's name. */
function componentName(header: string): string {
  return header.replace(/[^A-Za-z0-9._]/g, "") || "Header";
}

/**
 * @param settings The throttle's rules and options.
 * @param components Receives the components.
 * @param isOld Are the schemas those of OpenAPI 3.0?
 * @returns A function that documents the responses under some rules; without bodies for HEAD.
 */
export function documenter(
  { rules: all, options }: Settings,
  components: Components,
  isOld: boolean,
): (rules: readonly PreparedRule[], hasBodies: boolean) => Documented {
  const { headers: formats, sendHeaders, reject, authenticate, onStoreFailure } = options;

  const writeHeaders = compileHeaders(all, formats);

  const policyOf = (rule: PreparedRule): FailurePolicy => rule.onStoreFailure ?? onStoreFailure;
  const failsClosed = (rule: PreparedRule): boolean => policyOf(rule) === "deny" || dependsOnRequest(rule);
  const inDialect = (schema: OpenApiSchema): OpenApiSchema => isOld ? oldSchema(schema) : schema;

  /** The description of each header. If two formats send one header, the first format describes it. */
  function descriptionsOf(rules: readonly PreparedRule[]): ReadonlyMap<string, HeaderDescription> {
    const found = new Map<string, HeaderDescription>();
    for (const { describe } of rules.flatMap((rule) => formatsOf(rule, all, formats))) {
      for (const [name, description] of Object.entries(describe ?? {})) {
        if (!found.has(name)) found.set(name, description);
      }
    }
    return found;
  }

  /** The headers that these decisions send. */
  function sentWith(checks: readonly RuleCheck[]): Headers {
    const headers = new Headers();
    writeHeaders(headers, checks);
    return headers;
  }

  function headerOf(
    { description, schema, example }: HeaderDescription,
    required: boolean,
    sent: string | null,
  ): OpenApiHeader {
    const text = sent ?? example;
    const start = required ? { description, required } : { description };
    // A value with parameters does not fit a schema (OpenAPI 3.1.1, Header Object).
    if (schema === undefined) {
      return { ...start, content: { "text/plain": { schema: { type: "string" }, example: text } } };
    }
    const isNumber = schema.type === "integer" || schema.type === "number";
    return { ...start, schema: inDialect(schema), example: isNumber ? Number(text) : text };
  }

  /**
   * The headers of an allowed request. All are optional: a rule may skip a request, or let it pass while its
   * store fails.
   */
  function allowedHeaders(rules: readonly PreparedRule[], ofRedirects = false): HeaderMap {
    const documented: Record<string, OpenApiReference> = {};
    if (sendHeaders !== "always") return documented;
    const sent = sentWith(firstRequest(rules));
    for (const [name, description] of descriptionsOf(rules)) {
      if (description.on !== "every" || (ofRedirects && description.redirects === false)) continue;
      if (description.optional === true && !sent.has(name)) continue;
      documented[name] = components.add(
        "headers",
        componentName(name),
        headerOf(description, false, sent.get(name)),
      );
    }
    return documented;
  }

  /** Does every refusal that has numbers send the header? A header for refusals alone must be on every refusal. */
  function isAlwaysSent(name: string, on: HeaderDescription["on"], rules: readonly PreparedRule[]): boolean {
    // A rejection without a description may answer 429 to a request that has no numbers.
    if (reject.describe === undefined && rules.some(failsClosed)) return false;
    if (on === "denied" && rules.some(mayNeverPass)) return false;
    return rules.every((rule) => {
      const { unit, capacity } = rule.implementation;
      // Not every format supports concurrency, and the capacity of a custom algorithm is unknown.
      return unit !== "concurrent-requests" && capacity !== undefined &&
        formatsOf(rule, all, formats).some(({ describe }) => Object.hasOwn(describe ?? {}, name));
    });
  }

  function refusal(
    status: 429 | 503,
    rules: readonly PreparedRule[],
    checks: readonly RuleCheck[],
    hasBodies: boolean,
  ): OpenApiReference {
    const headers: Record<string, OpenApiHeader | OpenApiReference> = {};
    const sent = sentWith(checks);
    for (const [name, description] of sendHeaders === "never" ? [] : descriptionsOf(rules)) {
      const isSent = checks.length === 0 || sent.has(name);
      // A failing store may have no numbers to send.
      if (status === 503 && !isSent) continue;
      if (description.optional === true && !isSent) continue;
      const required = isSent && description.optional !== true &&
        (status === 429 || description.on === "denied") &&
        isAlwaysSent(name, description.on, rules);
      const header = headerOf(description, required, sent.get(name));
      const isShared = status === 429 && (description.on === "denied" || sendHeaders === "denied");
      headers[name] = isShared ? components.add("headers", componentName(name), header) : header;
    }
    const noStore = { ...NO_STORE, schema: inDialect(NO_STORE.schema) };
    headers["Cache-Control"] = components.add("headers", "NoStore", noStore);
    const { name, description } = REFUSALS[status];
    const content = hasBodies ? bodyOf(status, checks.map(({ decision }) => decision)) : {};
    return components.add("responses", name, { description, headers, ...content });
  }

  function bodyOf(status: 429 | 503, decisions: readonly Decision[]): Pick<OpenApiResponse, "content"> {
    const { describe } = reject;
    if (describe === undefined) return {};
    const schema = components.add(
      "schemas",
      `${REFUSALS[status].name}Body`,
      inDialect(describe.schema(status)),
    );
    const example = decisions.some(refuses) ? describe.example?.(decisions) : undefined;
    return { content: { [describe.contentType]: example === undefined ? { schema } : { schema, example } } };
  }

  function documentRules(rules: readonly PreparedRule[], hasBodies: boolean): Documented {
    const headers = allowedHeaders(rules);
    const responses: Record<string, OpenApiReference> = {
      429: refusal(429, rules, refusedRequest(rules), hasBodies),
    };
    if (rules.some(failsClosed)) {
      responses[503] = refusal(503, rules, requestWithoutStore(rules, policyOf), hasBodies);
    }
    if (authenticate !== null && authenticate.isOver !== true) {
      // A request that fails authentication has passed only the before-auth rules.
      const early = allowedHeaders(rules.filter(({ stage }) => stage === "before-auth"));
      const description = "Raised when authentication failed";
      responses[401] = components.add(
        "responses",
        "Unauthorized",
        Object.keys(early).length === 0 ? { description } : { description, headers: early },
      );
    }
    return { headers, redirectHeaders: allowedHeaders(rules, true), responses };
  }

  const cache = new Map<string, Documented>();
  return (rules, hasBodies) => {
    const key = `${hasBodies} ${rules.map(({ index }) => index).join(" ")}`;
    const known = cache.get(key) ?? documentRules(rules, hasBodies);
    cache.set(key, known);
    return known;
  };
}
