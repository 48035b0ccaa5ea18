/**
 * The RateLimit headers as drafts 08 to 11 write them: two lists of named policies. Section numbers are
 * those of draft-ietf-httpapi-ratelimit-headers-11.
 *
 * @module
 */

import type { Algorithm } from "../algorithms/algorithm.ts";
import { refuses, type Standing } from "../decision.ts";
import { decimal } from "./decimal.ts";
import { type HeaderFormat, headerThere, type Quota, type Report, standingOf } from "./format.ts";
import { type ListMember, membersOf } from "./list_members.ts";
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

/** `t`, where there is such a time: none for slots, nor where waiting cannot help. */
function windowOf(standing: Standing, algorithm: Algorithm): number | undefined {
  const hopeless = !standing.allowed && !Number.isFinite(standing.retryAfterMs);
  if (hopeless || algorithm.unit === "concurrent-requests") return undefined;
  return effectiveWindow(standing, algorithm.gradual === true);
}

/** The rest of a policy's item in RateLimit. */
function writeState(standing: Standing, algorithm: Algorithm): string {
  const remaining = decimal(remainingUnits(standing));
  const window = windowOf(standing, algorithm);
  return window === undefined ? remaining : `${remaining};t=${decimal(window)}`;
}

/**
 * The members of a list that may be there. What is no list of strings counts as nothing: no client of this draft reads it
 * (§7), and joined to it ours could not be read either (RFC 9651 §4.2).
 */
function listThere(headers: Headers, name: string, report: Report): readonly ListMember[] {
  const there = headerThere(headers, name, report);
  return there?.startsWith('"') ? membersOf(there) : [];
}

/** Adds policies to those that are there; one that is there already, from the same rule within, is not said twice. */
function joinPolicies(there: readonly ListMember[], ours: readonly Told[]): string {
  const texts = there.map(({ text }) => text);
  return writeList([
    ...texts,
    ...ours.map(({ policy }) => policy).filter((policy) => !texts.includes(policy)),
  ]);
}

/** The parameters that say what is left, in this draft (`r`) and in the text after it (`a`). */
const LEFT = { r: /;\s*r=(\d+)/, a: /;\s*a=(\d+)/ };

/**
 * A policy's item beside what is there. A reader of a draft drops a field that has an item without that draft's number, so ours
 * has the number of each draft that is spoken there: `r` and `t`, or `a` and `w` of the text after draft 11, or both.
 */
function writeBeside(there: readonly ListMember[], standing: Standing, algorithm: Algorithm): string {
  const left = remainingUnits(standing);
  const window = windowOf(standing, algorithm);
  const speaksNext = there.some(({ bare }) => LEFT.a.test(bare));
  const speaksThis = !speaksNext || there.some(({ bare }) => LEFT.r.test(bare));
  return writeItem(standing.name, {
    ...speaksThis ? { r: left, t: window } : {},
    ...speaksNext ? { a: left, w: window } : {},
  });
}

/** Where the state of a policy is among what is there; -1 where it is not. */
function placeOf(there: readonly ListMember[], name: string): number {
  const start = writeString(name);
  return there.findIndex(({ text }) => text.startsWith(start) && /^\s*(;|$)/.test(text.slice(start.length)));
}

/** Does the member say that no more is left than this? */
function saysNoMore({ bare }: ListMember, than: Standing): boolean {
  const [, left] = LEFT.r.exec(bare) ?? LEFT.a.exec(bare) ?? [];
  return than.allowed && left !== undefined && Number(left) <= remainingUnits(than);
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

  function statesOf({ denied, quotas }: Report): string {
    let states = "";
    for (let i = 0; i < quotas.length; i++) {
      const standing = standingOf(quotas[i]);
      if (denied && !refuses(standing)) continue;
      if (states !== "") states += ", ";
      states += told[i].start + writeState(standing, quotas[i].algorithm);
    }
    return states;
  }

  /** Of a policy that was decided within as well, as by one throttle around another use of itself, the tighter state stays. */
  function joinStates(
    there: readonly ListMember[],
    policiesThere: readonly ListMember[],
    { denied, quotas }: Report,
  ): string {
    const states = there.map(({ text }) => text);
    quotas.forEach((quota, i) => {
      const standing = standingOf(quota);
      if (denied && !refuses(standing)) return;
      const isKnown = policiesThere.some(({ text }) => text === told[i].policy);
      const place = isKnown ? placeOf(there, standing.name) : -1;
      if (place >= 0 && saysNoMore(there[place], standing)) return;
      const state = writeBeside(there, standing, quota.algorithm);
      if (place >= 0) states[place] = state;
      else states.push(state);
    });
    return writeList(states);
  }

  return {
    write(headers, report) {
      const { denied, quotas, deniedWithin } = report;
      if (quotas.length === 0) return;
      recall(quotas);
      const policiesThere = listThere(headers, "ratelimit-policy", report);
      headers.set(
        "ratelimit-policy",
        policiesThere.length === 0 ? policies : joinPolicies(policiesThere, told),
      );
      // Someone else's refusal names the policies that refused; a `t` of ours could outlast its Retry-After (§6).
      const there = listThere(headers, "ratelimit", report);
      if (!denied && (deniedWithin || (there.length > 0 && headers.has("retry-after")))) return;
      const states = there.length === 0 ? statesOf(report) : joinStates(there, policiesThere, report);
      if (states !== "") headers.set("ratelimit", states);
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
