/**
 * The script that decides on Redis: for each decision it loads every state, steps every check and keeps all the new
 * states or none, by the clock of Redis. Built from the Lua twins of the algorithms in use; it runs on Redis
 * from 6 on, Valkey and Upstash alike.
 *
 * @module
 */

import type { Algorithm } from "../../algorithms/algorithm.ts";
import { plainForm } from "../../algorithms/state.ts";
import { blockLua } from "../../algorithms/block_lua.ts";
import { MAX } from "../../algorithms/integer.ts";
import { logLua } from "../../algorithms/log_lua.ts";
import type { ChargedDecision } from "../../decision.ts";
import {
  LOG_FUNCTIONS,
  LOGGED,
  rulesLua,
  type ScriptRule,
  type Twin,
  twinLua,
  twinsLua,
} from "./rules_lua.ts";
import { decideLua, FIELDS, functionsLua, storedLogLua } from "./script_lua.ts";
import { RuleError } from "../rule_error.ts";
import { type Check, decisionOf } from "../store.ts";
import { cannot } from "../../cannot.ts";

/** A log's functions are defined at its first use: a script has rules that need none of them. */
const logsLua = `
local ${LOG_FUNCTIONS}
local function logs()
${logLua}
  return ${LOG_FUNCTIONS}
end
`;

/** The functions that twins may call, each after the pattern that shows its use. Each may call those before it. */
const PRELUDES: readonly (readonly [RegExp, string])[] = [
  [/\btext_of_/, functionsLua],
  [LOGGED, logsLua],
  [/\blog_in\b/, storedLogLua],
  [/\bblock_around\b/, blockLua],
];

/** The time by the clock of Redis, in epoch ms. */
const REDIS_TIME = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/**
 * How much longer than its state a key lives, in ms. A state past its life equals none, so more is harmless, while less
 * would be a quota given away: the clock that expires keys may be a moment behind the one that TIME reads.
 */
const SLACK_MS = 1000;

/** How many checks a script with many rules expects per call. */
const MOST_EXPECTED = 4;

/**
 * The twin of an algorithm.
 *
 * @throws {TypeError} When it has none, or its params are no finite numbers.
 */
export function twinOf(algorithm: Algorithm, rule: string): Twin {
  const { name = "custom", lua, stateSize: width = false, params = [] } = algorithm;
  if (!params.every(Number.isFinite)) {
    throw new TypeError(
      cannot(`use rule "${rule}"`, "its algorithm's params must be finite", params),
    );
  }
  if (lua !== undefined) return { form: plainForm(algorithm), width, params, lua };
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
  readonly words: readonly string[];
}

/**
 * The text of the script.
 *
 * KEYS are the keys of one decision's checks after another's, and ARGV the decisions' {@link wordsOf words}. The reply is
 * now and then six integers per check ({@link answersOf}); where a twin failed, its check's number and the text of its error
 * begin its decision. A state is stored as its form and its integers: `gcra 120000 1763800000000 60000 2`; that of
 * a fixed window as one number, its start and its used units: `17638000000002`. A log has its
 * newest entries after a bar and, where it has full pages, all of it is in a hash.
 *
 * @param rules The rules in use.
 * @param now Statements that define the local `now`, in epoch ms. Default: by the clock of Redis.
 * @param slackMs See {@link SLACK_MS}.
 */
export function scriptText(
  rules: readonly ScriptRule[],
  now: string = REDIS_TIME,
  slackMs: number = SLACK_MS,
): string {
  const twins = [...new Set(rules.map(({ twin }) => twinLua(twin)))];
  const checks = Math.min(MOST_EXPECTED, Math.max(1, rules.filter(({ rate }) => rate !== null).length));
  const deciding = PRELUDES.reduceRight(
    (text, [names, lua]) => names.test(text) ? lua + text : text,
    decideLua(rulesLua(rules, twins), twinsLua(twins), slackMs, checks),
  );
  return now + deciding;
}

