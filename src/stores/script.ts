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
 * KEYS are the checks' keys, ARGV their texts in the same order ({@link checkText}); one more ARGV makes it a peek. The
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
  const table = twins.map(({ name, lua }) => `{ name = ${JSON.stringify(name)}, step = ${lua} }`).join(",\n");
  const steps = PRELUDES.reduceRight(
    (text, [names, lua]) => names.test(text) ? lua + text : text,
    `\nlocal twins = {\n${table}\n}`,
  );
  return `${steps}
local ALLOWED, REMAINING, RESET, RETRY, STATE, TTL, AT, BLOCKED_MS = 1, 2, 3, 4, 5, 6, 7, 8
local now = ${now}
local spend = #ARGV == #KEYS

-- The state in a stored value, or nil where it holds anything else.
local function state_in(value, name)
  if not value or string.sub(value, 1, #name + 1) ~= name .. ' ' then return nil end
  local ok, state = pcall(cjson.decode, string.sub(value, #name + 2))
  return ok and type(state) == 'table' and state or nil
end

local function keep(key, name, state, ttl)
  if not state or ttl <= 0 then return redis.call('DEL', key) end
  local words = {}
  for i = 1, #state do
    local number = state[i]
    -- A number joined to text as it is keeps 14 digits.
    words[i] = number < 1e14 and number or string.format('%.0f', number)
  end
  local value = name .. ' [' .. table.concat(words, ',') .. ']'
  redis.call('SET', key, value, 'PX', string.format('%.0f', ttl + ${slackMs}))
end

local function step(check, cost, since)
  return { check.twin.step(check.state, check.limit, check.window, now, cost, since, check.params) }
end

local stored = redis.call('MGET', unpack(KEYS))
local checks, answers, pass = {}, {}, true
for i = 1, #KEYS do
  local words = cjson.decode(ARGV[i])
  local check = { twin = twins[words[1]], limit = words[3], window = words[4], params = {} }
  for j = 7, #words do check.params[j - 6] = words[j] end
  check.state = state_in(stored[i], check.twin.name)
  local answer = step(check, words[5], words[6] >= 0 and words[6] or nil)
  if not answer[ALLOWED] and words[2] == 0 then pass = false end
  checks[i], answers[i] = check, answer
end

local function whole(number) return number == math.huge and -1 or number end

local reply = { now }
for i, check in ipairs(checks) do
  local key, name, state, answer = KEYS[i], check.twin.name, check.state, answers[i]
  local kept = spend and (pass or not answer[ALLOWED])
  if kept and answer[STATE] ~= state then
    keep(key, name, answer[STATE], answer[TTL])
  elseif stored[i] and redis.call('PTTL', key) == -1 then
    -- Somebody took its expiry away: no key may live for ever.
    keep(key, name, state, answer[TTL])
  end
  -- Nothing was charged: show what is left without this request.
  local shown = not kept and answer[ALLOWED] and step(check, 0, nil) or answer
  reply[#reply + 1] = answer[ALLOWED] and 1 or 0
  reply[#reply + 1] = shown[REMAINING]
  reply[#reply + 1] = whole(shown[RESET])
  reply[#reply + 1] = whole(answer[RETRY])
  reply[#reply + 1] = answer[AT] or now
  reply[#reply + 1] = answer[BLOCKED_MS] or 0
end
return reply
`;
}

/** A check as the script reads it: a JSON array of numbers. */
export function checkText({ policy, algorithm, cost, since }: Check, place: number): string {
  const { mode, limit, windowMs } = policy;
  const shadow = mode === "shadow" ? 1 : 0;
  return JSON.stringify([place, shadow, limit, windowMs, cost, since ?? -1, ...(algorithm.params ?? [])]);
}

/** How many integers the reply has for each check. */
const FIELDS = 6;

/**
 * The decisions that a reply tells.
 *
 * @param checks What was asked.
 * @param reply What the client gave.
 * @throws {Error} When that is not a reply of the script.
 */
export function decisionsOf(checks: readonly Check[], reply: unknown): DatedDecision[] {
  const numbers = Array.isArray(reply) ? reply.map(Number) : [];
  if (numbers.length !== 1 + FIELDS * checks.length || !numbers.every(Number.isSafeInteger)) {
    throw new Error(
      refusal("read what Redis replied", `it must be ${1 + FIELDS * checks.length} integers`, reply).slice(
        0,
        300,
      ),
    );
  }
  const [now] = numbers;
  return checks.map((check, i) => {
    const [allowed, remaining, resetAfterMs, retryAfterMs, at, blockedMs] = numbers.slice(1 + FIELDS * i);
    return decisionOf(check, {
      allowed: allowed === 1,
      remaining,
      resetAfterMs: resetAfterMs < 0 ? Infinity : resetAfterMs,
      retryAfterMs: retryAfterMs < 0 ? Infinity : retryAfterMs,
      at,
      blocked: blockedMs > 0,
      blockedMs,
    }, now);
  });
}
