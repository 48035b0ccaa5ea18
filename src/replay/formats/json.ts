/**
 * JSON of nginx, Apache, HAProxy, Node's loggers and others who choose their names: the usual ones are known.
 *
 * @module
 */

import { type Demands, TEXT } from "../../options.ts";
import { type JsonObject, numberOf, objectOf, statusOf } from "./json_line.ts";
import { startOf, timeOf } from "./log_time.ts";
import { readRequestLine, setTarget, sizeOf, valueOrNull } from "./scan.ts";
import type { Entry, LineReader, LogFormat } from "./format.ts";

/** The names of each field, the most exact first. A dot stands between an object and its member. */
const NAMES = {
  // Names of a start before names that may be an end.
  at: [
    "accept_ms,accept_date,start_time,startTime,start,begin,request_time_start,msec,time_msec,timestamp_ms",
    "time,timestamp,@timestamp,ts,time_iso8601,datetime,date,time_local,at,t",
  ].join(),
  method: "method,request_method,requestMethod,verb,http_method,req.method,request.method,http.method," +
    "httpRequest.requestMethod",
  target:
    "uri,request_uri,requestUri,req.url,request.url,request.uri,url,target,http.url,httpRequest.requestUrl," +
    "path,request_path,http.path",
  query: "query,query_string,args,qs",
  line: "request,request_line,requestLine,r",
  host: "host,http_host,server_name,vhost,virtual_host,hostname,req.headers.host,request.host",
  address:
    "client_ip,clientIp,remote_addr,remoteAddr,remote_ip,remoteIp,client,clientip,client_addr,remote_host,ip," +
    "address,req.remoteAddress,request.remote_ip,req.ip,http.client_ip,httpRequest.remoteIp,source_ip,src_ip,src",
  status:
    "status,status_code,statusCode,response_code,response_status,res.statusCode,response.status,http_status," +
    "http.status_code,httpRequest.status,code",
  agent: "user_agent,userAgent,http_user_agent,ua,agent,req.headers.user-agent,request.headers.user-agent," +
    "httpRequest.userAgent,useragent",
  user: "remote_user,user,user_id,userId,username,auth_user",
  apiKey:
    "api_key,apiKey,x_api_key,http_x_api_key,x-api-key,req.headers.x-api-key,request.headers.x-api-key," +
    "headers.x-api-key",
  bytes:
    "bytes,bytes_sent,body_bytes_sent,size,response_size,responseSize,response_length,bytes_out,content_length," +
    "res.headers.content-length,httpRequest.responseSize",
  // Their units are those of `unitOf`.
  duration:
    "request_time,us,duration_us,durationUs,time_us,duration_ms,durationMs,responseTime,response_time_ms," +
    "elapsed_ms,latency_ms,request_time_ms,Ta,Tt",
} as const;

/**
 * The names of the members of a JSON log; dots lead into objects (`request.headers.x-api-key`). The usual names are known, so that
 * only others have to be given.
 */
export interface LogFields {
  /**
   * When the request began: a number or text of s, ms, us or ns since 1970, ISO 8601, or as in the common log format;
   * UTC without a zone.
   */
  start?: string;
  /** When the request ended, in the same forms. The duration is taken off. */
  end?: string;
  /** The method. */
  method?: string;
  /** The target of the request: a path with its query, or a whole URL. */
  url?: string;
  /** The query, where it stands apart. */
  query?: string;
  /** The request line, where the method does not stand apart: `GET / HTTP/1.1`. */
  requestLine?: string;
  /** The host that was asked for. */
  host?: string;
  /** The client's address. */
  address?: string;
  /** The status of the response. */
  status?: string;
  /** The size of the response, in bytes. */
  bytes?: string;
  /** The duration, in seconds. */
  seconds?: string;
  /** The duration, in ms. */
  ms?: string;
  /** The duration, in microseconds. */
  us?: string;
  /** The `User-Agent` header. */
  userAgent?: string;
  /** The user's name or id. */
  user?: string;
  /** The API key. */
  apiKey?: string;
}

/** The demands on {@link LogFields}. */
export const LOG_FIELDS: Demands<LogFields> = {
  ...{ start: TEXT, end: TEXT, method: TEXT, url: TEXT, query: TEXT, requestLine: TEXT, host: TEXT },
  ...{ address: TEXT, status: TEXT, bytes: TEXT, seconds: TEXT, ms: TEXT, us: TEXT },
  ...{ userAgent: TEXT, user: TEXT, apiKey: TEXT },
};

/** The parts of a line for which there are names. */
type Field = keyof typeof NAMES;
const FIELDS = /* @__PURE__ */ Object.keys(NAMES) as Field[];

/** The name of a member, and the names that lead to it where a dot stands in it. */
interface Path {
  readonly name: string;
  readonly steps: readonly string[];
}

/** The member of each part; null where no request so far has had one. */
type Paths = Record<Field, Path | null>;

function pathOf(name: string): Path {
  return { name, steps: name.split(".") };
}

function valueAt(object: JsonObject, path: Path | null): unknown {
  if (path === null) return undefined;
  const { name, steps } = path;
  if (Object.hasOwn(object, name)) return object[name];
  if (steps.length === 1) return undefined;
  let value: unknown = object;
  for (const step of steps) value = (value as JsonObject | null | undefined)?.[step];
  return value;
}

