/**
 * The Lua of the script that decides: stored states, and the decision over them.
 *
 * It runs anew for each call, so that functions and the variables that they share are costly: each is made again.
 *
 * @module
 */

/** The number of integers per check in the script's reply. */
export const FIELDS = 6;

/** Room in a table for a check, as it costs to let one grow: in the reply, and beside it. */
const ROOM = "nil, nil, nil, nil, nil, nil, ";

/** Numbers from here on are not exact: 2^53. */
const MOST = 9_007_199_254_740_992;

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
  if remaining > -${MOST} and remaining < ${MOST} and reset > -${MOST} and retry > -${MOST} and life < ${MOST}
    and (not at or at < ${MOST}) and (not blocked or blocked < ${MOST}) then
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

/**
 * Decides. Each check of a decision is stepped; its new state is kept if all pass, if the check itself refuses, or if it is
 * the trial of the one that does. Where not all is kept, the checks that pass are stepped again without their cost: the answer
 * is what is left without the request.
 *
 * @param rulesLua Statements that set, by the number of a check's rule, what its step takes and the number of its `twin`.
 * @param twinsLua Statements that take the step of a twin, or set the `step` and the `state`.
 * @param slackMs How much longer than its state a key lives, in ms.
 * @param checks How many checks a call may well have, at least 1: tables have room for them, as it costs to let one grow.
 */
export const decideLua = (
  rulesLua: string,
  twinsLua: string,
  slackMs: number,
  checks: number,
): string => `
-- Of each check, \`kept\` has the text to keep (false: as it is; true: none) and its life, the text to put back where somebody
-- took its expiry away, the check of the rule that it tries, the changed pages, and whether it is in a hash.
local huge, reply, kept, word, check = math.huge, { now, ${ROOM.repeat(checks)} }, { ${
  ROOM.repeat(checks)
} }, 0, 0
while ARGV[word + 1] do
  -- \`refuser\`: the one enforced check that refuses; -1 where several do.
  local count, spend, first, passed, refuser, problem = 1, true, check, 0, nil, nil
  if ARGV[word + 1] == '#' then
    count, word = ARGV[word + 2] + 0, word + 2
    if count < 0 then count, spend = -count, false end
  end
  local start = word

  for round = 1, 2 do
    word, check = start, first
    for i = 1, count do
      check = check + 1
      word = word + 1
      local rule, cost, a, k = ARGV[word], 1, ${FIELDS} * check - ${FIELDS - 1}, 6 * i - 6
      if rule == '*' then
        cost, rule, word = ARGV[word + 1] + 0, ARGV[word + 2], word + 2
      end
      local limit, window, mode, since, twin, p, p1, last = nil, nil, nil, nil, nil, nil, nil, 1
      ${rulesLua}
      local again = round == 2
      if again then cost, since = 0, nil end
      if not again or reply[a + 1] == 1 and not (spend and mode == tostring(refuser)) then
        local key, in_hash = KEYS[check], false
        local stored = redis.pcall('GET', key)
        if type(stored) == 'table' then
          if not string.find(stored.err, 'WRONGTYPE', 1, true) then error(stored.err) end
          -- A value of another type counts as none, but for a log.
          stored, in_hash = false, true
        end
        local ok, text, blocked, allowed, remaining, reset, retry, life, at, known = true, false, 0
        local step, state, write, form, width, pages
        ${twinsLua}
        if step then
          local after
          ok, allowed, remaining, reset, retry, after, life, at, blocked =
            pcall(checked, step, state, limit, window, now, cost, since, p)
          known = state
          if ok and not again and after ~= state then
            text = true
            if after then ok, text = pcall(write, form, after, width) end
            if not ok then allowed = text end
          end
          pages = ok and after and after.pages
          if reset == huge then reset = -1 end
          at, blocked = at or now, blocked or 0
        end
        if not ok then
          problem = problem or check .. ' ' .. tostring(allowed)
        elseif again then
          reply[a + 2], reply[a + 3] = remaining, reset
        else
          if allowed then passed = passed + 1 elseif mode == '' then refuser = refuser and -1 or i end
          reply[a + 1], reply[a + 2], reply[a + 3] = allowed and 1 or 0, remaining, reset
          reply[a + 4], reply[a + 5], reply[a + 6] = retry == huge and -1 or retry, at, blocked
          kept[k + 1], kept[k + 2], kept[k + 3], kept[k + 4] = text, life, stored and (known and stored or true), mode
          kept[k + 5], kept[k + 6] = pages, in_hash
        end
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
      if pages then
        keep_pages(key, text, pages, life, kept[k + 6])
      else
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
