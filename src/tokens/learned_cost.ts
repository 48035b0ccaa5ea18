/**
 * A cost that follows what earlier requests really took.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { type MaybePromise, then } from "../maybe.ts";
import { cannot } from "../cannot.ts";
import { type Demands, FUNCTION, integer, number, required, requireOptions } from "../options.ts";
import type { Cost } from "../rules/rule.ts";

/** The options of {@link learnedCost}. */
export interface LearnedCostOptions {
  /** Units reserved while nothing is known. */
  start: number;
  /** The share of requests, in percent, that take no more than the reserved units. Default 95. */
  percentile?: number;
  /** The most units that are reserved. At most the rule's limit: a request that costs more can never pass. */
  max: number;
  /**
   * The model that a request is for; null where it is not known, then all requests of the rule count. Default: the model in
   * the URL, as Gemini (`/models/NAME:generateContent`) and Azure (`/deployments/NAME/`) have it. The body is not read:
   * where the body names the model, give a function that reads a header of yours, or what your server has parsed already.
   */
  model?: (context: Context) => MaybePromise<string | null>;
}

const DEMANDS: Demands<LearnedCostOptions> = {
  start: /* @__PURE__ */ required(/* @__PURE__ */ integer(0)),
  percentile: /* @__PURE__ */ number(0, 100),
  max: /* @__PURE__ */ required(/* @__PURE__ */ integer(0)),
  model: FUNCTION,
};

/** The requests that are remembered per model. */
const MAX_REMEMBERED = 200;
/** The known requests from which on `start` has no weight any more. */
const MIN_KNOWN = 20;
/** The models that are remembered, the latest. Clients send their names, so there may be any number. */
const MAX_MODELS = 100;

/** The costs of the last requests for one model. */
class Costs {
  readonly #last: number[] = [];
  #next = 0;
  #sorted: readonly number[] | null = null;

  add(cost: number): void {
    this.#last[this.#next] = cost;
    this.#next = (this.#next + 1) % MAX_REMEMBERED;
    this.#sorted = null;
  }

  /** The percentile by nearest rank; `unknown` stands for each request that is missing at the beginning. */
  percentile(percent: number, unknown: number): number {
    const missing = Math.max(0, MIN_KNOWN - this.#last.length);
    if (missing === MIN_KNOWN) return unknown;
    this.#sorted ??= [...this.#last].sort((a, b) => a - b);
    const count = this.#sorted.length + missing;
    const below = this.#sorted.filter((cost) => cost < unknown).length;
    const rank = Math.max(0, Math.ceil(percent / 100 * count) - 1);
    if (rank < below) return this.#sorted[rank];
    return rank < below + missing ? unknown : this.#sorted[rank - missing];
  }
}

/** The model in the path of a URL: `/models/NAME:`, `/deployments/NAME/`. */
function modelInUrl({ request }: Context): string | null {
  return /\/(?:models|deployments)\/([^/:?#]+)/.exec(request.url)?.[1] ?? null;
}

/**
 * A cost that follows what requests really took: the given percentile of the last 200 requests for the same model, at most
 * `max`. For a rule's `cost`, with a `count` that finds the real cost, such as {@link tokenUsage}, or a handler that calls
 * `settle`. A request that took nothing teaches nothing.
 *
 * Each rule needs one of its own. It is kept in this process, for the last 100 models; each process learns by itself. A
 * model without 20 requests is taken for the rule's others, and a rule without 20 requests counts `start` for the rest.
 *
 * @param options See {@link LearnedCostOptions}.
 * @returns The `cost` of a rule.
 * @throws {TypeError | RangeError} On an unknown option, a value that cannot be used, or a start above max.
 *
 * @example
 * ```ts
 * import { createThrottle } from "@weir/throttle";
 * import { learnedCost } from "@weir/throttle/tokens";
 * import { equal } from "node:assert/strict";
 *
 * const throttle = createThrottle(
 *   { name: "tokens", rate: "100000/day", cost: learnedCost({ start: 1000, max: 8000 }) },
 *   { client: { address: () => "192.0.2.1" } },
 * );
 * const request = new Request("https://example.com/");
 * for (let i = 0; i < 20; i++) await (await throttle.check(request)).settle("tokens", 300);
 * equal((await throttle.peek(request))[0].cost, 300);
 * ```
 */
export function learnedCost(options: LearnedCostOptions): Cost {
  requireOptions(options, DEMANDS, "make learnedCost()");
  const { start, percentile = 95, max, model = modelInUrl } = options;
  if (start > max) throw new RangeError(cannot("make learnedCost()", "start must be at most max", start));
  const all = new Costs();
  const models = new Map<string, Costs>();
  /** The models of requests that are under way. */
  const asked = new WeakMap<Context, string>();

  function costOf(name: string | null, context: Context): number {
    const known = all.percentile(percentile, start);
    const own = name === null ? undefined : models.get(name);
    if (name !== null) asked.set(context, name);
    return Math.min(max, own?.percentile(percentile, known) ?? known);
  }

  function settled(context: Context, cost: number): void {
    if (cost === 0) return;
    all.add(cost);
    const name = asked.get(context);
    if (name === undefined) return;
    const own = models.get(name) ?? new Costs();
    own.add(cost);
    models.delete(name);
    models.set(name, own);
    if (models.size > MAX_MODELS) models.delete(models.keys().next().value as string);
  }

  return Object.assign((context: Context) => then(model(context), costOf, context), { settled });
}
