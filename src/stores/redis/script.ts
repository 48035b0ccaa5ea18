/**
 * The script that decides on Redis: for each decision it loads every state, steps every check and keeps all the new
 * states or none, by the clock of Redis. Built from the Lua twins of the algorithms in use; it runs on Redis
 * from 6 on, Valkey and Upstash alike.
 *
 * @module
 */

import type { Algorithm } from "../../algorithms/algorithm.ts";
import { formOf, stateLua } from "../../algorithms/state.ts";
import { blockLua } from "../../algorithms/block.ts";
import { fixedWindowLua } from "../../algorithms/fixed_window.ts";
import { integerLua } from "../../algorithms/integer.ts";
import { logLua } from "../../algorithms/log_lua.ts";
import type { ChargedDecision } from "../../decision.ts";
import { decideLua, FIELDS, judgeLua, storedLua } from "./script_lua.ts";
import { RuleError } from "../rule_error.ts";
import { type Check, decisionOf } from "../store.ts";
import { cannot } from "../../cannot.ts";

const LOGGED = /\blog_step\b/;

/** The functions that twins may call, each after the pattern that shows its use. Each may call those before it. */
const PRELUDES: readonly (readonly [RegExp, string])[] = [
  [/\b(?:MAX|floor_div|ceil_div)\b/, integerLua],
  [/\bis_ahead\b/, stateLua],
  [/\bfixed_window_step\b/, fixedWindowLua],
  [LOGGED, logLua],
  [/\bblock_around\b/, blockLua],
];

/** The time by the clock of Redis: an expression for epoch ms. */
export const REDIS_TIME = `(function()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end)()`;

/**
 * How much longer than its state a key lives, in ms. A state past its life equals none, so more is harmless, while less
 * would be a quota given away: the clock that expires keys may be a moment behind the one that TIME reads.
 */
const SLACK_MS = 1000;

/** An algorithm as the script knows it. */
export interface Twin {
  /** The first word of its states: their form. A state that begins otherwise is foreign, and counts as none. */
  readonly form: string;
  /** How many integers they have, false where that is no constant. */
  readonly width: number | false;
  /** The expression whose value is its step. */
  readonly lua: string;
}

/**
 * The twin of an algorithm.
 *
 * @throws {TypeError} When it has none.
 */
export function twinOf(algorithm: Algorithm, rule: string): Twin {
  const { name = "custom", lua, stateSize: width = false } = algorithm;
  if (lua !== undefined) return { form: formOf(algorithm), width, lua };
  throw new TypeError(
    cannot(
      `use rule "${rule}"`,
      "its algorithm must have a Lua twin, its lua, to be decided on Redis",
      name,
    ),
  );
}

/** A decision as the script is asked for it. */
export interface ScriptQuestion {
  /** The checks of the decision, all or none. */
  readonly checks: readonly Check[];
  /** The stored keys of the checks' states. */
  readonly keys: readonly string[];
  /** {@link wordsOf} the checks. */
  readonly words: readonly unknown[];
}

/**
 * The text of the script.
 *
 * KEYS are the keys of one decision's checks after another's, the one ARGV the JSON array of the decisions'
 * {@link wordsOf words}. The reply is now, then for each decision six integers per check ({@link answersOf}), or, where a
 * twin failed, its check's number and the text of its error. A state is stored as its form and the JSON array of
 * its integers: `gcra [120000,1763800000000,60000,2]`. A log has its newest entries after that and, where it has full pages,
 * all of it is in a hash: that text in the field without a name, and each page in the one that is called by its last time.
 *
 * @param twins The algorithms in use.
 * @param now The source of the time, as an expression for epoch ms. Default: Redis.
 * @param slackMs See {@link SLACK_MS}.
 */
