/**
 * The Lua twin of `fixed_window.ts`, line by line the same: the statements that {@link packedLua} takes. Every throttle has
 * this algorithm, and only a store that runs scripts its twin.
 *
 * @module
 */

/** The statements. */
export const fixedWindowLua = `
  local opening, past, ends = p1 == 1 and now - math.fmod(now, window) or now, now - window, nil
  local mended = s1 and s1 - now > window
  local start = mended and now or s1 or opening
  for i = 2, last do
    local time = math.max(now, start)
    if p[i] <= time then
      if not p[i + 1] then past = math.max(past, p[i] - 1)
      elseif time < p[i + 1] then opening, past, ends = p[i], p[i] - 1, p[i + 1] end
    end
  end
  if mended and ends then start = opening end
  local open = s1 and start > past
  local used = open and s2 or 0
  if not open then start = opening end
  local after = used
  allowed = true
  if since then
    if since > past and (cost > 0 or (open and since == s1)) then
      after = math.min(9007199254740991, math.max(0, used + cost))
    end
    if after ~= used and not open and since - now <= window then start = since end
  else
    allowed = used + cost <= limit
    if allowed then after = used + cost end
  end
  changed = after ~= used or mended
  local left = (ends or start + window) - now
  remaining, reset = after < limit and limit - after or 0, after > 0 and left or 0
  retry = allowed and 0 or cost > limit and math.huge or left
  life, at, s1, s2 = (open or changed) and left or 0, start, start, after
`;
