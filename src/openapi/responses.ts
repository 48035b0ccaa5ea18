/**
 * Documents the throttle's own responses, and the headers that it adds to other responses.
 *
 * @module
 */

import { refuses } from "../decision.ts";
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

/** The headers and responses that requests under some rules may get. */
export interface Documented {
  /** The rate headers of responses that are not the throttle's own. */
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

/** Can the rule refuse at all? Then it is in documents. */
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

/** A throttle, and the document that its responses go to. */
interface Subject extends Settings {
  readonly components: Components;
  /** Are schemas those of OpenAPI 3.0? */
  readonly isOld: boolean;
  /** Writes the headers as the throttle does. */
  readonly writeHeaders: ReturnType<typeof compileHeaders>;
}

const policyOf = (rule: PreparedRule, { options }: Subject): FailurePolicy =>
  rule.onStoreFailure ?? options.onStoreFailure;

const failsClosed = (rule: PreparedRule, subject: Subject): boolean =>
  policyOf(rule, subject) === "deny" || dependsOnRequest(rule);

const inDialect = (schema: OpenApiSchema, { isOld }: Subject): OpenApiSchema =>
  isOld ? oldSchema(schema) : schema;

/** Where two formats send headers of one name, the first describes it. */
function descriptionsOf(
  rules: readonly PreparedRule[],
  { rules: all, options }: Subject,
): ReadonlyMap<string, HeaderDescription> {
  const found = new Map<string, HeaderDescription>();
  for (const { describe } of rules.flatMap((rule) => formatsOf(rule, all, options.headers))) {
    for (const [name, description] of Object.entries(describe ?? {})) {
      if (!found.has(name)) found.set(name, description);
    }
  }
  return found;
}

/** The headers as sent with these decisions. */
function sentWith(checks: readonly RuleCheck[], { writeHeaders }: Subject): Headers {
  const headers = new Headers();
  writeHeaders(headers, checks);
  return headers;
}

function headerOf(
  { description, schema, example }: HeaderDescription,
  required: boolean,
  sent: string | null,
  subject: Subject,
): OpenApiHeader {
  const text = sent ?? example;
  const start = required ? { description, required } : { description };
  // A value with parameters is no value of a schema (OpenAPI 3.1.1, Header Object).
  if (schema === undefined) {
    return { ...start, content: { "text/plain": { schema: { type: "string" }, example: text } } };
  }
  const isNumber = schema.type === "integer" || schema.type === "number";
  return { ...start, schema: inDialect(schema, subject), example: isNumber ? Number(text) : text };
}

/**
 * The headers of responses to requests that pass. None is sure: a rule may skip a request, or let it pass while its
 * store fails.
 */
function usualHeaders(rules: readonly PreparedRule[], subject: Subject, ofRedirects = false): HeaderMap {
  const usual: Record<string, OpenApiReference> = {};
  if (subject.options.sendHeaders !== "always") return usual;
  const sent = sentWith(firstRequest(rules), subject);
  for (const [name, description] of descriptionsOf(rules, subject)) {
    if (description.on !== "every" || (ofRedirects && description.redirects === false)) continue;
    if (description.optional === true && !sent.has(name)) continue;
    usual[name] = subject.components.add(
      "headers",
      componentName(name),
      headerOf(description, false, sent.get(name), subject),
    );
  }
  return usual;
}

/** Is a header on every refusal that has numbers, or, one that is for refusals alone, on every refusal? */
function isSure(
  name: string,
  on: HeaderDescription["on"],
  rules: readonly PreparedRule[],
  subject: Subject,
): boolean {
  const { rules: all, options: { reject, headers } } = subject;
  // A rejection without a description may answer 429 for a refusal that has no numbers.
  if (reject.describe === undefined && rules.some((rule) => failsClosed(rule, subject))) return false;
  if (on === "denied" && rules.some(mayNeverPass)) return false;
  // Without an address its function is not asked, so there are no numbers.
  if (rules.some(({ policy, key }) => policy === null && key.refusesNull === true)) return false;
  return rules.every((rule) => {
    const { unit, capacity } = rule.implementation;
    // Not all formats have words for concurrency; of a custom algorithm nothing is known.
    return unit !== "concurrent-requests" && capacity !== undefined &&
      formatsOf(rule, all, headers).some(({ describe }) => Object.hasOwn(describe ?? {}, name));
  });
}

function refusal(
  status: 429 | 503,
  rules: readonly PreparedRule[],
  checks: readonly RuleCheck[],
  hasBodies: boolean,
  subject: Subject,
): OpenApiReference {
  const { components, options: { sendHeaders } } = subject;
  const headers: Record<string, OpenApiHeader | OpenApiReference> = {};
  const sent = sentWith(checks, subject);
  for (const [name, description] of sendHeaders === "never" ? [] : descriptionsOf(rules, subject)) {
    const isSent = checks.length === 0 || sent.has(name);
    // Where nobody can count there may be no numbers to document.
    if (status === 503 && !isSent) continue;
    if (description.optional === true && !isSent) continue;
    const required = isSent && description.optional !== true &&
      (status === 429 || description.on === "denied") &&
      isSure(name, description.on, rules, subject);
    const header = headerOf(description, required, sent.get(name), subject);
    const isShared = status === 429 && (description.on === "denied" || sendHeaders === "denied");
    headers[name] = isShared ? components.add("headers", componentName(name), header) : header;
  }
  const noStore = { ...NO_STORE, schema: inDialect(NO_STORE.schema, subject) };
  headers["Cache-Control"] = components.add("headers", "NoStore", noStore);
  const { name, description } = REFUSALS[status];
  const content = hasBodies ? bodyOf(status, checks, subject) : {};
  return components.add("responses", name, { description, headers, ...content });
}

function bodyOf(
  status: 429 | 503,
  checks: readonly RuleCheck[],
  subject: Subject,
): Pick<OpenApiResponse, "content"> {
  const { describe } = subject.options.reject;
  if (describe === undefined) return {};
  const schema = subject.components.add(
    "schemas",
    `${REFUSALS[status].name}Body`,
    inDialect(describe.schema(status), subject),
  );
  const example = checks.some(refuses)
    ? describe.example?.(checks.map(({ decision }) => decision), checks)
    : undefined;
  return { content: { [describe.contentType]: example === undefined ? { schema } : { schema, example } } };
}

function documented(rules: readonly PreparedRule[], hasBodies: boolean, subject: Subject): Documented {
  const { components, options: { authenticate } } = subject;
  const headers = usualHeaders(rules, subject);
  const responses: Record<string, OpenApiReference> = {
    429: refusal(429, rules, refusedRequest(rules), hasBodies, subject),
  };
  if (rules.some((rule) => failsClosed(rule, subject))) {
    const checks = requestWithoutStore(rules, (rule) => policyOf(rule, subject));
    responses[503] = refusal(503, rules, checks, hasBodies, subject);
  }
  if (authenticate !== null && authenticate.isOver !== true) {
    // A request that fails authentication has come through the first stage alone.
    const early = usualHeaders(rules.filter(({ stage }) => stage === "before-auth"), subject);
    const description = "Raised when authentication failed";
    responses[401] = components.add(
      "responses",
      "Unauthorized",
      Object.keys(early).length === 0 ? { description } : { description, headers: early },
    );
  }
  return { headers, redirectHeaders: usualHeaders(rules, subject, true), responses };
}

/**
 * @param settings The throttle's rules and options.
 * @param components Receives the components.
 * @param isOld Are the schemas those of OpenAPI 3.0?
 * @returns A function that documents the responses under some rules; without bodies for HEAD.
 */
export function documenter(
  settings: Settings,
  components: Components,
  isOld: boolean,
): (rules: readonly PreparedRule[], hasBodies: boolean) => Documented {
  const writeHeaders = compileHeaders(settings.rules, settings.options.headers);
  const subject = { ...settings, components, isOld, writeHeaders };
  const known = new Map<string, Documented>();
  return (rules, hasBodies) => {
    const key = `${hasBodies} ${rules.map(({ index }) => index).join(" ")}`;
    const found = known.get(key) ?? documented(rules, hasBodies, subject);
    known.set(key, found);
    return found;
  };
}
