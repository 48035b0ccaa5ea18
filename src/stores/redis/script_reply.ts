/**
 * The reply of the script: the time and, for each check, what its decision follows from.
 *
 * @module
 */

import type { Algorithm, Step } from "../../algorithms/algorithm.ts";
import type { PackableStep, PackedStep } from "../../algorithms/packed.ts";
import { formOf } from "../../algorithms/state.ts";
import { cannot } from "../../cannot.ts";
import { type ChargedDecision, refuserOf, refuses } from "../../decision.ts";
import { RuleError } from "../rule_error.ts";
import { type Check, decisionOf } from "../store.ts";
import type { ScriptQuestion } from "./script.ts";
import { SEPARATOR } from "./script_lua.ts";

/** Takes all packed steps, one after another. */
let packed: PackedStep & Pick<Step, "blockedMs"> | undefined;

/** Takes the step of a check from its state, without its new one where that is possible. */
function stepFrom(
  state: readonly number[] | null,
  { algorithm, policy }: Check,
  now: number,
  cost: number,
  since: number | null,
): StepNumbers {
  const step = algorithm.step as Algorithm["step"] & Partial<PackableStep>;
  if (step.packed === undefined) return step(state, policy, now, cost, since);
  packed ??= {
    ...{ allowed: false, remaining: 0, resetAfterMs: 0, retryAfterMs: 0, ttlMs: 0, at: 0 },
    ...{ changed: false, state: new Float64Array(4), blockedMs: 0 },
  };
  step.packed(packed, state, policy, now, cost, since);
  return packed;
}

/** The numbers of a step. */
type StepNumbers = Omit<Step, "state" | "ttlMs">;

/** A step that was taken on Redis. */
const takenStep = ([allowed, remaining, reset, retry, at, blockedMs]: readonly number[]): StepNumbers => ({
  ...{ allowed: allowed === 1, remaining, at, blockedMs },
  resetAfterMs: reset < 0 ? Infinity : reset,
  retryAfterMs: retry < 0 ? Infinity : retry,
});

/** Reads a reply from its beginning to its end. */
class ReplyReader {
  private readonly reply: string;
  private next = 0;

  constructor(reply: string) {
    this.reply = reply;
  }

  /** The next character, if it is this one. */
  takes(character: string): boolean {
    const isNext = this.reply[this.next] === character;
    if (isNext) this.next++;
    return isNext;
  }

  /** Is there nothing more before the next part? */
  isAtEnd(): boolean {
    return this.next === this.reply.length || this.reply[this.next] === SEPARATOR;
  }

  /** All up to a character, or to the end. */
  upTo(character: string): string {
    const end = this.reply.indexOf(character, this.next);
    const from = this.next;
    this.next = end < 0 ? this.reply.length : end;
    return this.reply.slice(from, this.next);
  }

