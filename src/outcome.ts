/**
 * What a throttle says about one request.
 *
 * @module
 */

import type { Decision } from "./decision.ts";
import type { MaybePromise } from "./maybe.ts";

/** What a handler can learn and do about the throttling of its own request. */
export interface RequestThrottle {
  /** One per rule that applied, in rule order, shadow ones included. */
  readonly decisions: readonly Decision[];
  /**
   * Says what this request really cost under a rule, in units: the difference to what was charged is given
   * back or added, in the window that was charged. The first call decides, later ones do nothing.
   *
   * @throws {TypeError} When the throttle has no rule of that name, or the cost is not an integer of at least 0.
   */
  settle(rule: string, cost: number): MaybePromise<void>;
}

/** What {@link Throttle.check} answers. */
export interface Outcome extends RequestThrottle {
  /** May the request go on to its handler? */
  readonly allowed: boolean;
  /** The answer to a request that may not: the 429 or 503, or what `authenticate` answered. Null when allowed. */
  readonly response: Response | null;
  /**
   * The rate headers alone, those that {@link label} would write, for a framework whose reply is no `Response`: copy them
   * to its reply, and on a refusal send the status and body of `response` besides. Each reading makes new ones, of what
   * holds by then, so what is `settle`d before is in them. Empty where `label` would write nothing.
   *
   * Reading them ends nothing. Where a rule has `count` or `concurrency()`, call
   * `outcome.label(new Response(null, { status }))` once the reply has been sent: that gives back what is not counted, and
   * the slots. Without such a rule there is nothing to end.
   *
   * @example On `node:http`, whose reply is a ServerResponse
   * ```ts
   * import { createThrottle } from "@weir/throttle";
   * import { equal } from "node:assert/strict";
   * import { once } from "node:events";
   * import { createServer } from "node:http";
   *
   * const throttle = createThrottle({ rate: "1/min", count: "successes" });
   * const server = createServer(async (incoming, reply) => {
   *   const request = new Request("http://localhost" + incoming.url, { method: incoming.method! });
   *   const outcome = await throttle.check(request, incoming); // incoming: its socket knows the address
   *   reply.once("close", () => outcome.label(new Response(null, { status: reply.statusCode })));
   *   reply.setHeaders(outcome.headers);
   *   reply.statusCode = outcome.response?.status ?? 200;
   *   reply.end(outcome.allowed ? "hello" : "not so fast");
   * });
   * await once(server.listen(0, "127.0.0.1"), "listening");
   *
   * const { port } = server.address() as { port: number };
   * const first = await fetch(`http://127.0.0.1:${port}/`);
   * equal(`${first.status} ${await first.text()}`, "200 hello");
   * equal(first.headers.get("x-ratelimit-remaining"), "0");
   * const second = await fetch(`http://127.0.0.1:${port}/`);
   * equal(`${second.status} ${await second.text()}`, "429 not so fast");
   * equal(second.headers.has("retry-after"), true);
   * server.closeAllConnections();
   * server.close();
   * ```
   */
  readonly headers: Headers;
  /**
   * Puts the rate headers on the handler's response and ends what the request holds (its `count`, its
   * concurrency slots, once the body ends). Call it once, with the response that is sent.
   *
   * @returns The same object where its headers can be changed, else a copy.
   */
  label(response: Response): Response;
}
