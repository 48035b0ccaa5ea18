/**
 * Responses: which values are one, how their headers are changed, and which are the refusals of throttles.
 *
 * @module
 */

import { setFields, type WritableFields } from "../headers/format.ts";
import { type Denial, denialFields } from "../rejections/denial.ts";
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

/** A response with status 101 or 0 (`Response.error()`) cannot be copied, so it stays as it is. */
function mayChange(response: Response): boolean {
  return isResponse(response) && response.status >= 200;
}

/**
 * Applies a change to a response's headers: in place where they can be changed, else on a copy with the
 * same body. Headers of a fetched response and of `Response.redirect()` cannot on most runtimes.
 */
export function withHeaders(response: Response, change: (headers: Headers) => void): Response {
  if (!mayChange(response)) return response;
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

/** The fields of a response that is not made yet. `Headers` would refuse the same, but not every server's Response looks. */
export class InitFields implements WritableFields {
  /** Names are in lower case. */
  declare readonly record: Record<string, string>;

  constructor(record: Record<string, string>) {
    this.record = record;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.record, name.toLowerCase());
  }

  get(name: string): string | null {
    return this.has(name) ? this.record[name.toLowerCase()] : null;
  }

  set(name: string, value: string): void {
    const text = String(value);
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name) || !/^[\t\x20-\x7e\x80-\xff]*$/.test(text)) {
      new Headers().set(name, value);
    }
    this.record[name.toLowerCase()] = text;
  }

  delete(name: string): void {
    delete this.record[name.toLowerCase()];
  }
}

/** A denial, and a response of it to copy. */
type Copied = Denial & { response?: Response };

/**
 * The response of a denial, with fields, to which `write` adds. A server's own class, as @hono/node-server puts it in front of the
 * runtime's, keeps the record that a response is made with, and sends it as it is. A runtime's own class takes up to twice as long
 * with a record as with fields that are set one by one. A copy of a response takes Bun and Deno a part of that, and a flood is
 * refused by the same few denials; elsewhere it takes longer, as the body becomes a stream. To HEAD it is sent without content
 * (RFC 9110 section 9.3.2).
 */
export function newResponse(
  denial: Copied,
  { request }: { readonly request: Request },
  write: (fields: WritableFields) => void,
): Marked {
  const { status } = denial;
  const body = request.method === "HEAD" ? null : denial.body;
  const headers = denialFields(denial);
  if (Object.getPrototypeOf(Response.prototype) !== Object.prototype) {
    write(new InitFields(headers));
    return new Response(body, { status, headers }) as Marked;
  }
  function make(): Response {
    const response = new Response(body, { status });
    setFields(response.headers, headers);
    return response;
  }
  const isCopied = body && ["Bun", "Deno"].some(surroundings.has);
  const response = isCopied ? (denial.response ??= make()).clone() : make();
  write(response.headers);
  return response as Marked;
}

/** Lets scripts of other origins read the rate headers of a response that is theirs to read (Fetch, CORS-safelisted response names). */
export function expose(headers: WritableFields, names: readonly string[]): void {
  const shown = headers.get("access-control-expose-headers")?.split(",").map((name) => name.trim()) ?? [];
  const known = new Set(shown.map((name) => name.toLowerCase()));
  const missing = names.filter((name) => !known.has(name.toLowerCase()) && headers.has(name));
  if (missing.length > 0) headers.set("access-control-expose-headers", [...shown, ...missing].join(", "));
}

/** Marks a throttle's refusal, so that the throttles around it do not replace it. */
export function markRefusal(response: Response): Response {
  if (isResponse(response)) (response as Refusal)[REFUSAL] = true;
  return response;
}
