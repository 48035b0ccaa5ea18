/**
 * The Lua of the script that decides, in its three parts: stored states, the verdicts, and the commands around them. The twins
 * of the algorithms stand before it.
 *
 * @module
 */

/** The number of words that a check has in the script's ARGV, and of integers in its reply. One word of the decision's own leads its words. */
export const WORDS = 7;
/** See {@link WORDS}. */
export const FIELDS = 6;

/** Reads states from stored values, and writes them. */
export const storedLua = `
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
`;

/**
 * Decides: steps every check, and returns the values to keep.
 *
 * @param slackMs How much longer than its state a key lives, in ms.
 */
export const judgeLua = (slackMs: number): string => `
local function whole(number) return number == huge and -1 or number end

-- The check whose twin is at work: an error then is that twin's.
local current

-- The answer, and of each check: the value to keep (false: none; nil: as it is), its life in ms (false: none), and the state
-- it has. Asks Redis for nothing but pages of logs, so an error here is a twin's.
local function judge(words, stored, books)
  local answer, states, afters, values, lives, refuser = {}, {}, {}, {}, {}, nil
  for i = 1, #stored do
    local w, a = ${WORDS} * (i - 1) + 1, ${FIELDS} * (i - 1)
    local twin, since = twins[words[w + 1]], words[w + 6]
    local state = state_in(stored[i], twin)
    if state and books[i] then state.page, state.pages = books[i], {} end
    current = i
    local allowed, remaining, reset, retry, after, life, at, blocked =
      twin.step(state, words[w + 3], words[w + 4], now, words[w + 5], since >= 0 and since or nil, words[w + 7])
    if not (remaining and reset and retry and life) then error('it did not give all its numbers') end
    -- Where several refuse, it is no check.
    if not allowed and words[w + 2] == 0 then refuser = refuser and huge or i end
    states[i], afters[i], lives[i] = state, after, life > 0 and format('%.0f', life + ${slackMs})
    answer[a + 1], answer[a + 2], answer[a + 3] = allowed and 1 or 0, remaining, whole(reset)
    answer[a + 4], answer[a + 5], answer[a + 6] = whole(retry), at or now, blocked or 0
  end
  local spend = words[1] == 1
  for i = 1, #stored do
    local w, a = ${WORDS} * (i - 1) + 1, ${FIELDS} * (i - 1)
    local twin, state, allowed = twins[words[w + 1]], states[i], answer[a + 1] == 1
    -- A trial is kept beside its own rule's refusal.
    local kept = spend and (not refuser or not allowed or words[w + 2] + refuser == 0)
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
`;

/** Loads the states of each decision, and keeps the new ones. */
export const decideLua: string = `
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