/** The members that were given. */
function givenPaths(given: LogFields): Paths {
  const names: Record<Field, string | undefined> = {
    at: given.start ?? given.end,
    method: given.method,
    target: given.url,
    query: given.query,
    line: given.requestLine,
    host: given.host,
    address: given.address,
    status: given.status,
    agent: given.userAgent,
    user: given.user,
    apiKey: given.apiKey,
    bytes: given.bytes,
    duration: given.seconds ?? given.ms ?? given.us,
  };
  const paths = {} as Paths;
  for (const field of FIELDS) paths[field] = names[field] === undefined ? null : pathOf(names[field]);
  return paths;
}

/** Durations whose lines have the time of the end: nginx, and Node's loggers. */
const AT_END = ["request_time", "responseTime"];

/** Ms of the unit of a duration. */
function unitOf(name: string, { seconds, ms, us }: LogFields): number {
  if (seconds !== undefined) return 1000;
  if (ms !== undefined) return 1;
  if (us !== undefined) return 0.001;
  return name === "request_time" ? 1000 : /us$|Us$/.test(name) ? 0.001 : 1;
}

const textAt = (object: JsonObject, path: Path | null): string => {
  const value = valueAt(object, path);
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value !== "-" ? value : "";
};

/** Decoded paths have letters that no request target has. */
function encoded(target: string): string {
  return /[^\x21-\x7e]/.test(target) ? encodeURI(target).replaceAll("%25", "%") : target;
}

function readTarget(object: JsonObject, paths: Paths, entry: Entry): boolean {
  const host = textAt(object, paths.host);
  const method = textAt(object, paths.method);
  const line = textAt(object, paths.line);
  if (method === "") return readRequestLine(line, 0, line.length, host, entry);
  const query = textAt(object, paths.query);
  const target = textAt(object, paths.target);
  const isWhole = query === "" || target.includes("?");
  const whole = isWhole ? target : `${target}${query.startsWith("?") ? "" : "?"}${query}`;
  try {
    return setTarget(entry, method, encoded(whole), host);
  } catch {
    // A lone surrogate: no browser sends one, and none can be encoded.
    return false;
  }
}

type Candidates = readonly (readonly [Field, readonly Path[]])[];

/** The members of a log that are known, and the parts that have none yet. */
interface Known {
  readonly paths: Paths;
  /** The parts without a member, and their usual ones. */
  readonly unknown: Candidates;
  /** The names at which those begin. Few lines have one, and those names alone are looked for in each line. */
  readonly names: ReadonlySet<string>;
}

function knownOf(paths: Paths, candidates: Candidates): Known {
  const unknown = candidates.filter(([field]) => paths[field] === null);
  const names = unknown.flatMap(([, each]) => each.flatMap(({ name, steps }) => [name, steps[0]]));
  return { paths, unknown, names: new Set(names) };
}

function hasUnknown(object: JsonObject, { names }: Known): boolean {
  for (const name in object) if (names.has(name)) return true;
  return false;
}

/** Adds the members that no request before had: the first one may have no user, no API key and no agent. */
function withFound(object: JsonObject, before: Known): Known {
  if (!hasUnknown(object, before)) return before;
  let paths = before.paths;
  for (const [field, candidates] of before.unknown) {
    const path = candidates.find((candidate) => {
      const value = valueAt(object, candidate);
      return value !== undefined && (typeof value !== "object" || value === null);
    });
    if (path !== undefined) paths = { ...paths, [field]: path };
  }
  return paths === before.paths ? before : knownOf(paths, before.unknown);
}

function readTimes(object: JsonObject, paths: Paths, entry: Entry, given: LogFields): boolean {
  entry.at = timeOf(valueAt(object, paths.at));
  entry.durationMs = -1;
  if (paths.duration !== null) {
    const { name } = paths.duration;
    const duration = numberOf(valueAt(object, paths.duration));
    if (duration >= 0) entry.durationMs = duration * unitOf(name, given);
    const isEnd = given.start === undefined && (given.end !== undefined || AT_END.includes(name));
    if (isEnd) entry.at = startOf(entry.at, entry.durationMs);
  }
  return !Number.isNaN(entry.at);
}

function jsonReader(given: LogFields): LineReader {
  const usual = FIELDS.map((field) => [field, NAMES[field].split(",").map(pathOf)] as const)
    // A request line that is named has the method.
    .filter(([field]) => field !== "method" || given.requestLine === undefined);
  const ofGiven = knownOf(givenPaths(given), usual);
  /** The members of the requests so far. */
  let known = ofGiven;

  const isRequest = (object: JsonObject, paths: Paths, entry: Entry): boolean =>
    readTimes(object, paths, entry, given) && readTarget(object, paths, entry);

  return (line, entry) => {
    const object = objectOf(line);
    if (object === null) return "broken";
    let found = withFound(object, known);
    if (!isRequest(object, found.paths, entry)) {
      // Other programs, which have other names, may write into the same log.
      found = withFound(object, ofGiven);
      if (!isRequest(object, found.paths, entry)) return "broken";
    }
    known = found;
    const { paths } = found;
    entry.address = textAt(object, paths.address);
    entry.status = statusOf(valueAt(object, paths.status));
    entry.bytes = sizeOf(valueAt(object, paths.bytes));
    entry.userAgent = valueOrNull(textAt(object, paths.agent));
    entry.user = valueOrNull(textAt(object, paths.user));
    entry.apiKey = valueOrNull(textAt(object, paths.apiKey));
    return "request";
  };
}

/** JSON with the usual names, but for those that are given. */
export function jsonWith(fields: LogFields): LogFormat {
  return { name: "json", open: () => jsonReader(fields) };
}

/** JSON with the usual names. */
export const json: LogFormat = /* @__PURE__ */ jsonWith({});
