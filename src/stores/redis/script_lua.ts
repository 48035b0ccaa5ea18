/**
 * The Lua of the script that decides: stored states, and the decision over them.
 *
 * It runs anew for each call, so that functions and the variables that they share are costly: each is made again.
 *
 * @module
 */

import type { PackedText } from "../../algorithms/packed_lua.ts";

/**
 * The text between the parts of the script's reply: no state has it, nor any ASCII, and a message of an error gets a
 * space for it.
 */
export const SEPARATOR = "\xA6";

/** Numbers from here on are not exact: 2^53. */
const MAX_EXACT = 9_007_199_254_740_992;

/** The Lua of steps that are functions, as most twins of one's own are: they may fail, and their states are lists. */
export const functionsLua: string = `
local function list_in(text, form, width)
  local numbers = string.sub(text, #form + 1)
  if string.sub(text, 1, #form) ~= form or string.find(numbers, '^%d') or string.find(numbers, '[^ %d]') then return nil end
  local state = {}
  for digits in string.gmatch(numbers, '%d+') do state[#state + 1] = digits + 0 end
  return (not width or #state == width) and state or nil
end

local function text_of_list(form, state, width)
  for i = 1, width or #state do form = form .. string.format(' %d', state[i]) end
  return form
end

-- A step, whose numbers can be used. To compare anything else is an error, and nothing is true of NaN.
local function checked(step, ...)
  local allowed, remaining, reset, retry, after, life, at, blocked = step(...)
  if remaining > -${MAX_EXACT} and remaining < ${MAX_EXACT} and reset > -${MAX_EXACT} and retry > -${MAX_EXACT} and life < ${MAX_EXACT}
    and (not at or at < ${MAX_EXACT}) and (not blocked or blocked < ${MAX_EXACT}) then
    return allowed, remaining, reset, retry, after, life, at, blocked
  end
  error('it gave a number that cannot be used', 0)
end
`;

/**
 * Reads and writes logs. The newest entries follow a bar after the state's integers. A log with full pages is
 * in a hash: that text in the field without a name, and each page in the field of its last time.
 */
export const storedLogLua = `
local function page_name(last) return string.format('%d', last) end

-- The text of a log in a hash; false where something else is there.
local function hashed_log(key)
  local stored = redis.pcall('HGET', key, '')
  if type(stored) == 'table' and not string.find(stored.err, 'WRONGTYPE', 1, true) then error(stored.err) end
  return type(stored) == 'string' and stored
end

local function log_in(text, form, key, in_hash)
  local bar = string.find(text, '|', 1, true)
  local entries = bar and string.sub(text, bar + 1)
  local state = bar and is_entries(entries) and list_in(string.sub(text, 1, bar - 1), form) or nil
  if not state then return nil end
  state.text = entries
  if in_hash then
    state.page = function(last) return redis.call('HGET', key, page_name(last)) end
    state.pages = {}
  end
  return state
end

local function text_of_log(form, state)
  return text_of_list(form, state) .. '|' .. (state.text or '')
end

-- Keeps a log in a hash, with the pages that have changed.
local function keep_pages(key, text, pages, life, in_hash)
  if not in_hash then redis.call('DEL', key) end
  redis.call('HSET', key, '', text)
  for last, page in pairs(pages) do
    if page then redis.call('HSET', key, page_name(last), page)
    else redis.call('HDEL', key, page_name(last)) end
  end
  redis.call('PEXPIRE', key, life)
end
`;

/** The members of a check in the list `kept` of a script. */
const MEMBERS = ["text", "life", "known", "mode", "allowed", "said", "raise", "pages", "in_hash"];
const SIZE = MEMBERS.length;

/** Their places there. */
const places = (): string[] => MEMBERS.map((_, i) => `kept[k + ${i + 1}]`);

/** Statements that load the text of a check's state. */
const loadLua = `
        if stored and stored.err then
          if not string.find(stored.err, 'WRONGTYPE', 1, true) then error(stored.err) end
          -- A value of another type counts as none, but for a log.
          stored, in_hash = false, true
        end`;

