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
import { integerLua } from "../../algorithms/integer.ts";
import { logLua } from "../../algorithms/log_lua.ts";
import type { ChargedDecision } from "../../decision.ts";
import { RuleError } from "../rule_error.ts";
import { type Check, decisionOf } from "../store.ts";
import { cannot } from "../../cannot.ts";

const LOGGED = /\blog_step\b/;

/** What twins may call, and the words by which it is seen that they do. Each may call those before it. */
const PRELUDES: readonly (readonly [RegExp, string])[] = [
  [/\b(?:MAX|floor_div|ceil_div)\b/, integerLua],
  [/\bis_ahead\b/, stateLua],
  [LOGGED, logLua],
  [/\bblock_step\b/, blockLua],
];

/** The time by the clock of Redis: an expression for epoch ms. */
export const REDIS_TIME = `(function()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end)()`;

/**
 * How much longer than its state a key lives, in ms. A state past its life equals none, so more is harmless, while less
 * would be a quota given away: the clock that expires keys may be a moment behind the one that TIME tells.
 */
const SLACK_MS = 1000;

/** How many words a check has in the script's ARGV, and integers in its reply. A decision's words are led by one of its own. */
const WORDS = 7;
const FIELDS = 6;

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
  /** What is asked, all or none. */
  readonly checks: readonly Check[];
  /** Where the checks' states are. */
  readonly keys: readonly string[];
  /** {@link wordsOf} the checks. */
  readonly words: readonly unknown[];
}

