/**
 * The real cost of a model's answer, read from the answer while it is sent.
 *
 * @module
 */

import { cannot } from "../cannot.ts";
import { onBodyEnd } from "../exchange/body_end.ts";
import { isPromise } from "../maybe.ts";
import { type Demands, FUNCTION, number, requireOptions } from "../options.ts";
import type { BodyCount, CountedBody } from "../rules/rule.ts";
import { type BodyEnds, bodyEnds } from "./body_ends.ts";
import { fittingReader } from "./fitting_reader.ts";
import { statementsIn } from "./statements.ts";
import { type InputParts, STATING, type TokenCounts, tokenCountsIn } from "./token_counts.ts";

/** The options of {@link tokenUsage}. */
export interface TokenUsageOptions {
  /** Units per token of the prompt that was read from no cache. Default 1. */
  input?: number;
  /** Units per token of the prompt that was read from a cache. Default: as `input`. */
  cached?: number;
  /** Units per token of the answer, reasoning included. Default 1. */
  output?: number;
  /**
   * Reads the usage in a form that is not built in. It is called with each JSON value that was kept: a JSON answer (of one
   * beyond 32 kB its last members), or the first 8 kB and the last 24 kB of a stream's events or lines, in order. A count
   * that it gives replaces an earlier one. Where it gives null, the forms that are built in are tried.
   */
  read?: (statement: unknown) => TokenCounts | null | undefined;
}

const DEMANDS: Demands<TokenUsageOptions> = {
  input: /* @__PURE__ */ number(0),
  cached: /* @__PURE__ */ number(0),
  output: /* @__PURE__ */ number(0),
  read: FUNCTION,
};

/** The reason for which a charge stays. */
function reasonOf(response: Response, isWhole: boolean): string {
  const encoding = response.headers.get("content-encoding");
  if (!isWhole) return "The answer ended before it stated its usage";
  return encoding !== null && encoding !== "identity"
    ? `The answer is compressed (content-encoding: ${encoding}), so its usage cannot be read`
    : "The answer states no usage";
}

/** The counts that a statement has, by the user's own reading before the built-in one. */
function statedIn(statement: unknown, parts: InputParts, read: TokenUsageOptions["read"]): TokenCounts {
  const own: unknown = read?.(statement);
  if (!isPromise(own)) return own ?? tokenCountsIn(statement, parts) ?? {};
  throw new TypeError(cannot("read a usage for tokenUsage()", "read must give it at once, or null", own));
}

/** The tokens stated so far. Statements are running totals, so a later one replaces an earlier one. */
function countsOf(ends: BodyEnds, isWhole: boolean, read: TokenUsageOptions["read"]): TokenCounts {
  const parts: InputParts = {};
  let counts: TokenCounts = {};
  for (const statement of statementsIn(ends.text(), isWhole, read === undefined ? STATING : undefined)) {
    if (statement === undefined) continue;
    const stated = statedIn(statement, parts, read);
    const { input = counts.input, cached = counts.cached, output = counts.output } = stated;
    counts = { input, cached, output };
  }
  return counts;
}

/**
 * The real cost of a request to a language model: the tokens that its answer says it took, read while the answer is sent.
 * For a rule's `count`, with a `cost` that is reserved before.
 *
 * It reads `usage` and `usageMetadata` of JSON answers and of server-sent events, as OpenAI (chat completions, responses,
 * embeddings; of a chat stream the request must ask for it: `stream_options: { include_usage: true }`), Anthropic and
 * Gemini send them, and those who follow them. No byte is changed or held back, and at most 40 kB of an answer are kept.
 *
 * The charge is settled once: when the answer ends, fails, or its client goes away. An answer with status 400 or above took
 * nothing. Where the answer has not stated its output (a client that leaves early, a compressed body, a stream without
 * usage), the reserved cost stays, or the input where that is known and more, and an `error` event says why.
 *
 * An answer that is to be read must not be compressed: a proxy asks its upstream for `accept-encoding: identity`, or lets
 * `fetch` decode the answer and removes the header `content-encoding`, and compresses outside of the throttle.
 *
 * @param options See {@link TokenUsageOptions}.
 * @returns The `count` of a rule.
 * @throws {TypeError | RangeError} On an unknown option, or a value that cannot be used.
 *
 * @example
 * ```ts
 * import { withThrottle } from "@weir/throttle";
 * import { tokenUsage } from "@weir/throttle/tokens";
 * import { equal } from "node:assert/strict";
 *
 * const usage = { prompt_tokens: 20, completion_tokens: 100, total_tokens: 120 };
 * const handler = withThrottle(() => Response.json({ choices: [], usage }), {
 *   name: "tokens",
 *   rate: "10000/day",
 *   cost: 500, // reserved until the answer has ended
 *   count: tokenUsage({ output: 4 }), // a token of the answer costs four times as much as one of the prompt
 * }, { client: { address: () => "192.0.2.1" } });
 *
 * const ask = () => handler(new Request("https://example.com/"));
 * await (await ask()).text();
 * await new Promise((turn) => setTimeout(turn)); // settled just after the answer's end
 * equal((await ask()).headers.get("x-ratelimit-remaining"), String(10000 - 420 - 500));
 * ```
 */
export function tokenUsage(options: TokenUsageOptions = {}): BodyCount {
  requireOptions(options, DEMANDS, "make tokenUsage()");
  const { input = 1, cached = input, output = 1, read } = options;

  function costOf(counts: TokenCounts): number {
    const units = input * (counts.input ?? 0) + cached * (counts.cached ?? 0) + output * (counts.output ?? 0);
    // Weights are decimal fractions, which binary ones miss by a little.
    return Math.min(Number.MAX_SAFE_INTEGER, Math.ceil(Number(units.toPrecision(12))));
  }

  function finalCost(response: Response, ends: BodyEnds, isWhole: boolean, charged: number): number {
    const counts = countsOf(ends, isWhole, read);
    const cost = costOf(counts);
    // A client that leaves just before the end must not pay less than one that stays.
    if (counts.output !== undefined || cost > charged) return cost;
    throw new Error(`${reasonOf(response, isWhole)}. The cost that was reserved stays charged.`);
  }

  return {
    body(response, { request }, charged): CountedBody {
      if (response.status >= 400) return { response, cost: 0 };
      const { body } = response;
      if (body === null || request.method === "HEAD") {
        return {
          response,
          cost: Promise.reject(new Error("The answer has no body, so the reserved cost stays.")),
        };
      }
      const ends = bodyEnds();
      const reader = fittingReader(body);
      let end!: (isWhole: boolean) => void;
      const seen = (chunk: Uint8Array): void => {
        try {
          reader.fit(chunk);
          ends.add(chunk);
        } catch (error) {
          // A chunk whose memory was given away cannot be sent either.
          end(false);
          throw error;
        }
      };
      const cost = new Promise<boolean>((resolve) => end = resolve)
        // One turn later: who waits for the body's end has it before the usage is read.
        .then((isWhole) => isWhole)
        .then((isWhole) => finalCost(response, ends, isWhole, charged));
      return { response: onBodyEnd(response, reader, end, seen), cost };
    },
  };
}