  /** An integer of at most so many digits; NaN where there is none. */
  integer(most = 16): number {
    const isNegative = this.takes("-");
    const { reply, next: from } = this;
    let next = from;
    let value = 0;
    for (const end = Math.min(reply.length, from + most); next < end; next++) {
      const digit = reply.charCodeAt(next) - 48;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    if (next === from) return NaN;
    this.next = next;
    return isNegative ? -value : value;
  }

  /** As many integers, each after a blank; null where there are others. */
  integers(count: number): number[] | null {
    const numbers: number[] = [];
    while (this.takes(" ")) numbers.push(this.integer());
    return numbers.length === count && !numbers.some(Number.isNaN) ? numbers : null;
  }

  /**
   * The state of a packed step. That of a fixed window is 13 digits and those of its used units; of gcra a charge of one unit
   * has the debt, and its time where that is not now.
   */
  state({ algorithm, policy }: Check, now: number): number[] | null {
    // Not by the first character alone: a form of one's own may begin with a digit.
    const form = formOf(algorithm);
    if (form === "fixed-window") {
      const [start, used] = [this.integer(13), this.integer()];
      return start + used >= 0 ? [start, used] : null;
    }
    const debt = form === "gcra" ? this.integer() : NaN;
    if (debt === debt) {
      const isNow = !this.takes(" ");
      const at = isNow ? now : this.integer();
      // A debt of another time is one, even if nothing is owed.
      return debt + at >= 0 ? [debt, at, policy.windowMs, isNow ? 0 : 1] : null;
    }
    this.upTo(" ");
    return this.integers(algorithm.stateSize!);
  }
}

/** The error that stands for a decision. */
function errorIn(checks: readonly Check[], first: number, reader: ReplyReader): Error | null {
  const check = checks[reader.integer() - 1 - first];
  if (check === undefined || !reader.takes(" ")) return null;
  return new RuleError(check.policy.name, reader.upTo(SEPARATOR));
}

/**
 * Decides as the script did.
 *
 * @param first How many checks were in the decisions before.
 * @returns Null where the reply cannot be read.
 */
function answerIn(
  { checks, spend }: ScriptQuestion,
  first: number,
  now: number,
  reader: ReplyReader,
): ChargedDecision[] | Error | null {
  // Of their length from the start: a list that grows takes room for many.
  const decisions = new Array<ChargedDecision>(checks.length);
  /** Of each check the state, and undefined where its step was taken on Redis. */
  const states = new Array<readonly number[] | null | undefined>(checks.length);
  let isKept = spend;
  for (let i = 0; i < checks.length; i++) {
    const check = checks[i];
    if (!reader.takes(SEPARATOR)) return null;
    if (i === 0 && reader.takes("!")) return errorIn(checks, first, reader);
    const isTaken = reader.takes(":");
    let numbers: readonly number[] | null = null;
    if (isTaken || !reader.isAtEnd()) {
      numbers = isTaken ? reader.integers(6) : reader.state(check, now);
      if (numbers === null || isTaken && numbers[0] >> 1 !== 0) return null;
    }
    states[i] = isTaken ? undefined : numbers;
    const step = isTaken ? takenStep(numbers!) : stepFrom(numbers, check, now, check.cost, check.since);
    const { allowed, remaining, resetAfterMs, retryAfterMs, blockedMs, at: chargedAt = now } = step;
    const decision = decisionOf(
      check,
      { allowed, remaining, resetAfterMs, retryAfterMs, blockedMs, chargedAt },
      now,
    );
    decisions[i] = decision;
    isKept &&= !refuses(decision);
  }
  if (isKept) return decisions;
  const refuser = refuserOf(decisions);
  decisions.forEach((decision, i) => {
    const { policy } = checks[i];
    const state = states[i];
    const isCharged = spend && (refuser === undefined || refuser === policy.trialOf);
    if (!decision.allowed || isCharged || state === undefined) return;
    const { remaining, resetAfterMs } = stepFrom(state, checks[i], now, 0, null);
    Object.assign(decision, { remaining, resetAfterMs });
  });
  return decisions;
}

/**
 * The answer to each question in a reply: its decisions, or the error of a twin.
 *
 * @param questions The questions.
 * @param reply The client's reply: the time, and then per check the state that it started from, or of it what its
 * decision follows from, nothing, or `:` and the numbers of its decision; `!`, the number of a check and the text of
 * its error stand for all checks of a decision.
 * @throws {Error} When that is not a reply of the script.
 */
export function answersOf(
  questions: readonly ScriptQuestion[],
  reply: unknown,
): (readonly ChargedDecision[] | Error)[] {
  const reader = new ReplyReader(typeof reply === "string" ? reply : "");
  const now = reader.integer();
  const answers: (readonly ChargedDecision[] | Error)[] = [];
  let first = 0;
  for (const question of questions) {
    const answer = now >= 0 ? answerIn(question, first, now, reader) : null;
    if (answer === null) throw unreadable(reply);
    answers.push(answer);
    first += question.checks.length;
  }
  if (reader.takes(SEPARATOR) || !reader.isAtEnd()) throw unreadable(reply);
  return answers;
}

function unreadable(reply: unknown): Error {
  const demand = "it must be the time and the state of each check";
  return new Error(cannot("read what Redis replied", demand, reply).slice(0, 300));
}
