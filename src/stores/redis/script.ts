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
import { withoutLog } from "../../algorithms/log_lua.ts";
import {
  LOG_FUNCTIONS,
  placedRules,
  placedTwinLua,
  rulesLua,
  type ScriptRule,
  type Twin,
  twinLua,
  twinsLua,
} from "./rules_lua.ts";
import { decideLua, functionsLua, storedLogLua } from "./script_lua.ts";
import type { Check } from "../store.ts";
import { cannot } from "../../cannot.ts";

/** A log's functions are defined at its first use: a script has rules that need none of them. */
const logsLua = (log: string): string => `
local ${LOG_FUNCTIONS}
local function logs()
${log}
  return ${LOG_FUNCTIONS}
end
`;

/** The time by the clock of Redis, in epoch ms. */
const REDIS_TIME = `
local time = redis.call('TIME')
local now = time[2] + 0
now = time[1] * 1000 + (now - now % 1000) / 1000
`;

/**
 * How much longer than its state a key lives, in ms. A state past its life equals none, so more is harmless, while less
 * would be a quota given away: the clock that expires keys may be a moment behind the one that TIME reads.
 */
const SLACK_MS = 1000;

/** How many checks a script with many rules expects per call. */
const MAX_EXPECTED = 4;

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
  if (lua !== undefined) {
    const [own, log] = withoutLog(lua);
    return { form: plainForm(algorithm), width, params, lua: own, log };
  }
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
  /** False to peek. */
  readonly spend: boolean;
  /** The checks as the script reads them: see {@link wordsOf}. */
  readonly words: string[];
}

/**
 * The text of the script.
 *
 * KEYS are the keys of one decision's checks after another's, and ARGV the decisions' words: {@link wordsOf}. `answersOf`
 * reads the reply. A state is stored as its form and its integers: `gcra 120000 1763800000000 60000 2`; that of
 * a fixed window as one number, its start and its used units: `17638000000002`; that of gcra in 12 bytes where they are
 * enough. A log has its newest entries after a bar and, where it has full pages, all of it is in a hash.
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
  const placed = placedRules(rules).map((rule) => ({
    ...placedTwinLua(rule),
    isEnforced: rule.rate!.mode !== "shadow",
  }));
  const checks = Math.min(MAX_EXPECTED, Math.max(1, rules.filter(({ rate }) => rate !== null).length));
  const log = rules.find(({ twin }) => twin.log !== undefined)?.twin.log;
  /** The functions that twins may call, each after the pattern that shows its use. Each may call those before it. */
  const preludes: readonly (readonly [RegExp, string])[] = [
    [
      /\bbytes_of\b/,
      "local struct = rawget(_G, 'struct')\nlocal bytes_of, bytes_in = struct and struct.pack, struct and struct.unpack\n",
    ],
    [/\btext_of_/, functionsLua],
    [/\blogs\b/, logsLua(log ?? "")],
    [/\blog_in\b/, storedLogLua],
    [/\bblock_around\b/, blockLua],
  ];
  const deciding = preludes.reduceRight(
    (text, [names, lua]) => names.test(text) ? lua + text : text,
    decideLua(rulesLua(rules, twins), twinsLua(twins), placed, slackMs, checks),
  );
  return now + deciding;
}

/**
 * A decision as the script reads it, unless it is one word, the bits of its rules' places: `#` and the number of its checks,
 * negative to peek; then per check `*` and its cost, unless that is 1, its rule's number and, where the rule has no
 * static rate, the limit, the window, the mode, and the charge that it corrects with the boundaries of its periods. The
 * mode is empty to enforce, 0 in shadow mode, and of a trial the number of its rule's check, from 1.
 *
 * @param numberOf A check's rule among the script's, from 1, and whether its rate is static.
 */
export function wordsOf(
  checks: readonly Check[],
  spend: boolean,
  numberOf: (check: Check) => { readonly number: number; readonly isStatic: boolean },
): string[] {
  const words = ["#", String(spend ? checks.length : -checks.length)];
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
