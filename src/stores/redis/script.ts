/**
 * The script that decides on Redis: for each decision it loads every state, steps every check and keeps all the new
 * states or none, by the clock of Redis. Built from the Lua twins of the algorithms in use; it runs on Redis
 * from 6 on, Valkey and Upstash alike.
 *
 * @module
 */

import type { Algorithm, Policy } from "../../algorithms/algorithm.ts";
import { plainForm, stateLua } from "../../algorithms/state.ts";
import { blockLua } from "../../algorithms/block_lua.ts";
import { fixedWindowLua } from "../../algorithms/fixed_window.ts";
import { integerLua, MAX } from "../../algorithms/integer.ts";
import { logLua } from "../../algorithms/log_lua.ts";
import type { ChargedDecision } from "../../decision.ts";
import { decideLua, FIELDS, integersLua, listLua, storedLogLua } from "./script_lua.ts";
import { RuleError } from "../rule_error.ts";
import { type Check, decisionOf } from "../store.ts";
import { cannot } from "../../cannot.ts";

const LOGGED = /\blog_step\b/;

/** Twins that are functions as they stand. Any other expression may fail, and does so inside its step: it fails its rule alone. */
const PLAIN = /^(?:block_around\()?\s*(?:function|fixed_window_step)\b/;

/** A log's functions are defined at its first use: a script has rules that need none of them. */
const LOG_FUNCTIONS = "log_step, slot_end, is_entries";
const logsLua = `
local ${LOG_FUNCTIONS}
local function logs()
${logLua}
  return ${LOG_FUNCTIONS}
end
`;

/** The functions that twins may call, each after the pattern that shows its use. Each may call those before it. */
const PRELUDES: readonly (readonly [RegExp, string])[] = [
  [/\b(?:MAX|floor_div|ceil_div)\b/, integerLua],
  [/\bis_ahead\b/, stateLua],
  [/\bfixed_window_step\b/, fixedWindowLua],
  [LOGGED, logsLua],
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

/** An algorithm as the script knows it. */
export interface Twin {
  /** The first word of its states: their form, in plain characters. A state that begins otherwise is foreign, and counts as none. */
  readonly form: string;
  /** How many integers they have, false where that is no constant. */
  readonly width: number | false;
  /** The algorithm's own parameters. */
  readonly params: readonly number[];
  /** The expression whose value is its step. */
  readonly lua: string;
}

/**
 * The twin of an algorithm.
 *
 * @throws {TypeError} When it has none, or its params are no finite numbers.
 */
export function twinOf(algorithm: Algorithm, rule: string): Twin {
  const { name = "custom", lua, stateSize: width = false, params = [] } = algorithm;
  if (!params.every(Number.isFinite)) {
    throw new TypeError(
      cannot(`use rule "${rule}"`, "its algorithm's params must be finite to be part of a script", params),
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

/** A rule as the script knows it. */
export interface ScriptRule {
  readonly twin: Twin;
  /** Its rate, where that is static; null: each check brings its own. */
  readonly rate: Pick<Policy, "limit" | "windowMs" | "mode"> | null;
}

/** Statements that read the state, and name the function that writes one. */
function formLua({ form, width, lua }: Twin): string {
  if (width !== false) {
    const numbers = Array.from({ length: width }, (_, i) => `n${i}`);
    const pattern = `^${form.replace(/[%.+-]/g, "%$&")}${" (%d+)".repeat(width)}$`;
    return `write, form = text_of_integers, '${form.replaceAll("%", "%%")}${" %d".repeat(width)}'
        if stored then
          local ${numbers} = string.match(stored, '${pattern}')
          if n0 then state = { ${numbers.map((number) => `${number} + 0`)} } end
        end`;
  }
  if (!LOGGED.test(lua)) {
    return `write, form = text_of_list, '${form}'
        if stored then state = list_in(stored, form) end`;
  }
  return `write, form = text_of_log, '${form}'
        if in_hash then
          stored = hashed_log(key)
          in_hash = stored and true
        end
        if stored then state = log_in(stored, form, key, in_hash) end`;
}

/** Statements that set what a check's step takes, by the number of its rule. */
function rulesLua(rules: readonly ScriptRule[]): string {
  const branches = rules.map(({ twin, rate }, i) => {
    const { lua, params } = twin;
    return `if rule == '${i + 1}' then
        ${LOGGED.test(lua) ? `if not log_step then ${LOG_FUNCTIONS} = logs() end` : ""}
        own, step = { ${params} }, ${PLAIN.test(lua) ? lua : `function(...) return (${lua}\n)(...) end`}
        ${
      rate === null
        ? `limit, window, mode = ARGV[word + 1] + 0, ARGV[word + 2] + 0, ARGV[word + 3]
        local times = ARGV[word + 4]
        word = word + 4
        if times ~= '' then
          since = tonumber(string.match(times, '^%d+'))
          for boundary in string.gmatch(times, ' (%d+)') do own[#own + 1] = boundary + 0 end
        end`
        : `limit, window, mode = ${rate.limit}, ${rate.windowMs}, '${rate.mode === "shadow" ? 0 : ""}'`
    }
        ${formLua(twin)}
      `;
  });
  return `${branches.join("else")}end`;
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
 * begin its decision. A state is stored as its form and its integers: `gcra 120000 1763800000000 60000 2`. A log has its
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
  const logged = rules.some(({ twin }) => LOGGED.test(twin.lua));
  const listed = rules.some(({ twin }) => twin.width === false);
  const stored = integersLua + (listed ? listLua : "") + (logged ? storedLogLua : "");
  const deciding = PRELUDES.reduceRight(
    (text, [names, lua]) => names.test(text) ? lua + text : text,
    stored + decideLua(rulesLua(rules), slackMs, logged),
  );
  return now + deciding;
}

/**
 * A decision as the script reads it: the number of its checks, negative to peek; then per check its rule's number, its cost
 * and, where the rule has no static rate, the limit, the window, the mode, and the charge that it corrects with the boundaries
 * of its periods. The mode is empty to enforce, 0 in shadow mode, and of a trial the number of its rule's check, from 1.
 *
 * @param numberOf A check's rule among the script's, from 1, and whether its rate is static.
 */
export function wordsOf(
  checks: readonly Check[],
  spend: boolean,
  numberOf: (check: Check) => { readonly number: number; readonly isStatic: boolean },
): string[] {
  const words = [String(spend ? checks.length : -checks.length)];
  for (const check of checks) {
    const { policy: { mode, limit, windowMs, boundaries, trialOf }, cost, since } = check;
    const { number, isStatic } = numberOf(check);
    words.push(String(number), String(cost));
    if (isStatic) continue;
    const times = boundaries === undefined ? String(since ?? "") : [since ?? "-", ...boundaries].join(" ");
    const tried = trialOf === undefined ? -1 : checks.findIndex(({ policy }) => policy.name === trialOf);
    words.push(String(limit), String(windowMs), mode === "shadow" ? String(tried + 1) : "", times);
  }
  return words;
}

/** Is this an integer, as a client gives it: a number or its text? Some give 2^53 for one less. */
function isInteger(word: unknown): boolean {
  const number = typeof word === "string" && /^-?\d+$/.test(word) ? Number(word) : word;
  return Number.isInteger(number) && Math.abs(number as number) <= MAX + 1;
}

const integerOf = (word: unknown): number => Math.min(MAX, Number(word));

/** Are these integers the answer to a check? The first is its verdict, 0 or 1. */
function isAnswer(integers: readonly unknown[]): boolean {
  return integers.every(isInteger) && (Number(integers[0]) === 0 || Number(integers[0]) === 1);
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
  if (!Array.isArray(reply) || reply.length !== 1 + FIELDS * size || !isInteger(reply[0])) {
    throw unreadable(reply);
  }
  const now = Number(reply[0]);
  let first = 0;
  return questions.map(({ checks }) => {
    const before = first;
    first += checks.length;
    const at = (check: number) => 1 + FIELDS * (before + check);
    const [, number, problem] = /^(\d+) ([^]*)$/.exec(String(reply[at(0)])) ?? [];
    const failed = checks[Number(number) - 1 - before];
    if (failed !== undefined) return new RuleError(failed.policy.name, problem);
    const answers = checks.map((_, check) => reply.slice(at(check), at(check + 1)));
    if (!answers.every(isAnswer)) return unreadable(reply.slice(at(0), at(checks.length)));
    return checks.map((check, i) => decisionFrom(check, answers[i].map(integerOf), now));
  });
}

function unreadable(reply: unknown): Error {
  const demand = `it must be the time and ${FIELDS} integers per check`;
  return new Error(cannot("read what Redis replied", demand, reply).slice(0, 300));
}

function decisionFrom(check: Check, integers: readonly number[], now: number): ChargedDecision {
  const [allowed, remaining, resetAfterMs, retryAfterMs, chargedAt, blockedMs] = integers;
  return decisionOf(check, {
    allowed: allowed === 1,
    remaining,
    resetAfterMs: resetAfterMs < 0 ? Infinity : resetAfterMs,
    retryAfterMs: retryAfterMs < 0 ? Infinity : retryAfterMs,
    blockedMs,
    chargedAt,
  }, now);
}
