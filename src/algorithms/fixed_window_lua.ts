/**
 * The Lua twin of `fixed_window.ts`, line by line the same: the statements that {@link packedLua} takes. Every throttle has
 * this algorithm, and only a store that runs scripts its twin.
 *
 * @module
 */

import type { PackedLua } from "./packed_lua.ts";

/** The statements. */
export const fixedWindowLua: PackedLua = {
  step: `
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
  life, at, s1, s2 = (open or changed) and left or 0, start, start, after
`,
  // The start has 13 digits, the used units the others: Redis keeps a number of at most 19 digits in the memory of a counter, and
  // raises it in half the time of a new text.
  text: {
    read: `s1, s2 = string.match(stored, '^(%d%d%d%d%d%d%d%d%d%d%d%d%d)(%d+)$')
          if s1 then s1, s2 = s1 + 0, s2 + 0 end`,
    say: `said = stored`,
    // In a window that is open.
    charge: (limit, window) => `
        if stored and #stored > 13 then
          local start, used = string.match(stored, '^(%d%d%d%d%d%d%d%d%d%d%d%d%d)(%d+)$')
          life = start and start + ${window} - now
          if life and life > 0 and life <= ${2 * window} then
            taken, known, said, allowed = true, stored, stored, used + 0 < ${limit}
            if allowed then
              if used + 1 < 10 ^ #used then raise = '1' else text = start .. format('%d', used + 1) end
            end
          end
        end`,
    write: `if known == s1 and not since and after < 10 ^ (#stored - 13) then raise = more
          else text = format('%013d%d', s1, s2) end`,
  },
  report: `
  remaining, reset = s2 < limit and limit - s2 or 0, s2 > 0 and left or 0
  retry = allowed and 0 or cost > limit and math.huge or left
`,
};
