/**
 * JSON of nginx, Apache, HAProxy, Node's loggers and others who choose their names: the usual ones are known.
 *
 * @module
 */

import { type JsonObject, numberOf, objectOf } from "./json_line.ts";
import { timeOf } from "./log_time.ts";
import { isMethod, readRequestLine, urlOf, valueOrNull } from "./scan.ts";
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
  // Their units are in DURATIONS.
  duration:
    "request_time,us,duration_us,durationUs,time_us,duration_ms,durationMs,responseTime,response_time_ms," +
    "elapsed_ms,latency_ms,request_time_ms,Ta,Tt",
} as const;

/** Ms of the unit of a duration. */
function unitOf(name: string): number {
  if (name === "request_time") return 1000;
  return /us$|Us$/.test(name) ? 0.001 : 1;
}

/** Durations whose lines have the time of the end: nginx, and Node's loggers. */
const AT_END = ["request_time", "responseTime"];

type Field = keyof typeof NAMES;
type Names = { readonly [field in Field]: string | null };

function valueAt(object: JsonObject, path: string | null): unknown {
  if (path === null) return undefined;
  if (Object.hasOwn(object, path)) return object[path];
  if (!path.includes(".")) return undefined;
  let value: unknown = object;
  for (const name of path.split(".")) value = (value as JsonObject | null | undefined)?.[name];
  return value;
}

/** Which names this log has. */
function namesIn(object: JsonObject): Names {
  return Object.fromEntries(
    Object.entries(NAMES).map(([field, names]) => {
      const found = names.split(",").find((name) => {
        const value = valueAt(object, name);
        return value !== undefined && (typeof value !== "object" || value === null);
      });
      return [field, found ?? null];
    }),
  ) as Names;
}

const textAt = (object: JsonObject, path: string | null): string => {
  const value = valueAt(object, path);
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
  let url: string | null;
  try {
    url = urlOf(encoded(whole), host);
  } catch {
    // A lone surrogate: no browser sends one, and none can be encoded.
    return false;
  }
  if (!isMethod(method) || url === null) return false;
  entry.method = method;
  entry.url = url;
  return true;
}

function readTimes(object: JsonObject, names: Names, entry: Entry): boolean {
  entry.at = timeOf(valueAt(object, names.at));
  const duration = numberOf(valueAt(object, names.duration));
  entry.durationMs = names.duration !== null && duration >= 0 ? duration * unitOf(names.duration) : -1;
  if (entry.durationMs > 0 && AT_END.includes(names.duration as string)) {
    entry.at -= Math.round(entry.durationMs);
  }
  return !Number.isNaN(entry.at);
}

function jsonReader(): LineReader {
  let names: Names | null = null;
  return (line, entry) => {
    const object = objectOf(line);
    if (object === null || typeof object !== "object") return "broken";
    if (names === null || valueAt(object, names.at) === undefined || names.status === null) {
      names = namesIn(object);
    }
    if (!readTimes(object, names, entry) || !readTarget(object, names, entry)) return "broken";
    entry.address = textAt(object, names.address);
    const status = numberOf(valueAt(object, names.status));
    entry.status = status > 0 ? status : 0;
    entry.userAgent = valueOrNull(textAt(object, names.agent));
    entry.user = valueOrNull(textAt(object, names.user));
    return "request";
  };
}

/** JSON with the usual names. */
export const json: LogFormat = { name: "json", open: jsonReader };