export function scriptText(
  twins: readonly Twin[],
  now: string = REDIS_TIME,
  slackMs: number = SLACK_MS,
): string {
  const table = twins.map(({ form, width, lua }) =>
    `{ head = ${JSON.stringify(`${form} `)}, width = ${width}, reads = ${
      LOGGED.test(lua) && "is_entries"
    }, step = ${lua} }`
  ).join(",\n");
  const steps = PRELUDES.reduceRight(
    (text, [names, lua]) => names.test(text) ? lua + text : text,
    `\nlocal twins = {\n${table}\n}`,
  );
  return `${steps}
local sub, find, format, decode, huge = string.sub, string.find, string.format, cjson.decode, math.huge
local now = ${now}
${storedLua}
${judgeLua(slackMs)}
${decideLua}`;
}

/**
 * A decision as the script reads it: 1 to charge what passes, 0 to peek; then seven words per check, all numbers but
 * the last, the array of those that are the algorithm's own.
 *
 * @param placeOf A check's algorithm among the script's twins, from 1.
 */
export function wordsOf(
  checks: readonly Check[],
  spend: boolean,
  placeOf: (check: Check) => number,
): unknown[] {
  const words: unknown[] = [spend ? 1 : 0];
  for (const check of checks) {
    const { policy: { mode, limit, windowMs, boundaries }, algorithm: { params = [] }, cost, since } = check;
    const own = boundaries === undefined ? params : [...params, ...boundaries];
    words.push(placeOf(check), mode === "shadow" ? 1 : 0, limit, windowMs, cost, since ?? -1, own);
  }
  return words;
}

/** Is this an integer, as a client gives it: a number or its text? */
function isInteger(word: unknown): boolean {
  return Number.isSafeInteger(typeof word === "string" && /^-?\d+$/.test(word) ? Number(word) : word);
}

/** Is this the script's answer to so many checks? The first of each check's integers is its verdict, 0 or 1. */
function isAnswer(answer: unknown, checks: number): answer is readonly unknown[] {
  return Array.isArray(answer) && answer.length === FIELDS * checks &&
    answer.every((word, i) =>
      isInteger(word) && (i % FIELDS !== 0 || Number(word) === 0 || Number(word) === 1)
    );
}

/**
 * The answer to each question in a reply: its decisions, or the error of a twin.
 *
 * @param questions The questions.
 * @param reply The client's reply.
 * @throws {Error} When that is not a reply of the script.
 */
export function answersOf(
  questions: readonly ScriptQuestion[],
  reply: unknown,
): (ChargedDecision[] | Error)[] {
  const [now, ...answers]: readonly unknown[] = Array.isArray(reply) ? reply : [];
  if (!isInteger(now) || answers.length !== questions.length) throw unreadable(reply);
  return answers.map((answer, i) => {
    const { checks } = questions[i];
    if (isAnswer(answer, checks.length)) return decisionsOf(checks, answer, Number(now));
    const [, place, words] = /^(\d+) ([^]*)$/.exec(typeof answer === "string" ? answer : "") ?? [];
    const failed = checks[Number(place) - 1];
    return failed === undefined ? unreadable(answer) : new RuleError(failed.policy.name, words);
  });
}

function unreadable(reply: unknown): Error {
  const demand = `it must be the time and ${FIELDS} integers for each check`;
  return new Error(cannot("read what Redis replied", demand, reply).slice(0, 300));
}

function decisionsOf(checks: readonly Check[], integers: readonly unknown[], now: number): ChargedDecision[] {
  return checks.map((check, i) => {
    const at = FIELDS * i;
    const resetAfterMs = Number(integers[at + 2]);
    const retryAfterMs = Number(integers[at + 3]);
    const blockedMs = Number(integers[at + 5]);
    return decisionOf(check, {
      allowed: Number(integers[at]) === 1,
      remaining: Number(integers[at + 1]),
      resetAfterMs: resetAfterMs < 0 ? Infinity : resetAfterMs,
      retryAfterMs: retryAfterMs < 0 ? Infinity : retryAfterMs,
      blockedMs,
      chargedAt: Number(integers[at + 4]),
    }, now);
  });
}