/**
 * The text of the script.
 *
 * KEYS are the keys of one decision's checks after another's, the one ARGV the JSON array of the decisions'
 * {@link wordsOf words}. The reply is now, then for each decision six integers a check ({@link answersOf}), or, where a
 * twin failed, its check's number and the text of what it failed with. A state is stored as its form and the JSON array of
 * its integers: `gcra [120000,1763800000000,60000,2]`. A log has its newest entries after that and, where it has full pages,
 * all of it is in a hash: that text in the field without a name, and each page in the one that is called by its last time.
 *
 * @param twins The algorithms in use.
 * @param now Where the time comes from, as an expression for epoch ms. Default: Redis.
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

-- The state in a stored value, or nil where it holds anything else: no state, another algorithm's, none of integers, or a
-- log whose newest entries are none.
local function state_in(value, twin)
  local head = twin.head
  if not value or sub(value, 1, #head) ~= head then return nil end
  local close = twin.reads and find(value, ']', #head, true) or #value
  local ok, state = pcall(decode, sub(value, #head + 1, close))
  if not ok or type(state) ~= 'table' then return nil end
  local count = 0
  for _, number in pairs(state) do
    if type(number) ~= 'number' or number < 0 or number > 9007199254740991 or number % 1 ~= 0 then return nil end
    count = count + 1
  end
  if count ~= #state or count ~= (twin.width or count) then return nil end
  local text = sub(value, close + 1)
  if twin.reads and not twin.reads(text) then return nil end
  state.text = text
  return state
end

-- A log that is in a hash: the text of its state, or false where there is none. What its pages are asked from.
local function hashed(key)
  local value = redis.pcall('HGET', key, '')
  -- Anything but a hash in its place counts as none.
  if type(value) == 'table' and not find(value.err, 'WRONGTYPE', 1, true) then error(value.err) end
  return type(value) == 'string' and value
end
local function page_name(last) return format('%.0f', last) end
local function pages_of(key)
  return function(last) return redis.call('HGET', key, page_name(last)) end
end

-- Keeps a log in a hash, of whose pages these have changed.
local function keep_pages(key, value, pages, life, was_string)
  if was_string then redis.call('DEL', key) end
  redis.call('HSET', key, '', value)
  for last, text in pairs(pages) do
    if text then redis.call('HSET', key, page_name(last), text) else redis.call('HDEL', key, page_name(last)) end
  end
  redis.call('PEXPIRE', key, life)
end

-- A state as it is stored, or false where there is none. The last use of a state.
local function value_of(state, head)
  if not state then return false end
  for i = 1, #state do
    -- A number joined to text as it is keeps 14 digits.
    if state[i] >= 1e14 then state[i] = format('%.0f', state[i]) end
  end
  return head .. '[' .. table.concat(state, ',') .. ']' .. (state.text or '')
end

local function whole(number) return number == huge and -1 or number end

-- The check whose twin is at work: what fails then is that twin.
local current

-- What to answer, and of each check: the value to keep (false: none; nil: as it is), how long in ms (false: not at all), and
-- the state it has. Asks nothing of Redis but pages of logs, so what fails here is a twin.
local function judge(words, stored, books)
  local answer, states, afters, values, lives, pass = {}, {}, {}, {}, {}, true
  for i = 1, #stored do
    local w, a = ${WORDS} * (i - 1) + 1, ${FIELDS} * (i - 1)
    local twin, since = twins[words[w + 1]], words[w + 6]
    local state = state_in(stored[i], twin)
    if state and books[i] then state.page, state.pages = books[i], {} end
    current = i
    local allowed, remaining, reset, retry, after, life, at, blocked =
      twin.step(state, words[w + 3], words[w + 4], now, words[w + 5], since >= 0 and since or nil, words[w + 7])
    if not (remaining and reset and retry and life) then error('it did not give all its numbers') end
    if not allowed and words[w + 2] == 0 then pass = false end
    states[i], afters[i], lives[i] = state, after, life > 0 and format('%.0f', life + ${slackMs})
    answer[a + 1], answer[a + 2], answer[a + 3] = allowed and 1 or 0, remaining, whole(reset)
    answer[a + 4], answer[a + 5], answer[a + 6] = whole(retry), at or now, blocked or 0
  end
  local spend = words[1] == 1
  for i = 1, #stored do
    local w, a = ${WORDS} * (i - 1) + 1, ${FIELDS} * (i - 1)
    local twin, state, allowed = twins[words[w + 1]], states[i], answer[a + 1] == 1
    local kept = spend and (pass or not allowed)
    current = i
    if allowed and not kept then
      -- Nothing was charged: show what is left without this request.
      local _, remaining, reset = twin.step(state, words[w + 3], words[w + 4], now, 0, nil, words[w + 7])
      answer[a + 2], answer[a + 3] = remaining, whole(reset)
    end
    if kept and afters[i] ~= state then values[i] = value_of(afters[i], twin.head) else afters[i] = state end
  end
  return answer, values, lives, states, afters
end

local reply, first = { now }, 0
for _, words in ipairs(decode(ARGV[1])) do
  local count = (#words - 1) / ${WORDS}
  local stored, books = redis.call('MGET', unpack(KEYS, first + 1, first + count)), {}
  for i = 1, count do
    local key = KEYS[first + i]
    if not stored[i] and twins[words[${WORDS} * (i - 1) + 2]].reads then
      stored[i] = hashed(key)
      books[i] = stored[i] and pages_of(key)
    end
  end
  local ok, answer, values, lives, states, afters = pcall(judge, words, stored, books)
  reply[#reply + 1] = ok and answer or current .. ' ' .. tostring(answer)
  for i = 1, ok and count or 0 do
    local key, value = KEYS[first + i], values[i]
    if value == nil and stored[i] and redis.call('PTTL', key) == -1 then
      -- Somebody took its expiry away: no key may live for ever.
      value = states[i] ~= nil and stored[i]
    end
    local pages = afters[i] and afters[i].pages
    if value and lives[i] and pages then
      keep_pages(key, value, pages, lives[i], stored[i] and not books[i])
    elseif value and lives[i] then
      redis.call('SET', key, value, 'PX', lives[i])
    elseif value ~= nil then
      redis.call('DEL', key)
    end
  end
  first = first + count
end
return reply
`;
}

/**
 * A decision as the script reads it: 1 to charge what passes, 0 to peek; then {@link WORDS} words a check, all numbers but
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
    const { policy: { mode, limit, windowMs }, algorithm: { params = [] }, cost, since } = check;
    words.push(placeOf(check), mode === "shadow" ? 1 : 0, limit, windowMs, cost, since ?? -1, params);
  }
  return words;
}

/** Is this an integer, as a client gives it: a number or its text? */
function isInteger(word: unknown): boolean {
  return Number.isSafeInteger(typeof word === "string" && /^-?\d+$/.test(word) ? Number(word) : word);
}

/** Is this what the script says of so many checks? The first of each check's integers is its verdict, 0 or 1. */
function isAnswer(answer: unknown, checks: number): answer is readonly unknown[] {
  return Array.isArray(answer) && answer.length === FIELDS * checks &&
    answer.every((word, i) =>
      isInteger(word) && (i % FIELDS !== 0 || Number(word) === 0 || Number(word) === 1)
    );
}

/**
 * What a reply says to each question: its decisions, or what a twin failed with.
 *
 * @param questions What was asked.
 * @param reply What the client gave.
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
