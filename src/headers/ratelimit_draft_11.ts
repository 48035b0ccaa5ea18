/**
 * The RateLimit headers as drafts 08 to 11 and the text after them write them: lists of named policies. Section numbers are
 * those of draft-ietf-httpapi-ratelimit-headers-11.
 *
 * @module
 */

import {
  fieldThere,
  type HeaderDescription,
  type HeaderFormat,
  type HeadersThere,
  NO_FIELDS,
  type Quota,
  type Report,
} from "./format.ts";
import { type ListMember, membersOf } from "./list_members.ts";
import { writePartition } from "./partition.ts";
import { type Dialect, DRAFT_11, NEXT, writeParameters } from "./ratelimit_dialect.ts";
import { writeItem, writeList, writeString } from "./structured_field.ts";
import { remainingUnits, seconds, waitSeconds, whole } from "./numbers.ts";

/** The part of a policy that stays the same over its responses, as text. */
interface PolicyTexts {
  readonly name: string;
  readonly limit: number;
  readonly windowMs: number;
  readonly unit: Quota["unit"];
  /** Its item in RateLimit-Policy. */
  readonly policy: string;
  /** Its name as an item of RateLimit. */
  readonly start: string;
  readonly dimensions: Quota["dimensions"];
  /** Its item in RateLimit-Partition; "" for none. */
  readonly partition: string;
}

function textsOf(quota: Quota): PolicyTexts {
  const { name, limit, windowMs, unit, dimensions } = quota;
  // Slots come back when requests end, which no window shows; a window under 1 s has no `w` (§3.1.3).
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
    start: writeString(name),
    dimensions,
    partition: writePartition(name, dimensions),
  };
}

/**
 * `t` (§4.1.2): seconds in which the client can use no more than `r`, at most `w`. For a quota that comes back bit by bit
 * that is at least the time in which `r` units come back, or "r=99;t=1" would invite more than the policy
 * grants (§6). On a refusal it is the rule's own wait, so that Retry-After is never earlier. Undefined for slots, and where
 * waiting cannot help.
 */
function effectiveWindow(quota: Quota): number | undefined {
  const { allowed, limit, windowMs, unit, resetAfterMs, retryAfterMs, refillsGradually } = quota;
  if (unit === "concurrent-requests" || (!allowed && !Number.isFinite(retryAfterMs))) return undefined;
  const window = seconds(windowMs);
  if (!allowed) return Math.min(waitSeconds(retryAfterMs), window);
  const refillMs = refillsGradually === true && limit > 0 ? remainingUnits(quota) * windowMs / limit : 0;
  return Math.min(seconds(Math.max(resetAfterMs, refillMs)), window);
}

/** The parameters of a policy's item in RateLimit. */
function writeState(dialects: readonly Dialect[], quota: Quota): string {
  return writeParameters(dialects, remainingUnits(quota), effectiveWindow(quota), quota.cost);
}

const NO_MEMBERS: readonly ListMember[] = [];

/** A string that ends, without its contents, and parameters behind it or nothing. */
const STRING = /^\s*""(?:;|\s*$)/;

/**
 * The members of a list that may be there. A field that is no list of strings counts as nothing: no client of this draft reads it
 * (§7), and joined to it ours could not be read either (RFC 9651 §4.2).
 */
function listThere(there: HeadersThere, name: string): readonly ListMember[] {
  const field = fieldThere(there, name);
  if (field === null) return NO_MEMBERS;
  const members = membersOf(field);
  return members.every(({ bare }) => STRING.test(bare)) ? members : NO_MEMBERS;
}

/** Adds members to those that are there; one that is there already, from the same rule within, is not written twice. */
function joinMembers(there: readonly ListMember[], ours: readonly string[]): string {
  const texts = there.map(({ text }) => text);
  return writeList([...texts, ...ours.filter((member) => !texts.includes(member))]);
}

/**
 * The dialects that the members are written in. A reader of one drops a field that has an item without its number, so ours
 * beside it has the number of each.
 */
function dialectsIn(there: readonly ListMember[]): readonly Dialect[] {
  return [DRAFT_11, NEXT].filter(({ reads }) => there.some(({ bare }) => reads.test(bare)));
}

/** The index of the state of a policy, whose name is written as `start`, among the members that are there; -1 where it is not. */
function indexIn(there: readonly ListMember[], start: string): number {
  return there.findIndex(({ text }) => text.startsWith(start) && /^\s*(;|$)/.test(text.slice(start.length)));
}

/** Does the member report no more units left than this quota? */
function reportsNoMore({ bare }: ListMember, than: Quota): boolean {
  const [, left] = DRAFT_11.reads.exec(bare) ?? NEXT.reads.exec(bare) ?? [];
  return than.allowed && left !== undefined && Number(left) <= remainingUnits(than);
}

