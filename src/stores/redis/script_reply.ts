/**
 * The reply of the script: the time and, for each check, what its decision follows from.
 *
 * @module
 */

import { cannot } from "../../cannot.ts";
import { type ChargedDecision, refuserOf } from "../../decision.ts";
import { RuleError } from "../rule_error.ts";
import { type Check, decisionOf } from "../store.ts";
import type { ScriptQuestion } from "./script.ts";
import { SEPARATOR } from "./script_lua.ts";

/** The integers in a part: of a packed state after its form, or of a decision. Those of a fixed window have no blank between. */
function integersIn(part: string, size: number | undefined): readonly number[] | null {
  const words = part.includes(" ") ? part.split(" ").slice(1) : [part.slice(0, 13), part.slice(13) || "none"];
  const integers = words.map(Number);
  return integers.length === size && integers.every(Number.isSafeInteger) ? integers : null;
}

/** Was the step taken on Redis? */
const isTaken = (part: string): boolean => /^: [01] /.test(part);

/** A step that was taken on Redis. */
function takenStep([allowed, remaining, reset, retry, at, blockedMs]: readonly number[]) {
  return {
    ...{ allowed: allowed === 1, remaining, at, blockedMs },
    resetAfterMs: reset < 0 ? Infinity : reset,
    retryAfterMs: retry < 0 ? Infinity : retry,
  };
}

/** The error that stands for a decision; null where it has none. */
function errorIn(checks: readonly Check[], part: string, first: number): Error | null {
  const [, number, problem] = /^!(\d+) ([^]*)$/.exec(part) ?? [];
  const failed = checks[Number(number) - 1 - first];
  return failed === undefined ? null : new RuleError(failed.policy.name, problem);
}

/**
 * Decides as the script did.
 *
 * @returns Null where a part cannot be read.
 */
function decisionsOf(
  { checks, spend }: ScriptQuestion,
  parts: readonly string[],
  now: number,
): readonly ChargedDecision[] | null {
  const states = checks.map(({ algorithm: { stateSize } }, i) =>
    parts[i] && integersIn(parts[i], isTaken(parts[i]) ? 6 : stateSize)
  );
  if (parts.length < checks.length || states.includes(null)) return null;
  const stepOf = (i: number, cost: number, since: number | null) => {
    const { algorithm, policy } = checks[i];
    return isTaken(parts[i])
      ? takenStep(states[i] as number[])
      : algorithm.step(states[i] || null, policy, now, cost, since);
  };
  const steps = checks.map(({ cost, since }, i) => stepOf(i, cost, since));
  const refuser = refuserOf(
    checks.map(({ policy: { name, mode } }, i) => ({ rule: name, mode, allowed: steps[i].allowed })),
  );
  return checks.map((check, i) => {
    const { allowed, retryAfterMs, blockedMs, at: chargedAt = now } = steps[i];
    const isKept = !allowed || spend && (refuser === undefined || refuser === check.policy.trialOf);
    const { remaining, resetAfterMs } = isKept ? steps[i] : stepOf(i, 0, null);
    return decisionOf(check, { allowed, remaining, resetAfterMs, retryAfterMs, blockedMs, chargedAt }, now);
  });
}

/**
 * The answer to each question in a reply: its decisions, or the error of a twin.
 *
 * @param questions The questions.
 * @param reply The client's reply: the time, and then per check the state that it started from, nothing, or `:` and the numbers
 * of its decision; `!`, the number of a check and the text of its error stand for all checks of a decision.
 * @throws {Error} When that is not a reply of the script.
 */
export function answersOf(
  questions: readonly ScriptQuestion[],
  reply: unknown,
): (readonly ChargedDecision[] | Error)[] {
  const [time, ...parts] = typeof reply === "string" ? reply.split(SEPARATOR) : [];
  let part = 0;
  let first = 0;
  const answers = /^\d+$/.test(time) && questions.map((question) => {
    const { checks } = question;
    const error = errorIn(checks, parts[part] ?? "", first);
    first += checks.length;
    if (error !== null) {
      part++;
      return error;
    }
    return decisionsOf(question, parts.slice(part, part += checks.length), Number(time));
  });
  if (answers && part === parts.length && !answers.includes(null)) return answers as ChargedDecision[][];
  const demand = "it must be the time and the state of each check";
  throw new Error(cannot("read what Redis replied", demand, reply).slice(0, 300));
}