/**
 * A decision as the script reads it: `#` and the number of its checks, negative to peek, unless that is 1; then per check `*`
 * and its cost, unless that is 1, its rule's number and, where the rule has no static rate, the limit, the window, the mode,
 * and the charge that it corrects with the boundaries of its periods. The mode is empty to enforce, 0 in shadow mode, and of a
 * trial the number of its rule's check, from 1.
 *
 * @param numberOf A check's rule among the script's, from 1, and whether its rate is static.
 */
export function wordsOf(
  checks: readonly Check[],
  spend: boolean,
  numberOf: (check: Check) => { readonly number: number; readonly isStatic: boolean },
): string[] {
  const words = spend && checks.length === 1 ? [] : ["#", String(spend ? checks.length : -checks.length)];
  for (const check of checks) {
    const { policy: { mode, limit, windowMs, boundaries, trialOf }, cost, since } = check;
    const { number, isStatic } = numberOf(check);
    if (cost !== 1) words.push("*", String(cost));
    words.push(String(number));
    if (isStatic) continue;
    const times = boundaries === undefined ? String(since ?? "") : [since ?? "-", ...boundaries].join(" ");
    const tried = trialOf === undefined ? -1 : checks.findIndex(({ policy }) => policy.name === trialOf);
    words.push(String(limit), String(windowMs), mode === "shadow" ? String(tried + 1) : "", times);
  }
  return words;
}

/** An integer, as a client gives it: a number or its text, and some give 2^53 for one less. NaN for anything else. */
function integerOf(word: unknown): number {
  const number = typeof word === "string" && /^-?\d+$/.test(word) ? Number(word) : word;
  return number === MAX + 1 ? MAX : Number.isSafeInteger(number) ? number as number : NaN;
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
  const size = questions.reduce((sum, { checks }) => sum + checks.length, 0);
  const now = Array.isArray(reply) && reply.length === 1 + FIELDS * size ? integerOf(reply[0]) : NaN;
  if (Number.isNaN(now)) throw unreadable(reply);
  const words = reply as unknown[];
  let check = 0;
  return questions.map(({ checks }) => {
    const first = check;
    check += checks.length;
    const decisions: ChargedDecision[] = [];
    for (let i = 0; i < checks.length; i++) {
      const decision = decisionFrom(checks[i], words, 1 + FIELDS * (first + i), now);
      if (decision === null) return errorIn(checks, words, first);
      decisions.push(decision);
    }
    return decisions;
  });
}

/** The error of a decision without integers. */
function errorIn(checks: readonly Check[], words: readonly unknown[], first: number): Error {
  const at = 1 + FIELDS * first;
  const [, number, problem] = /^(\d+) ([^]*)$/.exec(String(words[at])) ?? [];
  const failed = checks[Number(number) - 1 - first];
  if (failed !== undefined) return new RuleError(failed.policy.name, problem);
  return unreadable(words.slice(at, at + FIELDS * checks.length));
}

function unreadable(reply: unknown): Error {
  const demand = `it must be the time and ${FIELDS} integers per check`;
  return new Error(cannot("read what Redis replied", demand, reply).slice(0, 300));
}

/** The decision on a check from its integers, which begin at an index; null where they are none. */
function decisionFrom(
  check: Check,
  words: readonly unknown[],
  at: number,
  now: number,
): ChargedDecision | null {
  const allowed = integerOf(words[at]);
  const remaining = integerOf(words[at + 1]);
  const resetAfterMs = integerOf(words[at + 2]);
  const retryAfterMs = integerOf(words[at + 3]);
  const chargedAt = integerOf(words[at + 4]);
  const blockedMs = integerOf(words[at + 5]);
  const isAnswer = (allowed === 0 || allowed === 1) &&
    !Number.isNaN(remaining + resetAfterMs + retryAfterMs + chargedAt + blockedMs);
  return isAnswer
    ? decisionOf(check, {
      allowed: allowed === 1,
      remaining,
      resetAfterMs: resetAfterMs < 0 ? Infinity : resetAfterMs,
      retryAfterMs: retryAfterMs < 0 ? Infinity : retryAfterMs,
      blockedMs,
      chargedAt,
    }, now)
    : null;
}
