/**
 * The script that decides on Redis: one command loads every state, steps every check and keeps all the new
 * states or none, by the clock of Redis. Built from the Lua twins of the algorithms in use; it runs on Redis
 * from 6 on, Valkey and Upstash alike.
 *
 * @module
 */

import type { Algorithm } from "../algorithms/algorithm.ts";
import { blockLua } from "../algorithms/block.ts";
import { integerLua } from "../algorithms/integer.ts";
import { logLua } from "../algorithms/log.ts";
import type { DatedDecision } from "../decision.ts";
import { type Check, decisionOf } from "./store.ts";
import { refusal } from "../refusal.ts";

const BLOCKED = /\bblock_step\b/;

/** What twins may call, and the words by which it is seen that they do. Each may call those before it. */
const PRELUDES: readonly (readonly [RegExp, string])[] = [
  [/\b(?:MAX|floor_div|ceil_div)\b/, integerLua],
  [/\blog_step\b/, logLua],
  [BLOCKED, blockLua],
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

/** How many words a check has in the script's ARGV, and integers in its reply. */
const WORDS = 7;
const FIELDS = 6;

/** An algorithm as the script knows it: its name marks the states that are its own. */
export interface Twin {
  /** The first word of its states. A state that begins otherwise is foreign, and counts as none. */
  readonly name: string;
  /** The expression whose value is its step. */
  readonly lua: string;
}

/**
 * The twin of an algorithm.
 *
 * @throws {TypeError} When it has none.
 */
export function twinOf({ name = "custom", lua }: Algorithm, rule: string): Twin {
  // Under a block a state begins with the block's own numbers.
  if (lua !== undefined) return { name: BLOCKED.test(lua) ? `${name}+block` : name, lua };
  throw new TypeError(
    refusal(
      `use rule "${rule}"`,
      "its algorithm must have a Lua twin, its lua, to be decided on Redis",
      name,
    ),
  );
}

/**
 * The text of the script.
 *
 * KEYS are the checks' keys, ARGV one text of them all in the same order ({@link checksText}); one more ARGV makes it a peek. The
 * reply is now, then six integers a check ({@link decisionsOf}). A state is stored as its twin's name and the JSON array of
 * its integers: `gcra [120000,1763800000000,60000]`.
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
  const table = twins.map(({ name, lua }) => `{ head = ${JSON.stringify(`${name} `)}, step = ${lua} }`).join(
    ",\n",
  );
  const steps = PRELUDES.reduceRight(
    (text, [names, lua]) => names.test(text) ? lua + text : text,
    `\nlocal twins = {\n${table}\n}`,
  );
  return `${steps}
local sub, format, decode, huge = string.sub, string.format, cjson.decode, math.huge
local now = ${now}
local words, spend = decode(ARGV[1]), not ARGV[2]

-- The state in a stored value, or nil where it holds anything else.
local function state_in(value, head)
  if not value or sub(value, 1, #head) ~= head then return nil end
  local ok, state = pcall(decode, sub(value, #head + 1))
  return ok and type(state) == 'table' and state or nil
end

-- The last use of a state.
local function keep(key, head, state, ttl)
  if not state or ttl <= 0 then return redis.call('DEL', key) end
  for i = 1, #state do
    -- A number joined to text as it is keeps 14 digits.
    if state[i] >= 1e14 then state[i] = format('%.0f', state[i]) end
  end
  local value = head .. '[' .. table.concat(state, ',') .. ']'
  redis.call('SET', key, value, 'PX', format('%.0f', ttl + ${slackMs}))
end

local function whole(number) return number == huge and -1 or number end

local stored = redis.call('MGET', unpack(KEYS))
local befores, afters, lives, reply, pass = {}, {}, {}, { now }, true
for i = 1, #KEYS do
  local w, r = ${WORDS} * (i - 1), ${FIELDS} * (i - 1) + 1
  local twin, since = twins[words[w + 1]], words[w + 6]
  local state = state_in(stored[i], twin.head)
  local allowed, remaining, reset, retry, after, life, at, blocked =
    twin.step(state, words[w + 3], words[w + 4], now, words[w + 5], since >= 0 and since or nil, words[w + 7])
  if not allowed and words[w + 2] == 0 then pass = false end
  befores[i], afters[i], lives[i] = state, after, life
  reply[r + 1], reply[r + 2], reply[r + 3] = allowed and 1 or 0, remaining, whole(reset)
  reply[r + 4], reply[r + 5], reply[r + 6] = whole(retry), at or now, blocked or 0
end

for i = 1, #KEYS do
  local w, r = ${WORDS} * (i - 1), ${FIELDS} * (i - 1) + 1
  local twin, state, allowed = twins[words[w + 1]], befores[i], reply[r + 1] == 1
  local kept = spend and (pass or not allowed)
  if allowed and not kept then
    -- Nothing was charged: show what is left without this request.
    local _, remaining, reset = twin.step(state, words[w + 3], words[w + 4], now, 0, nil, words[w + 7])
    reply[r + 2], reply[r + 3] = remaining, whole(reset)
  end
  if kept and afters[i] ~= state then
    keep(KEYS[i], twin.head, afters[i], lives[i])
  elseif stored[i] and redis.call('PTTL', KEYS[i]) == -1 then
    -- Somebody took its expiry away: no key may live for ever.
    keep(KEYS[i], twin.head, state, lives[i])
  end
end
return reply
`;
}

/**
 * Checks as the script reads them: a JSON array of numbers, {@link WORDS} a check, of which the last is the array of those
 * that are the algorithm's own.
 *
 * @param placeOf A check's algorithm among the script's twins, from 1.
 */
export function checksText(checks: readonly Check[], placeOf: (check: Check) => number): string {
  return JSON.stringify(checks.flatMap((check) => {
    const { policy: { mode, limit, windowMs }, algorithm: { params = [] }, cost, since } = check;
    return [placeOf(check), mode === "shadow" ? 1 : 0, limit, windowMs, cost, since ?? -1, params];
  }));
}

/** Is this an integer, as a client gives it: a number or its text? */
function isInteger(word: unknown): boolean {
  return Number.isSafeInteger(Number(word));
}

/**
 * The decisions that a reply tells.
 *
 * @param checks What was asked.
 * @param reply What the client gave.
 * @throws {Error} When that is not a reply of the script.
 */
export function decisionsOf(checks: readonly Check[], reply: unknown): DatedDecision[] {
  const words: readonly unknown[] = Array.isArray(reply) ? reply : [];
  if (words.length !== 1 + FIELDS * checks.length || !words.every(isInteger)) {
    throw new Error(
      refusal("read what Redis replied", `it must be ${1 + FIELDS * checks.length} integers`, reply).slice(
        0,
        300,
      ),
    );
  }
  const now = Number(words[0]);
  return checks.map((check, i) => {
    const at = 1 + FIELDS * i;
    const resetAfterMs = Number(words[at + 2]);
    const retryAfterMs = Number(words[at + 3]);
    const blockedMs = Number(words[at + 5]);
    return decisionOf(check, {
      allowed: Number(words[at]) === 1,
      remaining: Number(words[at + 1]),
      resetAfterMs: resetAfterMs < 0 ? Infinity : resetAfterMs,
      retryAfterMs: retryAfterMs < 0 ? Infinity : retryAfterMs,
      at: Number(words[at + 4]),
      blocked: blockedMs > 0,
      blockedMs,
    }, now);
  });
}
