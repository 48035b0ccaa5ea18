/**
 * Responses: which values are one, how their headers are changed, and which are the refusals of throttles.
 *
 * @module
 */

import { setFields, type WritableFields } from "../headers/format.ts";
import type { Denial } from "../rejections/denial.ts";
import { surroundings } from "../runtime.ts";

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
 */
export function withHeaders(response: Response, change: (headers: Headers) => void): Response {
  if (!isResponse(response) || response.status < 200) return response;
  try {
    change(response.headers);
    return response;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const copy = new Response(response.body, response);
    change(copy.headers);
    return copy;
  }
}

/**
 * The fields of a response that is not made yet. `Headers` would refuse the same, but not every server's Response
 * looks. A field that the last response had too is not looked at again.
 */
export class InitFields implements WritableFields {
  /** Names are in lower case. */
  declare readonly record: Record<string, string>;
  declare private readonly last: Readonly<Record<string, string>>;
  /** Is a field another than in the last response? */
  declare private isNew: boolean;

  constructor(record: Record<string, string>, last: Readonly<Record<string, string>> = {}) {
    this.record = record;
    this.last = last;
    this.isNew = false;
  }

  /** Had the last response the same fields? */
  areSame(): boolean {
    for (const name in this.last) this.isNew ||= !this.has(name);
    return !this.isNew;
  }

  has(name: string): boolean {
    // Not by `Object.hasOwn`, which takes longer; what an object inherits is no text.
    return typeof this.record[name.toLowerCase()] === "string";
  }

  get(name: string): string | null {
    return this.has(name) ? this.record[name.toLowerCase()] : null;
  }

  set(name: string, value: string): void {
    const text = String(value);
    const key = name.toLowerCase();
    if (this.last[key] !== text) {
      this.isNew = true;
      if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name) || !/^[\t\x20-\x7e\x80-\xff]*$/.test(text)) {
        new Headers().set(name, value);
      }
    }
    this.record[key] = text;
  }

  delete(name: string): void {
    delete this.record[name.toLowerCase()];
  }
}

/**
 * The response of a denial with these fields. A server's own class, as @hono/node-server puts it in front of the
 * runtime's, keeps the record that a response is made with, and sends it as it is. A runtime's own class takes up to
 * twice as long with a record as with fields that are set one by one. A copy of a response takes Bun and Deno a part of
 * that, and a flood is refused by the same few denials with the same fields; elsewhere it takes longer, as the body
 * becomes a stream. To HEAD it is sent without content (RFC 9110 section 9.3.2).
 */
export function newResponse(denial: Denial, fields: InitFields, { method }: Request): Marked {
  const { status } = denial;
  const { record: headers } = fields;
  const areSame = fields.areSame();
  const body = method === "HEAD" ? null : denial.body;
  if (!areSame) denial.response = undefined;
  else if (body && denial.response) return denial.response.clone() as Marked;
  denial.fields = headers;
  if (Object.getPrototypeOf(Response.prototype) !== Object.prototype) {
    return new Response(body, { status, headers }) as Marked;
  }
  const response = new Response(body, { status });
  setFields(response.headers, headers);
  if (areSame && body && ["Bun", "Deno"].some(surroundings.has)) denial.response = response.clone();
  return response as Marked;
}

/**
 * Lets scripts of other origins read the rate headers of a response that is theirs to read (Fetch, CORS-safelisted
 * response names).
 */
export function expose(headers: WritableFields, names: readonly string[]): void {
  const shown = headers.get("access-control-expose-headers")?.split(",").map((name) => name.trim()) ?? [];
  const known = shown.map((name) => name.toLowerCase());
  const missing = names.filter((name) => !known.includes(name.toLowerCase()) && headers.has(name));
  if (missing.length > 0) headers.set("access-control-expose-headers", [...shown, ...missing].join(", "));
}

/** Marks a throttle's refusal, so that the throttles around it do not replace it. */
export function markRefusal(response: Response): Response {
  if (isResponse(response)) (response as Refusal)[REFUSAL] = true;
  return response;
}
