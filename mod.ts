/**
 * Rate limiting for anything that takes a `Request` and returns a `Response`: wrap the handler that you give
 * to `Deno.serve`, `Bun.serve`, a Worker, an edge function or a framework.
 *
 * @example Sixty requests per minute for each client address, five logins per quarter of an hour
 * ```ts
 * import { withThrottle } from "@weir/throttle";
 * import { equal } from "node:assert/strict";
 *
 * const handler = withThrottle(
 *   (request: Request) => new Response(`hello from ${new URL(request.url).pathname}`),
 *   ["60/min", { rate: "5/15min", on: "POST /login" }],
 *   { client: { address: () => "192.0.2.1" } }, // on a server: the socket's peer, without this line
 * );
 *
 * const login = () => handler(new Request("https://example.com/login", { method: "POST" }));
 * for (let i = 0; i < 5; i++) equal((await login()).status, 200);
 * const refused = await login();
 * equal(refused.status, 429);
 * equal(refused.headers.get("retry-after"), "900");
 * ```
 *
 * @module
 */

export { createThrottle, type Throttle, withThrottle } from "./src/throttle/throttle.ts";
export type { Handler } from "./src/throttle/handler.ts";
export { limitsHandler } from "./src/limits/limits_handler.ts";
export type { CallerLimit } from "./src/limits/caller_limit.ts";
export type { Spent } from "./src/throttle/spend.ts";
export { throttleOf } from "./src/exchange/request_throttle.ts";
export type { ThrottleOptions } from "./src/throttle/options.ts";
export type {
  ExplainedAddress,
  ExplainedKey,
  ExplainedRule,
  Explanation,
} from "./src/explain/explanation.ts";
export type { Outcome, RequestThrottle } from "./src/outcome.ts";
export type {
  BodyCount,
  CompiledRule,
  Cost,
  Count,
  CountedBody,
  FailurePolicy,
  Rule,
  Trial,
} from "./src/rules/rule.ts";
export type { Period } from "./src/rules/calendar.ts";
export { type Rate, type RateString } from "./src/rules/rate.ts";
export { DAY, type Duration, HOUR, MINUTE, SECOND } from "./src/duration.ts";
export type { Context } from "./src/context.ts";
export {
  type Decision,
  type Mode,
  type Source,
  type StoreDecision,
  tighter,
  tightest,
} from "./src/decision.ts";
export type { Observer, ThrottleEvent } from "./src/observers/events.ts";
export { type LogOptions, type LogTarget, logTo } from "./src/observers/log.ts";
export { type Stats, stats, type StatsOptions } from "./src/stats/stats.ts";
export type {
  StatsBreakdown,
  StatsCounts,
  StatsReport,
  StatsRule,
  StatsRuleCounts,
  StatsSlot,
  StatsStoreHealth,
  StatsSummary,
  StatsTrial,
} from "./src/stats/report.ts";
export type { MaybePromise } from "./src/maybe.ts";

export type { Authenticate } from "./src/auth/authenticate.ts";
export type { Identity } from "./src/context.ts";
export { clientAddress, type ClientOptions } from "./src/client/client.ts";
export { addressKey, type AddressPrefixes } from "./src/client/address.ts";
export type { Platform } from "./src/client/platforms.ts";
export { type Key, keyOf, type Stage } from "./src/keys/key.ts";
export { byIp, type ByIpOptions } from "./src/keys/ip.ts";
export { byUser, type ByUserOptions } from "./src/keys/user.ts";
export { byApiKey, type ByApiKeyOptions } from "./src/keys/api_key.ts";
export type { Secret } from "./src/hash/digest.ts";
export { byHeader } from "./src/keys/header.ts";
export { byGlobal } from "./src/keys/global.ts";
export { compose, firstOf } from "./src/keys/compose.ts";

export type { Algorithm, Every, Policy, Step } from "./src/algorithms/algorithm.ts";
export { fixedWindow } from "./src/algorithms/fixed_window.ts";
export { gcra, leakyBucket, tokenBucket } from "./src/algorithms/gcra.ts";
export { slidingLog } from "./src/algorithms/sliding_log.ts";
export { slidingWindow } from "./src/algorithms/sliding_window.ts";
export { concurrency } from "./src/algorithms/concurrency.ts";

export type { Check, Store, StoreChange, StorePart } from "./src/stores/store.ts";
export { decideChecks, type StateAccess } from "./src/stores/decide_checks.ts";
export {
  casStore,
  type CasStoreOptions,
  type StateChange,
  type StatesRead,
  type VersionedState,
  type VersionedStates,
} from "./src/stores/cas_store.ts";
export {
  type StateRows,
  transactionStore,
  type TransactionStoreOptions,
} from "./src/stores/transaction_store.ts";
export { memoryStore, type MemoryStoreOptions } from "./src/stores/memory/memory_store.ts";

export type {
  HeaderDescription,
  HeaderFields,
  HeaderFormat,
  HeadersThere,
  Quota,
  Report,
} from "./src/headers/format.ts";
export { xRateLimit, type XRateLimitOptions } from "./src/headers/x_ratelimit.ts";
export { retryAfter, type RetryAfterOptions } from "./src/headers/retry_after.ts";
export { rateLimit, type RateLimitOptions } from "./src/headers/ratelimit.ts";

export type { Rejection, RejectionDescription } from "./src/rejections/rejection.ts";
export {
  problemJson,
  type ProblemJsonOptions,
  type RefusingDecision,
} from "./src/rejections/problem_json.ts";
export { detailJson } from "./src/rejections/detail_json.ts";
export { errorJson } from "./src/rejections/error_json.ts";
export { openAiJson } from "./src/rejections/open_ai_json.ts";
