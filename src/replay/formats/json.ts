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
  // Their units are in DURATIONS.
  duration:
    "request_time,us,duration_us,durationUs,time_us,duration_ms,durationMs,responseTime,response_time_ms," +
    "elapsed_ms,latency_ms,request_time_ms,Ta,Tt",
} as const;

/**
 * The names of the members of a JSON log; dots lead into objects (`request.headers.x-api-key`). The usual names are known, so that
 * only others have to be given.
 */
export interface LogFields {
  /** When the request began: a number or text of s, ms, us or ns since 1970, ISO 8601, or as in the common log format. */
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
type Names = { readonly [field in Field]: string | null } & {
  /** Ms of the unit of the duration. */
  readonly unit: number;
  /** Is the time that of the end? */
  readonly isEnd: boolean;
};

/** Ms of the unit of a duration with a usual name. */
function unitOf(name: string | null): number {
  if (name === "request_time") return 1000;
  return name !== null && /us$|Us$/.test(name) ? 0.001 : 1;
}

/** Durations whose lines have the time of the end: nginx, and Node's loggers. */
const AT_END = ["request_time", "responseTime"];

function valueAt(object: JsonObject, path: string | null): unknown {
  if (path === null) return undefined;
  if (Object.hasOwn(object, path)) return object[path];
  if (!path.includes(".")) return undefined;
  let value: unknown = object;
  for (const name of path.split(".")) value = (value as JsonObject | null | undefined)?.[name];
  return value;
}

/** The first of some names that a line has. */
function nameIn(object: JsonObject, names: string): string | null {
  const found = names.split(",").find((name) => {
    const value = valueAt(object, name);
    return value !== undefined && (typeof value !== "object" || value === null);
  });
  return found ?? null;
}

/** Which names this log has: those that were given, else the usual ones. */
function namesIn(object: JsonObject, given: LogFields): Names {
  const usual = (field: Field): string | null => nameIn(object, NAMES[field]);
  const written = given.seconds ?? given.ms ?? given.us;
  const duration = written ?? usual("duration");
  const isGiven = written !== undefined;
  return {
    at: given.start ?? given.end ?? usual("at"),
    isEnd: given.start === undefined && (given.end !== undefined || AT_END.includes(duration ?? "")),
    duration,
    unit: !isGiven ? unitOf(duration) : given.seconds === written ? 1000 : given.ms === written ? 1 : 0.001,
    method: given.method ?? (given.requestLine === undefined ? usual("method") : null),
    target: given.url ?? usual("target"),
    query: given.query ?? usual("query"),
    line: given.requestLine ?? usual("line"),
    host: given.host ?? usual("host"),
    address: given.address ?? usual("address"),
    status: given.status ?? usual("status"),
    agent: given.userAgent ?? usual("agent"),
    user: given.user ?? usual("user"),
    apiKey: given.apiKey ?? usual("apiKey"),
    bytes: given.bytes ?? usual("bytes"),
  };
}

const textAt = (object: JsonObject, path: string | null): string => {
  const value = valueAt(object, path);
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value !== "-" ? value : "";
};

/** Decoded paths have letters that no request target has. */
function encoded(target: string): string {
  return /[^\x21-\x7e]/.test(target) ? encodeURI(target).replaceAll("%25", "%") : target;
}

function readTarget(object: JsonObject, names: Names, entry: Entry): boolean {
  const host = textAt(object, names.host);
  const method = textAt(object, names.method);
  const line = textAt(object, names.line);
  if (method === "") return readRequestLine(line, 0, line.length, host, entry);
  const query = textAt(object, names.query);
  const target = textAt(object, names.target);
  const isWhole = query === "" || target.includes("?");
  const whole = isWhole ? target : `${target}${query.startsWith("?") ? "" : "?"}${query}`;
  try {
    return setTarget(entry, method, encoded(whole), host);
  } catch {
    // A lone surrogate: no browser sends one, and none can be encoded.
    return false;
  }
}

function readTimes(object: JsonObject, names: Names, entry: Entry): boolean {
  entry.at = timeOf(valueAt(object, names.at));
  const duration = numberOf(valueAt(object, names.duration));
  entry.durationMs = duration >= 0 ? duration * names.unit : -1;
  if (names.isEnd) entry.at = startOf(entry.at, entry.durationMs);
  return !Number.isNaN(entry.at);
}

function jsonReader(fields: LogFields): LineReader {
  let names: Names | null = null;
  return (line, entry) => {
    const object = objectOf(line);
    if (object === null) return "broken";
    if (names === null || valueAt(object, names.at) === undefined || names.status === null) {
      names = namesIn(object, fields);
    }
    if (!readTimes(object, names, entry) || !readTarget(object, names, entry)) return "broken";
    entry.address = textAt(object, names.address);
    entry.status = statusOf(valueAt(object, names.status));
    entry.bytes = sizeOf(valueAt(object, names.bytes));
    entry.userAgent = valueOrNull(textAt(object, names.agent));
    entry.user = valueOrNull(textAt(object, names.user));
    entry.apiKey = valueOrNull(textAt(object, names.apiKey));
    return "request";
  };
}

/** JSON with the usual names, but for those that are given. */
export function jsonWith(fields: LogFields): LogFormat {
  return { name: "json", open: () => jsonReader(fields) };
}

/** JSON with the usual names. */
export const json: LogFormat = { name: "json", open: () => jsonReader({}) };
