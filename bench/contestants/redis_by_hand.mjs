/**
 * Scripts by hand with the fewest commands that the guarantees need on Redis: all or nothing in one call, by its clock, every key
 * with an expiry, and nothing written for a refused request. Rules are constants, and nothing more is known of a charge than that
 * it passed: it cannot be corrected.
 */
import { createHash } from "node:crypto";

/** A counter that lives as long as its window. The reply to each rule: its count, and how long the window lives. */
const fixedWindow = (rules) => `
local call, KEYS = redis.call, KEYS
${
  rules.map((_, i) => `
local key${i} = KEYS[${i + 1}]
local count${i} = call('GET', key${i})`).join("")
}
local passes = ${rules.map(({ limit }, i) => `(not count${i} or count${i} + 0 < ${limit})`).join(" and ")}
local reply = passes and '1' or '0'
${
  rules.map(({ windowMs }, i) => `
local left = count${i} and call('PTTL', key${i}) or -1
if left < 0 then
  left = ${windowMs}
  if passes then call('SET', key${i}, '1', 'PX', '${windowMs}') end
elseif passes then
  call('INCR', key${i})
end
reply = reply .. ' ' .. (count${i} or '0') .. ' ' .. left`).join("")
}
return reply
`;

/** The time at which the meter is empty. The reply to each rule: that time. */
const gcra = (rules) => `
local call, KEYS, format = redis.call, KEYS, string.format
local time = call('TIME')
local now = (time[1] * 1000000 + time[2]) / 1000
${
  rules.map((_, i) => `
local key${i} = KEYS[${i + 1}]
local text${i} = call('GET', key${i})
local empty${i} = text${i} and text${i} + 0 or 0
if empty${i} < now then empty${i} = now end`).join("")
}
if ${
  rules.map(({ limit, windowMs }, i) => `empty${i} - now <= ${windowMs - windowMs / limit}`).join(" and ")
} then
${
  rules.map(({ limit, windowMs }, i) => `
  empty${i} = empty${i} + ${windowMs / limit}
  text${i} = format('%.3f', empty${i})
  call('SET', key${i}, text${i}, 'PX', format('%d', empty${i} - now + 1))`).join("")
}
  return '1 ' .. ${rules.map((_, i) => `text${i}`).join(" .. ' ' .. ")}
end
return '0 ' .. ${rules.map((_, i) => `text${i}`).join(" .. ' ' .. ")}
`;

const SCRIPTS = { fixedWindow, gcra };

export async function shared({ rules, tcp, algorithm }) {
  const text = SCRIPTS[algorithm](rules);
  await tcp.script("LOAD", text);
  const sha = createHash("sha1").update(text).digest("hex");
  return async (client) => {
    const keys = rules.map(({ name }) => `weir:${name}:${client}`);
    const [passes] = await tcp.evalsha(sha, keys.length, ...keys);
    return passes === "1";
  };
}
