/**
 * Rules tried on access logs, before they are set: which requests of last week would a rule have refused?
 *
 * @module
 */

export type { Identity } from "../context.ts";
export type { LogSource } from "./lines.ts";
export type { BrokenLine, LoggedRequest, LogSummary } from "./logged_request.ts";
export { type LoggedRequests, readLog, type ReadLogOptions } from "./read_log.ts";
