/**
 * The result of throttling one request.
 *
 * @module
 */

import type { Decision } from "./decision.ts";
import type { MaybePromise } from "./maybe.ts";

/** The decisions on a handler's own request, and the correction of its cost. */
export interface RequestThrottle {
  /** One per rule that applied, in rule order, shadow rules included. */
  readonly decisions: readonly Decision[];
  /**
   * Sets the real cost of this request under a rule, in units: the difference to the charge is refunded or
   * added, in the charged window. The first call settles, later ones do nothing.
   *
   * @throws {TypeError} If the throttle has no rule of that name, or the cost is not an integer of at least
   * 0.
   */
  settle(rule: string, cost: number): MaybePromise<void>;
  /**
   * Keeps this request's concurrency slots beyond its response: for a WebSocket, whose slots would come free at its 101, or for
   * work that goes on in the background. Call it before the handler returns its response.
   *
   * While they are held, the leases of the slots are renewed, four times per lease. So the lease may be much shorter than the
   * work: it is the time after which the slots of a process that died come free. A suspended process loses its slots after a
   * lease, and takes them again, limit or not, when it goes on. The timer keeps no process alive.
   *
   * @returns Ends the hold: the slots come free, or, where the response is still under way, at its end. A second call does
   * nothing. Without a rule of `concurrency()` it has nothing to do. A handler that throws ends its holds.
   * @throws {Error} If the slots are free already.
   */
  hold(): () => void;
}

/** The result of {@link Throttle.check}. */
export interface Outcome extends Pick<RequestThrottle, "decisions" | "settle"> {
  /** May the request go on to its handler? */
  readonly allowed: boolean;
  /**
   * The response to a refused request: the 429 or 503, or the one that `authenticate` returned. Null when
   * allowed: `if (outcome.response !== null) return outcome.response`.
   */
  readonly response: Response | null;
  /**
   * The rate headers alone, as {@link label} would write them, for a framework with its own reply object:
   * copy them to the reply, and on a refusal send the status and body of `response` too. Each reading
   * computes them again, so they include the effect of an earlier `settle`. Empty if `label` would write
   * nothing.
   *
   * Reading them ends nothing. If a rule has `count` or `concurrency()`, call `outcome.label(new
   * Response(null, { status }))` after the reply: that refunds charges and frees slots. Without such a rule
   * there is nothing to end.
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
   * Writes the rate headers to the handler's response and ends the request's charges (its `count`, and its
   * concurrency slots, after the body). Call it once, with the response to send.
   *
   * @returns The same object if its headers are mutable, else a copy.
   */
  label(response: Response): Response;
}
