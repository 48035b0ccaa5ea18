/**
 * A server's rate headers, read: how much of which quota is left, and how long to wait.
 *
 * @module
 */

import { type Member, membersOf } from "./fields.ts";

/** What is left of one quota, as a server's answer says it. */
export interface ServerQuota {
  /** The policy's name; "" where the headers name none. */
  readonly policy: string;
  /** The partition key, as text; "" where the server sends none. */
  readonly partition: string;
  /** Units per window, where the server says it. */
  readonly limit: number | null;
  /** The window in ms, where the server says it. */
  readonly windowMs: number | null;
  /** Units left. */
  readonly remaining: number;
  /** Ms until the quota is whole again (or, of a sliding quota, until which no more than `remaining` may be used). Null where unknown. */
  readonly resetMs: number | null;
  /** Units that this request took. Default 1. */
  readonly cost: number;
}

/** What a server's answer asks of its client. */
export interface Plan {
  /** The quotas that the answer tells of. */
  readonly quotas: readonly ServerQuota[];
  /** Ms to wait before the next request, by `retry-after-ms` or Retry-After; null where neither can be read. */
  readonly waitMs: number | null;
}

/** A time below this is a number of seconds from now; from here on it is one since 1970 (2001-09-09). */
const FIRST_EPOCH = 1e9;
/** From here on it is in ms. */
const FIRST_EPOCH_MS = 1e12;

/** A whole number of at least 0, or null. */
function count(text: unknown): number | null {
  const number = typeof text === "string" && /^\s*\d{1,15}(?:\s*$|\s*[,;])/.test(text)
    ? parseInt(text, 10)
    : text;
  return typeof number === "number" && Number.isSafeInteger(number) && number >= 0 ? number : null;
}

function seconds(value: unknown): number | null {
  const number = count(value);
  return number === null ? null : number * 1000;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Ms from now: "30", "1795922177" (Unix time), "6m0s" (OpenAI), "2026-11-29T12:00:00Z" (Anthropic). */
function resetMs(text: string | null, now: number): number | null {
  const number = count(text);
  if (number !== null) {
    if (number < FIRST_EPOCH) return number * 1000;
    return Math.max(0, (number < FIRST_EPOCH_MS ? number * 1000 : number) - now);
  }
  if (text === null || text.length > 40) return null;
  if (/^(?:\d{1,9}(?:\.\d{1,9})?(?:ms|[smhd]))+$/.test(text)) {
    let ms = 0;
    for (const [, amount, unit] of text.matchAll(/([\d.]+)(ms|[smhd])/g)) ms += Number(amount) * UNITS[unit];
    return Math.ceil(ms);
  }
  const date = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

/** Drafts 8 to 11 (`r`, `t`) and the next text (`a`, `w`, `c`): one item per policy. */
function listed(members: readonly Member[], policies: ReadonlyMap<unknown, Member>): ServerQuota[] {
  return members.flatMap(({ value, parameters: { r, t, a, w, c, pk } }) => {
    const remaining = count(a ?? r);
    if (typeof value !== "string" || remaining === null) return [];
    const { q, w: window } = policies.get(value)?.parameters ?? {};
    return {
      policy: value,
      partition: typeof pk === "string" ? pk : "",
      limit: count(q),
      windowMs: seconds(window),
      remaining,
      resetMs: seconds(a === undefined ? t : w),
      cost: count(c) ?? 1,
    };
  });
}

/** Draft 7: one dictionary. */
function dictionary(members: readonly Member[], policies: readonly Member[]): ServerQuota[] {
  const of = (key: string): number | null => count(members.find((member) => member.key === key)?.value);
  return single(of("limit"), of("remaining"), seconds(of("reset")), seconds(policies[0]?.parameters.w));
}

function single(
  limit: number | null,
  remaining: number | null,
  resetMs: number | null,
  windowMs: number | null = null,
  policy = "",
): ServerQuota[] {
  return remaining === null ? [] : [{ policy, partition: "", limit, windowMs, remaining, resetMs, cost: 1 }];
}

/** The families of three headers: how the name of each is made of limit, remaining or reset, and the policy's name. */
const FAMILIES: readonly (readonly [name: (part: string) => string, policy: string])[] = [
  [(part) => `ratelimit-${part}`, ""],
  [(part) => `x-ratelimit-${part}`, ""],
  [(part) => `x-rate-limit-${part}`, ""],
  ...["requests", "tokens"].flatMap((unit) =>
    [
      [(part: string) => `x-ratelimit-${part}-${unit}`, unit],
      [(part: string) => `anthropic-ratelimit-${unit}-${part}`, unit],
    ] as const
  ),
];

function quotasOf(headers: Headers, now: number): readonly ServerQuota[] {
  const rateLimit = membersOf(headers.get("ratelimit"));
  const policies = membersOf(headers.get("ratelimit-policy"));
  const standard = rateLimit.some(({ key }) => key !== undefined)
    ? dictionary(rateLimit, policies)
    : listed(rateLimit, new Map(policies.map((policy) => [policy.value, policy])));
  if (standard.length > 0) return standard;
  const found = FAMILIES.flatMap(([name, policy]) =>
    single(
      count(headers.get(name("limit"))),
      count(headers.get(name("remaining"))),
      resetMs(headers.get(name("reset")), now),
      null,
      policy,
    )
  );
  // Two families with one policy say the same twice.
  return found.filter(({ policy }, i) => found.findIndex((other) => other.policy === policy) === i);
}

function waitMs(headers: Headers, now: number): number | null {
  const ms = Number(headers.get("retry-after-ms") ?? NaN);
  if (ms >= 0 && ms < Infinity) return Math.ceil(ms);
  const text = headers.get("retry-after")?.trim() ?? "";
  if (/^\d{1,12}$/.test(text)) return Number(text) * 1000;
  // An HTTP-date begins with the day's name (RFC 9110 section 5.6.7).
  const date = /^[A-Z][a-z]{2,8},? /.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

/**
 * Reads the rate headers of a response: the IETF RateLimit fields of drafts 6, 7, 8 to 11 and of the text after them,
 * `X-RateLimit-*` whose reset is a number of seconds or a Unix time, OpenAI's and Anthropic's families, Retry-After in
 * seconds or as a date, and `retry-after-ms`. A value that cannot be read is ignored.
 *
 * @param headers A response's headers.
 * @param now Epoch ms.
 * @returns The quotas and the wait. It keeps and changes nothing.
 *
 * @example
 * ```ts
 * import { plan } from "@weir/throttle/client";
 * import { equal } from "node:assert/strict";
 *
 * const headers = new Headers({ "x-ratelimit-remaining": "3", "x-ratelimit-reset": "60" });
 * const { quotas } = plan(headers, Date.now());
 * equal(quotas[0].remaining, 3);
 * equal(quotas[0].resetMs, 60_000);
 * ```
 */
export function plan(headers: Headers, now: number): Plan {
  return { quotas: quotasOf(headers, now), waitMs: waitMs(headers, now) };
}