type InPlace = NonNullable<PackedText["inPlace"]>;

/** A number is raised. */
const RAISED: InPlace = {
  command: "'INCRBY', key, raise",
  text: "string.sub(known, 1, 13) .. format('%d', string.sub(known, 14) + raise)",
};

/** Statements that keep the state of a check. A decision about one rule needs no list. */
const keepLua = (slackMs: number, { command, text }: InPlace = RAISED): string => `
    if raise and is_kept then
      -- Where its expiry stands. A user without the right to the command has that to SET.
      text = (call('PTTL', key) < life or type(redis.pcall(${command})) ~= 'number') and ${text}
    else
      text = is_kept and text
      if not text and known and call('PTTL', key) == -1 then text, pages = known, in_hash and {} end
    end
    if text == true or text and life <= 0 then
      call('DEL', key)
    elseif text then
      life = format('%d', life + ${slackMs})
      if pages then
        keep_pages(key, text, pages, life, in_hash)
      else
        call('SET', key, text, 'PX', life)
      end
    end`;

/** A statement that adds the reply to a check. */
const replyLua = `reply = reply .. '${SEPARATOR}' .. said`;

/** The variables of a place: of the check, as they are in the list \`kept\`, and its key. */
const placeNames = (place: number): string[] =>
  ["key", "text", "life", "known", "raise", "allowed", "said"].map((name) => name + place);

/**
 * Statements that decide charges of one unit under rules that have a place: all variables are the script's own, and nothing
 * is looked up. \`asked\` has a bit for each rule, the first the lowest.
 *
 * @param twins The statements of each rule's twin, and whether it is enforced.
 */
const placedLua = (
  twins: readonly {
    readonly charge: string;
    readonly step: string;
    readonly isEnforced: boolean;
    readonly inPlace: InPlace | undefined;
  }[],
  slackMs: number,
): string => `
  local refused, pages, in_hash
  ${
  twins.map(({ charge, step, isEnforced }, i) => `
  local ${placeNames(i)}
  if asked % ${2 ** (i + 1)} >= ${2 ** i} then
    check = check + 1
    key${i} = KEYS[check]
    local taken, stored, text, allowed, life, known, said, raise, in_hash = nil, redis.pcall('GET', key${i}), false, nil, nil, nil, nil, nil, nil
    ${charge}
    if not taken then
    ${loadLua}
    ${step}
    end
    ${isEnforced ? "if not allowed then refused = true end" : ""}
    text${i}, life${i}, known${i}, raise${i}, allowed${i}, said${i} =
      text, life, stored and (known and stored or true), raise, allowed, said or ''
  end`).join("")
}${
  twins.map(({ inPlace }, i) => `
  if key${i} then
    local is_kept, key, text, life, known, raise = not refused or not allowed${i}, ${
    placeNames(i).slice(0, 5)
  }
    ${keepLua(slackMs, inPlace)}
  end`).join("")
}
  reply = reply${twins.map((_, i) => ` .. (key${i} and '${SEPARATOR}' or '') .. (said${i} or '')`).join("")}
`;

/**
 * Decides. Each check of a decision is stepped; its new state is kept if all pass, if the check itself refuses, or if it is
 * the trial of the one that does. Where not all is kept, the checks that pass are stepped again without their cost: the answer
 * is what is left without the request.
 *
 * The reply to a check by a packed step is the state that it started from, as the process that asks takes that step too; for
 * a step that is a function it is the decision's numbers.
 *
 * @param rulesLua Statements that set, by the number of a check's rule, what its step takes and the number of its `twin`.
 * @param twinsLua Statements that take the step of a twin, or set the `step` and the `state`.
 * @param placed The rules that have a place, see {@link placedLua}.
 * @param slackMs How much longer than its state a key lives, in ms.
 * @param checks How many checks a call may well have, at least 1: tables have room for them, as it costs to let one grow.
 */
