/**
 * The Lua scripts of shared statistics, and their commands.
 *
 * @module
 */

/** The expiry of a key after its last write, in s: 25 hours, longer than any report reads back. */
export const EXPIRY_S = 90_000;
/** The number of words per PFADD: Lua's `unpack` accepts only some thousands. */
export const CHUNK = 1000;

/**
 * Runs commands. Each consists of its name, its number of keys, its number of other words, the indexes of its
 * keys, and the words.
 */
const RUN = `
local replies = {}
while at <= #ARGV do
  local keys, words = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local command = { ARGV[at] }
  for i = 1, keys do command[i + 1] = KEYS[tonumber(ARGV[at + 2 + i])] end
  for i = 1, words do command[keys + i + 1] = ARGV[at + 2 + keys + i] end
  replies[#replies + 1] = redis.call(unpack(command))
  at = at + 3 + keys + words
end
return replies
`;
// Functions, since a bundler keeps text that is built at import even if nothing uses it.

/** Runs commands and returns their replies. */
export const readScript = (): string => `local at = 1\n${RUN}`;

/**
 * KEYS[1] holds the seed of all instances' hashes, KEYS[2] the number of this instance's last batch. A batch
 * with another seed is rejected with the stored seed; a batch that was written before is skipped.
 */
export const writeScript = (): string => `
local seed = redis.call('GET', KEYS[1]) or ARGV[1]
redis.call('SET', KEYS[1], seed, 'EX', ${EXPIRY_S})
if seed ~= ARGV[1] then return seed end
local last = redis.call('GET', KEYS[2])
if last and tonumber(last) >= tonumber(ARGV[2]) then return 'done' end
redis.call('SET', KEYS[2], ARGV[2], 'EX', ${EXPIRY_S})
local at = 3
${RUN.replace("return replies", "return 'done'")}
`;

/** Commands for the scripts above. */
export interface Commands {
  /** The names of the keys, without repetition. */
  readonly keys: string[];
  /** The other arguments of the script. */
  readonly words: string[];
  /** Adds a command: its name, its keys, its other words. */
  add(name: string, keys: string | readonly string[], ...words: readonly (string | number)[]): void;
}

/**
 * @param first The names of keys that the script itself reads.
 * @returns An empty list of commands.
 */
export function commands(first: readonly string[] = []): Commands {
  // One hash tag keeps all keys on one node of a cluster.
  const tagged = (key: string): string => `{stats}:${key}`;
  const keys = first.map(tagged);
  const indexes = new Map(keys.map((key, i) => [key, i + 1]));
  const words: string[] = [];
  function indexOf(key: string): number {
    const known = indexes.get(key);
    if (known !== undefined) return known;
    indexes.set(key, keys.push(key));
    return keys.length;
  }
  return {
    keys,
    words,
    add(name, named, ...others) {
      const indexes = [named].flat().map((key) => indexOf(tagged(key)));
      words.push(name, String(indexes.length), String(others.length));
      for (const word of [...indexes, ...others]) words.push(String(word));
    },
  };
}
