/**
 * Rules tried on access logs, before they are set: which requests of last week would a rule have refused?
 *
 * @module
 */

export type { Identity } from "../context.ts";
export type { LogFields } from "./formats/json.ts";
export type { LogSource } from "./lines.ts";
export type { BrokenLine, LoggedRequest, LogSummary } from "./logged_request.ts";
export { type LoggedRequests, readLog, type ReadLogOptions } from "./read_log.ts";
export { replay, type ReplayOptions } from "./replay.ts";
export type {
  ComparedRules,
  ReplayedRule,
  ReplayReport,
  RequestsOverTime,
  ServersRefusals,
} from "./replay_report.ts";
export type { RuleSet } from "./replayer.ts";
export type { Rate, RateString } from "../rules/rate.ts";
export type { Rule } from "../rules/rule.ts";
export type { ThrottleOptions } from "../throttle/options.ts";
export {
  suggest,
  type Suggestion,
  type Suggestions,
  type SuggestKey,
  type SuggestOptions,
} from "./suggest.ts";
export type { Throttle } from "../throttle/throttle.ts";