export const decideLua = (
  rulesLua: string,
  twinsLua: string,
  placed: Parameters<typeof placedLua>[0],
  slackMs: number,
  checks: number,
): string => `
-- Of each check, \`kept\` has the text to keep (false: as it is; true: none) and its life, the text to put back where somebody
-- took its expiry away, the check of the rule that it tries, whether it passes, the reply to it, the number to raise
-- that text by instead, the changed pages, and whether it is in a hash.
local call, redis, format, ARGV, KEYS = redis.call, redis, string.format, ARGV, KEYS
local reply, replies, kept, word, check = format('%d', now), nil, nil, 1, 0
while ARGV[word] do
  local asked = ARGV[word]
  ${
  placed.length === 0 ? "" : `if asked ~= '#' then
  asked, word = asked + 0, word + 1
  ${placedLua(placed, slackMs)}
  else`
}
  -- \`refuser\`: the one enforced check that refuses; -1 where several do.
  local huge, count, spend, first, passed, refuser, problem = math.huge, ARGV[word + 1] + 0, true, check, 0, nil, nil
  if count < 0 then count, spend = -count, false end
  local start = word + 1

  for round = 1, 2 do
    word, check = start, first
    for i = 1, count do
      check = check + 1
      word = word + 1
      local rule, cost, more, k = ARGV[word], 1, '1', ${SIZE} * (i - 1)
      if rule == '*' then
        more = ARGV[word + 1]
        cost, rule, word = more + 0, ARGV[word + 2], word + 2
      end
      local limit, window, mode, since, twin, p, p1, last = nil, nil, nil, nil, nil, nil, nil, 1
      ${rulesLua}
      local again, answer = round == 2, nil
      if again then cost, since, answer = 0, nil, kept[k + 6] end
      if not again or type(answer) == 'table' and answer[1] == 1 and not (spend and mode == tostring(refuser)) then
        local key, stored = KEYS[check], redis.pcall('GET', KEYS[check])
        local ok, text, in_hash, allowed, life, known, said, raise, pages = true, false, nil, nil, nil, nil, nil, nil, nil
        local step, state, write, form, width
        ${loadLua}
        ${twinsLua}
        if step then
          local after, remaining, reset, retry, at, blocked
          ok, allowed, remaining, reset, retry, after, life, at, blocked =
            pcall(checked, step, state, limit, window, now, cost, since, p)
          known = state
          if ok and not again and after ~= state then
            text = true
            if after then ok, text = pcall(write, form, after, width) end
            if not ok then allowed = text end
          end
          if not ok then
            problem = problem or check .. ' ' .. tostring(allowed)
          else
            pages = after and after.pages
            if reset == huge then reset = -1 end
            said = answer or { allowed and 1 or 0, 0, 0, retry == huge and -1 or retry, at or now, blocked or 0 }
            said[2], said[3] = remaining, reset
          end
        end
        if ok and not again then
          if allowed then passed = passed + 1 elseif mode == '' then refuser = refuser and -1 or i end
          known, said = stored and (known and stored or true), said or ''
          if count == 1 and not step then
            local is_kept = spend
            ${keepLua(slackMs)}
            ${replyLua}
            count = 0
          else
            kept = kept or { ${"nil, ".repeat(SIZE * checks)} }
            ${places()} = ${MEMBERS}
          end
        end
      end
    end
    if problem or passed == 0 or count == 0 or spend and not refuser then break end
  end

  for i = 1, problem and 0 or count do
    local key, k = KEYS[first + i], ${SIZE} * (i - 1)
    local ${MEMBERS} = ${places()}
    local is_kept = spend and (not refuser or not allowed or mode == tostring(refuser))
    if type(said) == 'table' then said = format(': %d %d %d %d %d %d', unpack(said)) end
    ${keepLua(slackMs)}
    ${replyLua}
  end
  if problem then
    reply = reply .. '${SEPARATOR}!' .. string.gsub(problem, '${SEPARATOR}', ' ')
  end
  word = word + 1
  ${placed.length === 0 ? "" : "end"}
  -- To add to a long text copies it.
  if #reply > 99 then
    replies = replies or {}
    replies[#replies + 1], reply = reply, ''
  end
end
return replies and table.concat(replies) .. reply or reply
`;
