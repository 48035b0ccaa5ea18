/**
 * Reads a server's rate headers: the remaining quotas, and the wait.
 *
 * @module
 */

import { type Member, membersOf } from "./fields.ts";

/** The remaining part of one quota, from a server's response. */
export interface ServerQuota {
  /** The policy's name; "" if the headers name none. */
  readonly policy: string;
  /** The partition key, unparsed; "" if the server sends none. */
  readonly partition: string;
  /** Units per window, if the server states it. */
  readonly limit: number | null;
  /** The window in ms, if the server states it. */
  readonly windowMs: number | null;
  /** Remaining units. */
  readonly remaining: number;
  /**
   * Ms until the quota is whole again (or, for a sliding quota, during which no more than `remaining` may be
   * used). Null if unknown.
   */
  readonly resetMs: number | null;
  /** The units of this request. Default 1. */
  readonly cost: number;
}

/** A server's instructions to its client. */
export interface Plan {
  /** The quotas in the response. */
  readonly quotas: readonly ServerQuota[];
  /** Ms to wait before the next request, from `retry-after-ms` or Retry-After; null without a valid one. */
  readonly waitMs: number | null;
}

/** A header or a parameter. */
type Text = string | null | undefined;

/** A number of at least 0 from a text, or from the first value of a repeated header; null for other text. */
function number(text: Text): number | null {
  const found = /^(\d{1,15}(\.\d+)?)\s*([,;]|$)/.exec(text ?? "");
  return found && +found[1];
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 6e4, h: 36e5, d: 864e5 };

/**
 * Ms from now: "30" (seconds), "1795922177" (Unix time: from 2001 on in seconds, from 1e12 on in ms), "6m0s"
 * (OpenAI), "2026-11-29T12:00:00Z" (Anthropic), "Sun, 29 Nov 2026 12:00:00 GMT" (Retry-After).
 */
function time(text: Text, now: number): number | null {
  const found = number(text) ?? NaN;
  if (found < 1e9) return found * 1000;
  if (!text || text.length > 40) return null;
  let ms = 0;
  const rest = text.replace(/(\d+(?:\.\d+)?)(ms|[smhd])/g, (_, amount, unit) => {
    ms += amount * UNITS[unit];
    return "";
  });
  if (!rest) return Math.ceil(ms);
  // A date has a time of day: engines make dates of other texts with a number in them, too. One that ends in its year, as
  // ANSI C's asctime writes it, has no zone, and engines take it for local time; in HTTP it is GMT (RFC 9110 §5.6.7).
  const at = found < 1e12
    ? found * 1000
    : found || Date.parse(/:/.test(text) ? text.replace(/ \d{4}$/, "$&Z") : "");
  // Not so of NaN.
  return at < Infinity ? Math.max(0, at - now) : null;
}

/** The separate units of OpenAI and Anthropic, "" for servers with one unit. */
const COUNTED = ["", "requests", "tokens", "input-tokens", "output-tokens"];

function quotasOf(headers: Headers, now: number): readonly ServerQuota[] {
  const found = new Map<string, ServerQuota>();
  /** Adds a quota unless it is known already: the first source is the most exact. */
  function add(
    policy: string,
    left: Text,
    resetMs: number | null,
    limit: Text,
    window: Text,
    cost?: Text,
    partition = "",
  ): void {
    const remaining = number(left);
    const key = `${policy} ${partition}`;
    if (remaining === null || found.has(key)) return;
    found.set(key, {
      policy,
      partition,
      limit: number(limit),
      windowMs: time(window, now),
      remaining,
      resetMs,
      cost: number(cost) ?? 1,
    });
  }
  const members = (name: string): readonly Member[] => membersOf(headers.get(name) ?? "");
  const states = members("ratelimit");
  const policies = members("ratelimit-policy");
  // Drafts 8 to 11 (r, t) and the text after them (a, w, c): one item per policy.
  for (const [, value, { r, t, a, w, c, pk }] of states) {
    if (value[0] !== '"') continue;
    const policy = policies.find(([, name]) => name === value)?.[2];
    add(JSON.parse(value), a ?? r, time(a ? w : t, now), policy?.q, policy?.w, c, pk);
  }
  if (!found.size) {
    const single = (policy: string, of: (part: string) => Text): void =>
      add(policy, of("remaining"), time(of("reset"), now), of("limit"), policies[0]?.[2].w);
    // Draft 7: a dictionary.
    single("", (part) => states.find(([name]) => name === part)?.[1]);
    for (const unit of COUNTED) {
      // Families of three headers, with limit, remaining or reset instead of the star.
      const families = unit
        ? [`x-ratelimit-*-${unit}`, `anthropic-ratelimit-${unit}-*`]
        : ["ratelimit-*", "x-ratelimit-*", "x-rate-limit-*"];
      for (const family of families) single(unit, (part) => headers.get(family.replace("*", part)));
    }
  }
  return [...found.values()];
}

/**
 * Reads the rate headers of a response: the IETF RateLimit fields of drafts 6, 7, 8 to 11 and of the text
 * after them, `X-RateLimit-*` with a reset in seconds or as a Unix time, OpenAI's and Anthropic's families,
 * Retry-After in seconds or as a date, and `retry-after-ms`. It ignores invalid values, and the quotas in a
 * response from a cache (`Age`), which are out of date.
 *
 * @param headers A response's headers.
 * @param now Epoch ms.
 * @returns The quotas and the wait. The function is pure.
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
  return {
    quotas: number(headers.get("age")) ? [] : quotasOf(headers, now),
    waitMs: number(headers.get("retry-after-ms")) ?? time(headers.get("retry-after"), now),
  };
}
