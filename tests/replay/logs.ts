/** Access logs for tests. */
import { readFileSync } from "node:fs";
import type { LoggedRequest, LoggedRequests, LogSource } from "../../src/replay/mod.ts";

/** A log as chunks of a size that cuts lines and characters in two. */
export async function* chunksOf(data: string | Uint8Array, size = 1000): LogSource {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  for (let i = 0; i < bytes.length; i += size) yield await Promise.resolve(bytes.subarray(i, i + size));
}

/** A log that one of Debian's servers wrote. */
export function debianLog(name: string): LogSource {
  return chunksOf(readFileSync(`tests/replay/logs/${name}.log`));
}

export async function listOf(requests: LoggedRequests): Promise<LoggedRequest[]> {
  const list: LoggedRequest[] = [];
  for await (const request of requests) list.push(request);
  return list;
}
