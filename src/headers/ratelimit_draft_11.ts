/**
 * The RateLimit headers as drafts 08 to 11 write them: two lists of named policies. Section numbers are
 * those of draft-ietf-httpapi-ratelimit-headers-11.
 *
 * @module
 */

import type { Algorithm } from "../algorithms/algorithm.ts";
import { refuses, type Standing } from "../decision.ts";
import { decimal } from "./decimal.ts";
import { type HeaderFormat, headerThere, type Quota, standingOf } from "./format.ts";
import { writeItem, writeList, writeString } from "./structured_field.ts";
import { remainingUnits, seconds, waitSeconds, whole } from "./whole.ts";

/** What of a policy stays the same over its responses, as text. */
interface Told {
  readonly name: string;
  readonly limit: number;
  readonly windowMs: number;
  readonly unit: Algorithm["unit"];
  /** Its item in RateLimit-Policy. */
  readonly policy: string;
  /** Its item in RateLimit, up to the number. */
  readonly start: string;
}

function tell(quota: Quota): Told {
  const { name, limit, windowMs } = standingOf(quota);
  const { unit } = quota.algorithm;
  // Slots come back when requests end, which no window says; a window under 1 s has no `w` to say it (§3.1.3).
  const hasWindow = unit !== "concurrent-requests" && windowMs >= 1000;
  return {
    name,
    limit,
    windowMs,
    unit,
    policy: writeItem(name, {
      q: whole(limit),
      qu: unit === "requests" ? undefined : unit,
      w: hasWindow ? seconds(windowMs) : undefined,
    }),
    start: `${writeString(name)};r=`,
  };
}

/**
 * `t` (§4.1.2): seconds in which the client can use no more than `r`. For a quota that comes back bit by bit
 * that is at least the time in which `r` units come back, or "r=99;t=1" would invite more than the policy
 * grants (§6). On a refusal it is the rule's own wait, so that Retry-After is never earlier. At most `w`.
 */
function effectiveWindow(standing: Standing, gradual: boolean): number {
  const { allowed, limit, windowMs, resetAfterMs, retryAfterMs } = standing;
  const window = seconds(windowMs);
  if (!allowed) return Math.min(waitSeconds(retryAfterMs), window);
  const refillMs = gradual && limit > 0 ? remainingUnits(standing) * windowMs / limit : 0;
  return Math.min(seconds(Math.max(resetAfterMs, refillMs)), window);
}

/** The rest of a policy's item in RateLimit. */
function writeState(standing: Standing, algorithm: Algorithm): string {
  const remaining = remainingUnits(standing);
  const hopeless = !standing.allowed && !Number.isFinite(standing.retryAfterMs);
  if (hopeless || algorithm.unit === "concurrent-requests") return decimal(remaining);
  return `${decimal(remaining)};t=${decimal(effectiveWindow(standing, algorithm.gradual === true))}`;
}

/**
 * Adds to a list that may be there. What is no list of strings is replaced: no client of this draft reads it
 * (§7), and joined to it ours could not be read either (RFC 9651 §4.2).
 */
function joined(there: string | null, ours: string): string {
  return there?.startsWith('"') ? `${there}, ${ours}` : ours;
}

/** @returns The format of drafts 08 to 11. */
export function draft11(): HeaderFormat {
  // By place: the rules of most requests are the same, and a limit that is decided per request changes now and then.
  const told: Told[] = [];
  let policies = "";

  /** Is there something else to tell of this quota than was told in its place the last time? */
  function isNews({ name, limit, windowMs }: Standing, { unit }: Algorithm, place: number): boolean {
    const known = told[place];
    return known?.name !== name || known.limit !== limit || known.windowMs !== windowMs ||
      known.unit !== unit;
  }

  /** Brings `told` and `policies` up to date. */
  function recall(quotas: readonly Quota[]): void {
    let news = told.length !== quotas.length;
    for (let i = 0; i < quotas.length; i++) {
      if (!isNews(standingOf(quotas[i]), quotas[i].algorithm, i)) continue;
      told[i] = tell(quotas[i]);
      news = true;
    }
    if (!news) return;
    told.length = quotas.length;
    policies = writeList(told.map(({ policy }) => policy));
  }

  return {
    write(headers, report) {
      const { denied, quotas } = report;
      if (quotas.length === 0) return;
      recall(quotas);
      let states = "";
      for (let i = 0; i < quotas.length; i++) {
        const standing = standingOf(quotas[i]);
        if (denied && !refuses(standing)) continue;
        if (states !== "") states += ", ";
        states += told[i].start + writeState(standing, quotas[i].algorithm);
      }
      headers.set("ratelimit-policy", joined(headerThere(headers, "ratelimit-policy", report), policies));
      if (states === "") return;
      const there = headerThere(headers, "ratelimit", report);
      // Someone else's refusal names the policies that refused; a `t` of ours could outlast its Retry-After (§6).
      if (!denied && there !== null && headers.has("retry-after")) return;
      headers.set("ratelimit", joined(there, states));
    },
    describe: {
      "RateLimit-Policy": {
        description:
          "Lists all rate limiting policies that apply: the quota q of each and its window w in seconds.",
        on: "every",
        example: '"burst";q=10;w=1, "daily";q=1000;w=86400',
      },
      "RateLimit": {
        description:
          "Current rate limiting state: by policy the quota r that is left and the seconds t that it must last.",
        on: "every",
        example: '"burst";r=9;t=1, "daily";r=873;t=75428',
      },
    },
  };
}
