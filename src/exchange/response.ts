/**
 * Responses: which values are one, how their headers are changed, and which are the refusals of throttles.
 *
 * @module
 */

import { type HeaderFields, type HeadersThere, NO_FIELDS, setFields } from "../headers/format.ts";
import type { InitFields } from "../headers/init_fields.ts";
import type { Denial } from "../rejections/denial.ts";

/** Marks the refusals of throttles: a throttle around one has nothing to add to their headers. */
export const REFUSAL: unique symbol = /* @__PURE__ */ Symbol("weir.refusal");

/** A response that may be a refusal. */
export interface Refusal extends Response {
  [REFUSAL]?: true;
}

/** A response that throttles have marked, or may mark. */
export type Marked = Refusal & Record<symbol, unknown>;

/**
 * Is this a response? Not by `instanceof`: servers replace the global class by their own, and some handlers
 * return another value where they upgraded the connection.
 */
export function isResponse(value: unknown): value is Response {
  return typeof (value as Response | null | undefined)?.headers?.set === "function";
}

/**
 * Applies a change to a response's headers: in place where they can be changed, else on a copy with the
 * same body. Headers of a fetched response and of `Response.redirect()` cannot on most runtimes. A response with status 101 or 0
 * (`Response.error()`) cannot be copied, so it stays as it is.
 *
 * @param change Gets the response, or its copy, too.
 * @param arg An argument of the change.
 */
export function withHeaders<A>(
  response: Response,
  change: (headers: Headers, arg: A, response: Response) => void,
  arg?: A,
): Response {
  // `isResponse`, written out: every response comes here, and this is a call less.
  if (typeof response?.headers?.set !== "function" || response.status < 200) return response;
  try {
    change(response.headers, arg as A, response);
    return response;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const copy = new Response(response.body, response);
    change(copy.headers, arg as A, copy);
    return copy;
  }
}

/** Set one by one, as a runtime's own class takes up to twice as long with a record. */
function responseOf({ status }: Denial, body: string | null, { record }: InitFields): Response {
  const response = new Response(body, { status });
  setFields(response.headers, record);
  return response;
}

/**
 * The response of a denial with these fields. A server's own class, as @hono/node-server puts it in front of the
 * runtime's, keeps the record that a response is made with, and sends it as it is. A flood is refused by the same few
 * denials with the same fields. Then a runtime's own class takes the Headers of another response sooner than
 * fields, and Bun and Deno copy that response sooner still; elsewhere that takes longer, as the body becomes a stream. To
 * HEAD it is sent without content (RFC 9110 section 9.3.2).
 *
 * @param copies Is a response that was sent before to be copied?
 */
export function newResponse(
  denial: Denial,
  fields: InitFields,
  { method }: Request,
  copies: boolean,
): Marked {
  const { status, sent } = denial;
  const body = method === "HEAD" ? null : denial.body;
  if (Object.getPrototypeOf(Response.prototype) !== Object.prototype) {
    return new Response(body, { status, headers: { ...fields.record } }) as Marked;
  }
  if (sent?.fields !== fields) {
    denial.sent = { fields };
    return responseOf(denial, body, fields) as Marked;
  }
  const last = sent.response ??= responseOf(denial, denial.body, fields);
  return (copies && body ? last.clone() : new Response(body, { status, headers: last.headers })) as Marked;
}

/**
 * The field that lets scripts of other origins read the rate headers of a response that is theirs to read (Fetch,
 * CORS-safelisted response names).
 */
export function exposing(there: HeadersThere, names: readonly string[]): HeaderFields {
  const name = "access-control-expose-headers";
  const shown = there.get(name)?.split(",").map((name) => name.trim()) ?? [];
  const known = shown.map((name) => name.toLowerCase());
  const missing = names.filter((name) => !known.includes(name.toLowerCase()) && there.has(name));
  return missing.length > 0 ? { [name]: [...shown, ...missing].join(", ") } : NO_FIELDS;
}

/** Marks a throttle's refusal, so that the throttles around it do not replace it. */
export function markRefusal(response: Response): Response {
  if (isResponse(response)) (response as Refusal)[REFUSAL] = true;
  return response;
}
