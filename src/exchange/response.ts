/**
 * Responses: which values are one, how their headers are changed, and which are the refusals of throttles.
 *
 * @module
 */

import { setFields, type WritableFields } from "../headers/format.ts";
import type { Denial, SentFields, Steps } from "../rejections/denial.ts";

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
  // `isResponse`, inlined.
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

/**
 * The fields of a response that is not made yet. `Headers` would refuse the same, but not every server's Response
 * looks. As long as all that is done was done for the last response too, only the number of these steps is kept.
 */
export class InitFields implements WritableFields, SentFields {
  /** The fields from the start; once the steps differ, all fields. */
  declare private start: Record<string, string>;
  declare steps: Steps;
  /** The number of entries of the last response's steps that this one took as well; -1 once they differ. */
  declare at: number;
  declare response?: Response;

  /**
   * @param start The fields that are there from the start.
   * @param last The fields of the last response, which had the same from the start.
   */
  constructor(start: Record<string, string>, last?: SentFields) {
    this.start = start;
    this.steps = last?.steps ?? [];
    this.at = 0;
  }

  /** All fields. From here on the steps are this response's own. */
  get record(): Record<string, string> {
    const { steps, at } = this;
    if (at >= 0) {
      // Not spread, which takes Node 20 two microseconds.
      this.start = Object.assign({}, this.start);
      this.steps = [];
      this.at = -1;
      for (let i = 0; i < at; i += 2) this.take(steps[i] as string, steps[i + 1]);
    }
    return this.start;
  }

  /** Goes on if the last response took this step next, too. */
  private next(name: string, result: Steps[number]): boolean {
    const { steps, at } = this;
    if (at < 0 || steps[at] !== name || steps[at + 1] !== result) return false;
    this.at = at + 2;
    return true;
  }

  /** Takes another step than the last response, or one after that. */
  private take(name: string, result: Steps[number]): void {
    const { record } = this;
    this.steps.push(name, result);
    if (typeof result === "string") record[name.toLowerCase()] = result;
    else if (result === null) delete record[name.toLowerCase()];
  }

  has(name: string): boolean {
    const known = this.steps[this.at + 1];
    if (typeof known === "boolean" && this.next(name, known)) return known;
    // Not by `Object.hasOwn`, which takes longer; what an object inherits is no text.
    const found = typeof this.record[name.toLowerCase()] === "string";
    this.take(name, found);
    return found;
  }

  get(name: string): string | null {
    return this.has(name) ? this.record[name.toLowerCase()] : null;
  }

  set(name: string, value: string): void {
    if (this.next(name, value)) return;
    const text = String(value);
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name) || !/^[\t\x20-\x7e\x80-\xff]*$/.test(text)) {
      new Headers().set(name, value);
    }
    this.take(name, text);
  }

  delete(name: string): void {
    if (!this.next(name, null)) this.take(name, null);
  }
}

/** Set one by one, as a runtime's own class takes up to twice as long with a record. */
function responseOf({ status, sent }: Denial, body: string | null): Response {
  const response = new Response(body, { status });
  setFields(response.headers, sent!.record);
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
  const areSame = sent?.steps === fields.steps && fields.steps.length === fields.at;
  if (!areSame) denial.sent = fields;
  if (Object.getPrototypeOf(Response.prototype) !== Object.prototype) {
    return new Response(body, { status, headers: Object.assign({}, denial.sent!.record) }) as Marked;
  }
  if (!areSame) return responseOf(denial, body) as Marked;
  const last = sent.response ??= responseOf(denial, denial.body);
  return (copies && body ? last.clone() : new Response(body, { status, headers: last.headers })) as Marked;
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
