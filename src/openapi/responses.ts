/**
 * What a throttle answers itself, and the headers it adds to the answers of others.
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

/** What requests under some rules may get. */
export interface Told {
  /** The rate headers of responses that are not the throttle's own. */
  readonly headers: HeaderMap;
  /** The rate headers that redirects (3xx) have too. */
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

/** Can the rule refuse at all, and is it told to clients? */
export function isTold({ mode, rate }: PreparedRule): boolean {
  return mode === "enforce" && rate !== unlimited;
}

/** Can a refusal by this rule last for ever, so that there is no wait to tell? */
function isHopeless(rule: PreparedRule): boolean {
  const { policy, cost, key, implementation } = rule;
  if (dependsOnRequest(rule) || policy === null || key.refusesNull === true) return true;
  return policy.limit === 0 || cost as number > (implementation.capacity?.(policy.limit) ?? 0);
}

/** A name that a component may have. */
function componentName(header: string): string {
  return header.replace(/[^A-Za-z0-9._]/g, "") || "Header";
}

/**
 * @param settings The throttle's.
 * @param components Where reusable parts go.
 * @param isOld Are schemas those of OpenAPI 3.0?
 * @returns What requests under these rules may get; without bodies for HEAD.
 */
export function teller(
  { rules: all, options }: Settings,
  components: Components,
  isOld: boolean,
): (rules: readonly PreparedRule[], hasBodies: boolean) => Told {
  const { headers: formats, sendHeaders, reject, authenticate, onStoreFailure } = options;

  const writeHeaders = compileHeaders(all, formats);

  const policyOf = (rule: PreparedRule): FailurePolicy => rule.onStoreFailure ?? onStoreFailure;
  const failsClosed = (rule: PreparedRule): boolean => policyOf(rule) === "deny" || dependsOnRequest(rule);
  const inDialect = (schema: OpenApiSchema): OpenApiSchema => isOld ? oldSchema(schema) : schema;

  /** Where two formats send headers of one name, the first tells what it says. */
  function descriptionsOf(rules: readonly PreparedRule[]): ReadonlyMap<string, HeaderDescription> {
    const found = new Map<string, HeaderDescription>();
    for (const { describe } of rules.flatMap((rule) => formatsOf(rule, all, formats))) {
      for (const [name, description] of Object.entries(describe ?? {})) {
        if (!found.has(name)) found.set(name, description);
      }
    }
    return found;
  }

  /** The headers as sent with these decisions. */
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
    // A value with parameters is no value of a schema (OpenAPI 3.1.1, Header Object).
    if (schema === undefined) {
      return { ...start, content: { "text/plain": { schema: { type: "string" }, example: text } } };
    }
    const isNumber = schema.type === "integer" || schema.type === "number";
    return { ...start, schema: inDialect(schema), example: isNumber ? Number(text) : text };
  }

  /** The headers of what passes. None is sure: a rule may skip a request, or let it pass while its store fails. */
  function usual(rules: readonly PreparedRule[], ofRedirects = false): HeaderMap {
    const told: Record<string, OpenApiReference> = {};
    if (sendHeaders !== "always") return told;
    const sent = sentWith(firstRequest(rules));
    for (const [name, description] of descriptionsOf(rules)) {
      if (description.on !== "every" || (ofRedirects && description.redirects === false)) continue;
      if (description.optional === true && !sent.has(name)) continue;
      told[name] = components.add(
        "headers",
        componentName(name),
        headerOf(description, false, sent.get(name)),
      );
    }
    return told;
  }

  /** Is a header on every refusal that has numbers, or, one that is for refusals alone, on every refusal? */
  function isSure(name: string, on: HeaderDescription["on"], rules: readonly PreparedRule[]): boolean {
    // A rejection that says nothing of itself may answer 429 for what has no numbers.
    if (reject.describe === undefined && rules.some(failsClosed)) return false;
    if (on === "denied" && rules.some(isHopeless)) return false;
    return rules.every((rule) => {
      const { unit, capacity } = rule.implementation;
      // Not all formats have words for concurrency; of a custom algorithm nothing is known.
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
      // Where nobody can count there may be no numbers to tell.
      if (status === 503 && !isSent) continue;
      if (description.optional === true && !isSent) continue;
      const required = isSent && description.optional !== true &&
        (status === 429 || description.on === "denied") &&
        isSure(name, description.on, rules);
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

  function tell(rules: readonly PreparedRule[], hasBodies: boolean): Told {
    const headers = usual(rules);
    const responses: Record<string, OpenApiReference> = {
      429: refusal(429, rules, refusedRequest(rules), hasBodies),
    };
    if (rules.some(failsClosed)) {
      responses[503] = refusal(503, rules, requestWithoutStore(rules, policyOf), hasBodies);
    }
    if (authenticate !== null && authenticate.isOver !== true) {
      // Who is turned away has come through the first stage alone.
      const early = usual(rules.filter(({ stage }) => stage === "before-auth"));
      const description = "Raised when authentication failed";
      responses[401] = components.add(
        "responses",
        "Unauthorized",
        Object.keys(early).length === 0 ? { description } : { description, headers: early },
      );
    }
    return { headers, redirectHeaders: usual(rules, true), responses };
  }

  const told = new Map<string, Told>();
  return (rules, hasBodies) => {
    const key = `${hasBodies} ${rules.map(({ index }) => index).join(" ")}`;
    const known = told.get(key) ?? tell(rules, hasBodies);
    told.set(key, known);
    return known;
  };
}
