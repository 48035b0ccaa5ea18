/**
 * The Lua of the script that decides: stored states, and the decision over them.
 *
 * It runs anew for each call, so that functions and the variables that they share are costly: each is made again.
 *
 * @module
 */

/** The number of integers per check in the script's reply. */
export const FIELDS = 6;

/** Numbers from here on are not exact: 2^53. */
const MOST = 9_007_199_254_740_992;

/** Writes states of constant length. */
export const integersLua = `
local function text_of_integers(template, state) return string.format(template, unpack(state)) end
`;

/** Reads and writes states of varying length. */
export const listLua = `
local function list_in(text, form)
  local numbers = string.sub(text, #form + 1)
  if string.sub(text, 1, #form) ~= form or string.find(numbers, '^%d') or string.find(numbers, '[^ %d]') then return nil end
  local state = {}
  for digits in string.gmatch(numbers, '%d+') do state[#state + 1] = digits + 0 end
  return state
end

local function text_of_list(form, state)
  for i = 1, #state do form = form .. string.format(' %d', state[i]) end
  return form
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
  local text = redis.pcall('HGET', key, '')
  if type(text) == 'table' and not string.find(text.err, 'WRONGTYPE', 1, true) then error(text.err) end
  return type(text) == 'string' and text
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
    if page then redis.call('HSET', key, page_name(last), page) else redis.call('HDEL', key, page_name(last)) end
  end
  redis.call('PEXPIRE', key, life)
end
`;

/**
 * Decides. Each check of a decision is stepped; its new state is kept if all pass, if the check itself refuses, or if it is
 * the trial of the one that does. Where not all is kept, the checks that pass are stepped again without their cost: the answer
 * is what is left without the request.
 *
 * @param rulesLua Statements that set the `step` of a check's rule, all that it takes, and the `state`.
 * @param slackMs How much longer than its state a key lives, in ms.
 * @param logged Has a rule a log?
 */
export const decideLua = (rulesLua: string, slackMs: number, logged: boolean): string => `
-- A step, whose numbers can be used. To compare anything else is an error, and nothing is true of NaN.
local function checked(step, ...)
  local allowed, remaining, reset, retry, after, life, at, blocked = step(...)
  if remaining > -${MOST} and remaining < ${MOST} and reset > -${MOST} and retry > -${MOST} and life < ${MOST}
    and (not at or at < ${MOST}) and (not blocked or blocked < ${MOST}) then
    return allowed, remaining, reset, retry, after, life, at, blocked
  end
  error('it gave a number that cannot be used', 0)
end

-- Of each check, \`kept\` has the text to keep (false: as it is; true: none) and its life, the text to put back where somebody
-- took its expiry away, the check of the rule that it tries, the changed pages, and whether it is in a hash.
local reply, kept, word, check = { now, 0, 0, 0, 0, 0, 0 }, { 0, 0, 0, 0 }, 0, 0
while ARGV[word + 1] do
  local count, first, start = ARGV[word + 1] + 0, check, word + 1
  -- \`refuser\`: the one enforced check that refuses; -1 where several do.
  local spend, refuser, passed, problem = count > 0, nil, 0, nil
  if not spend then count = -count end

  for round = 1, 2 do
    word, check = start, first
    for i = 1, count do
      check = check + 1
      local key, rule, cost = KEYS[check], ARGV[word + 1], ARGV[word + 2] + 0
      word = word + 2
      local limit, window, mode, since, step, own, write, form, state, in_hash
      local stored = redis.pcall('GET', key)
      if type(stored) == 'table' then
        if not string.find(stored.err, 'WRONGTYPE', 1, true) then error(stored.err) end
        -- A value of another type counts as none, but for a log.
        stored, in_hash = false, true
      end
      ${rulesLua}
      local a, k = ${FIELDS} * check - ${FIELDS - 1}, 6 * i - 6
      if round == 1 then
        local ok, allowed, remaining, reset, retry, after, life, at, blocked =
          pcall(checked, step, state, limit, window, now, cost, since, own)
        local text = false
        if not ok then
          problem = problem or check .. ' ' .. tostring(allowed)
        else
          if after ~= state then
            text = true
            if after then ok, text = pcall(write, form, after) end
            if not ok then problem = problem or check .. ' ' .. tostring(text) end
          end
          if allowed then passed = passed + 1 elseif mode == '' then refuser = refuser and -1 or i end
          reply[a + 1], reply[a + 2], reply[a + 3] = allowed and 1 or 0, remaining, reset == math.huge and -1 or reset
          reply[a + 4], reply[a + 5], reply[a + 6] = retry == math.huge and -1 or retry, at or now, blocked or 0
        end
        kept[k + 1], kept[k + 2], kept[k + 3], kept[k + 4] = text, life, stored and (state and stored or true), mode
        ${logged ? "kept[k + 5], kept[k + 6] = ok and after and after.pages, in_hash" : ""}
      elseif reply[a + 1] == 1 and not (spend and mode == tostring(refuser)) then
        local ok, allowed, remaining, reset = pcall(checked, step, state, limit, window, now, 0, nil, own)
        if not ok then problem = problem or check .. ' ' .. tostring(allowed) end
        reply[a + 2], reply[a + 3] = remaining, reset == math.huge and -1 or reset
      end
    end
    if problem or passed == 0 or spend and not refuser then break end
  end

  for i = 1, problem and 0 or count do
    local key, a, k = KEYS[first + i], ${FIELDS} * (first + i) - ${FIELDS - 2}, 6 * i - 6
    local is_kept = spend and (not refuser or reply[a] == 0 or kept[k + 4] == tostring(refuser))
    local text, pages = is_kept and kept[k + 1], kept[k + 5]
    if not text and kept[k + 3] and redis.call('PTTL', key) == -1 then
      text, pages = kept[k + 3], kept[k + 6] and {}
    end
    if text == true or text and kept[k + 2] <= 0 then
      redis.call('DEL', key)
    elseif text then
      local life = string.format('%d', kept[k + 2] + ${slackMs})
      ${logged ? "if pages then keep_pages(key, text, pages, life, kept[k + 6]) else" : "do"}
        redis.call('SET', key, text, 'PX', life)
      end
    end
  end
  if problem then
    local a = ${FIELDS} * first + 1
    for i = a + 1, a + ${FIELDS} * count do reply[i] = 0 end
    reply[a + 1] = problem
  end
end
return reply
`;
