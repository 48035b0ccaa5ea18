/**
 * The report of a replay.
 *
 * @module
 */

import type { Mode } from "../decision.ts";

/** The counts of one rule in a replay. */
export interface ReplayedRule {
  /** Its name. */
  rule: string;
  /** Whether it refuses. A rule in shadow mode has its counts here, and none among the refused requests of all rules. */
  mode: Mode;
  /** Requests that the rule applies to, and that no rule of an earlier stage refused. */
  asked: number;
  /** Requests that it refused; of a request that several rules refuse, each counts one. */
  refused: number;
  /** Keys that were asked about. */
  clients: number;
  /** Keys that were refused at least once. */
  refusedClients: number;
  /** The keys that were refused most often, most first. They are readable: the log is the operator's own. */
  worst: { key: string; refused: number }[];
  /** The paths where requests were refused, most first; numbers and identifiers in them are `:id`. */
  byRoute: { route: string; refused: number }[];
  /** The hours in which there were requests, in their order; `at` is the hour's start in ISO 8601. */
  byHour: { at: string; asked: number; refused: number }[];
}

/** Requests that the server itself answered with 401, 403 or 429. */
export interface ServersRefusals {
  /** The status. */
  status: number;
  /** Requests of the log with it. */
  requests: number;
  /** The part of them that the rules refuse. */
  refused: number;
  /** Addresses with such an answer. */
  clients: number;
  /** The part of these addresses of which the rules refuse a request, whatever its answer. */
  refusedClients: number;
}

/** Requests in steps of time. */
export interface RequestsOverTime {
  /** The length of a step, in ms: chosen by the length of the log. */
  stepMs: number;
  /** The steps in which there were requests, in their order; `at` is a step's start in ISO 8601. */
  steps: { at: string; asked: number; refused: number }[];
}

/** Another set of rules on the same requests. */
export interface ComparedRules {
  /** The name of the set. */
  name: string;
  /** Its own report. */
  report: ReplayReport;
  /** Requests that both sets refuse. */
  both: number;
  /** Requests that only the rules of the replay refuse. */
  onlyRules: number;
  /** Requests that only this set refuses. */
  onlyThis: number;
  /** Addresses with a request that one of both refuses and the other does not. */
  differing: number;
  /** The addresses that differ most, most first: the refused requests of each. */
  clients: { key: string; rules: number; this: number }[];
  /** The paths that differ most, most first: the refused requests of each. */
  routes: { route: string; rules: number; this: number }[];
}

/** The counts of a replay: the requests of a log that rules would have refused. It is JSON as it is; times are ISO 8601. */
export interface ReplayReport {
  /** Lines of the log; the number of requests where it is not {@link readLog} that gave them. */
  lines: number;
  /** Requests that were replayed. */
  requests: number;
  /** Lines that are no request. */
  broken: number;
  /** When the first request began; null where there is none. */
  from: string | null;
  /** When the last request began; null where there is none. */
  to: string | null;
  /** Addresses. */
  clients: number;
  /** Requests that at least one rule refused. */
  refused: number;
  /** Addresses of which at least one request was refused. */
  refusedClients: number;
  /** How the server answered the refused requests, by status. */
  refusedByStatus: Record<string, number>;
  /** The log's own answers that say that a request was unwanted, by status: 401, 403, 429. */
  serversRefusals: ServersRefusals[];
  /** Requests that no rule could be asked about, as a function of a rule threw: they are answered with an error. */
  failed: number;
  /** The addresses that were refused most often by any rule, most first. */
  worst: { key: string; requests: number; refused: number }[];
  /** All requests, and those that a rule refused, over time. */
  overTime: RequestsOverTime;
  /** The counts of each rule, in rule order. */
  rules: ReplayedRule[];
  /** The limitations of this log, in sentences. */
  limitations: string[];
  /** One for each set of rules in `compare`; absent where there is none. */
  compared?: ComparedRules[];
}
