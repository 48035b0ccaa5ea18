/**
 * The Lua twin of a block: line by line the same as `block.ts`.
 *
 * @module
 */

/**
 * The twin of the wrapper, as statements that define `block_around(inner, width)`, which gives the twin around
 * another. The width is that of the inner states, or false if it varies.
 */
export const blockLua = `
local function block_step(inner, width, state, limit, window, now, cost, since, p)
  local after, within, first, growth, most = p[1], p[2], p[3], p[4], p[5]
  local own = { unpack(p, 6) }
  local ends, last, refusals, inside, mended = 0, 0, {}, nil, false
  if state and (#state < 3 or #state < 3 + state[3]) then state = nil end
  if state and width and #state > 3 + state[3] and #state ~= 3 + state[3] + width then state = nil end
  if state then
    ends, last = state[1], state[2]
    if ends - last - now > last then ends, mended = now + last, true end
    for i = 4, 3 + state[3] do
      if state[i] + within > now then refusals[#refusals + 1] = state[i] end
    end
    if #state > 3 + state[3] then
      inside = {}
      for i = 4 + state[3], #state do inside[#inside + 1] = state[i] end
      inside.text, inside.page, inside.pages = state.text, state.page, state.pages
    end
    if #refusals > 0 and refusals[#refusals] - now > within then
      for i = 1, #refusals do refusals[i] = math.min(refusals[i], now) end
      mended = true
    end
  end
  local allowed, remaining, reset, retry, kept, ttl, at = inner(inside, limit, window, now, cost, since, own)
  local blocked, changed = false, mended or kept ~= inside
  if not since then
    if now < ends then
      if allowed then
        allowed, remaining, reset, retry, kept, ttl, at = inner(inside, limit, window, now, 0, nil, own)
      elseif kept ~= inside then
        local _
        _, _, _, _, kept = inner(inside, limit, window, now, 0, nil, own)
      end
      allowed, blocked, changed = false, true, mended or kept ~= inside
    elseif not allowed and cost > 0 then
      changed = true
      refusals[#refusals + 1] = math.max(now, refusals[#refusals] or now)
      if #refusals >= after then
        last = last > 0 and now < ends + 2 * last and math.min(most, math.floor(last * growth)) or first
        ends, refusals, blocked = now + last, {}, true
      end
    end
  end
  if blocked then
    remaining = 0
    retry = math.max(retry, ends - now)
    reset = math.max(reset, ends - now)
  end
  local life = ttl
  if last > 0 then life = math.max(life, ends + 2 * last - now) end
  if #refusals > 0 then life = math.max(life, refusals[#refusals] + within - now) end
  blocked = blocked and ends - now
  if not changed then return allowed, remaining, reset, retry, state, life, at, blocked end
  local flat = { ends, last, #refusals }
  for i = 1, #refusals do flat[#flat + 1] = refusals[i] end
  for i = 1, #(kept or {}) do flat[#flat + 1] = kept[i] end
  if kept then flat.text, flat.page, flat.pages = kept.text, kept.page, kept.pages end
  return allowed, remaining, reset, retry, flat, life, at, blocked
end
local function block_around(inner, width)
  return function(...) return block_step(inner, width, ...) end
end
`;