/** The descriptions of the fields, by dialect. */
function describe(dialects: readonly Dialect[]): Readonly<Record<string, HeaderDescription>> {
  const [{ left, window }] = dialects;
  const state = (quota: number, reset: number): string => writeParameters(dialects, quota, reset, 1);
  const partition: HeaderDescription = {
    description:
      "Lists what divides a policy's quota among clients: user_id, client_id, or method for one method's policy.",
    on: "every",
    optional: true,
    example: '"daily";user_id',
  };
  return {
    "RateLimit-Policy": {
      description:
        "Lists all rate limiting policies that apply: the quota q of each and its window w in seconds.",
      on: "every",
      example: '"burst";q=10;w=1, "daily";q=1000;w=86400',
    },
    "RateLimit": {
      description: `Current rate limiting state: by policy the quota ${
        left[1]
      } that is left and the seconds ${window[1]} that it must last.`,
      on: "every",
      example: `"burst"${state(9, 1)}, "daily"${state(873, 75428)}`,
    },
    ...dialects.includes(NEXT) ? { "RateLimit-Partition": partition } : {},
  };
}

/** Does this quota differ from the one that these texts were made of? */
function isNew({ name, limit, windowMs, unit, dimensions }: Quota, known: PolicyTexts | undefined): boolean {
  return known?.name !== name || known.limit !== limit || known.windowMs !== windowMs ||
    known.unit !== unit || known.dimensions !== dimensions;
}

/**
 * The texts of the policies that were written last, by index: the rules of most requests are the same, and a limit that is
 * decided per request changes now and then.
 */
class LastPolicies {
  readonly texts: PolicyTexts[] = [];
  /** RateLimit-Policy. */
  policies = "";
  /** The members of RateLimit-Partition. */
  partitions: readonly string[] = [];

  /** Brings the texts up to date. */
  recall(quotas: readonly Quota[]): void {
    const { texts } = this;
    let isChanged = texts.length !== quotas.length;
    for (let i = 0; i < quotas.length; i++) {
      if (!isNew(quotas[i], texts[i])) continue;
      texts[i] = textsOf(quotas[i]);
      isChanged = true;
    }
    if (!isChanged) return;
    texts.length = quotas.length;
    this.policies = writeList(texts.map(({ policy }) => policy));
    this.partitions = texts.flatMap(({ partition }) => partition || []);
  }
}

/** The members of RateLimit: on a denial those of the refusing policies. */
function writeStates(
  dialects: readonly Dialect[],
  texts: readonly PolicyTexts[],
  { denied, quotas }: Report,
): string {
  let states = "";
  for (let i = 0; i < quotas.length; i++) {
    const quota = quotas[i];
    if (denied && quota.allowed) continue;
    if (states !== "") states += ", ";
    states += texts[i].start + writeState(dialects, quota);
  }
  return states;
}

/**
 * Adds the members of RateLimit to those that are there. Of a policy that was decided within as well, as by one throttle around
 * another use of itself, the tighter state stays.
 */
function joinStates(
  dialects: readonly Dialect[],
  texts: readonly PolicyTexts[],
  { denied, quotas }: Report,
  there: readonly ListMember[],
  policiesThere: readonly ListMember[],
): string {
  const states = there.map(({ text }) => text);
  const found = dialectsIn(there);
  quotas.forEach((quota, i) => {
    if (denied && quota.allowed) return;
    const isKnown = policiesThere.some(({ text }) => text === texts[i].policy);
    const index = isKnown ? indexIn(there, texts[i].start) : -1;
    if (index >= 0 && reportsNoMore(there[index], quota)) return;
    const state = texts[i].start + writeState(found.length === 0 ? dialects : found, quota);
    if (index >= 0) states[index] = state;
    else states.push(state);
  });
  return writeList(states);
}

/**
 * @param dialects The dialects that are written where no field is there yet; with {@link NEXT} RateLimit-Partition too.
 * @returns The format of the lists.
 */
export function lists(...dialects: readonly Dialect[]): HeaderFormat {
  const last = new LastPolicies();
  const { texts } = last;
  return {
    fields(report, there) {
      const { denied, quotas, deniedWithin } = report;
      if (quotas.length === 0) return NO_FIELDS;
      last.recall(quotas);
      const policiesThere = listThere(there, "ratelimit-policy");
      const fields: Record<string, string> = {
        "ratelimit-policy": policiesThere.length === 0
          ? last.policies
          : joinMembers(policiesThere, texts.map(({ policy }) => policy)),
      };
      if (last.partitions.length > 0 && dialects.includes(NEXT)) {
        fields["ratelimit-partition"] = joinMembers(
          listThere(there, "ratelimit-partition"),
          last.partitions,
        );
      }
      // Someone else's refusal names the policies that refused; a `t` of ours could outlast its Retry-After (§6).
      const statesThere = listThere(there, "ratelimit");
      if (!denied && (deniedWithin || (statesThere.length > 0 && there.has("retry-after")))) return fields;
      const states = statesThere.length === 0
        ? writeStates(dialects, texts, report)
        : joinStates(dialects, texts, report, statesThere, policiesThere);
      if (states !== "") fields.ratelimit = states;
      return fields;
    },
    describe: describe(dialects),
  };
}
