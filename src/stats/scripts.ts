/**
 * The Lua scripts of shared statistics, and the commands that they run.
 *
 * @module
 */

/** How long a key lives after it was last written, in s: 25 hours, longer than anything is read. */
export const LIFE_S = 90_000;
/** Words of one PFADD: Lua hands on no more than some thousands. */
export const CHUNK = 1000;

/** Runs commands: each is its name, how many keys and how many other words, the places of the keys, the words. */
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
// Functions, as a text that is put together at import stays in every bundle, used or not.

/** Runs commands and replies what they reply. */
export const readScript = (): string => `local at = 1\n${RUN}`;

/**
 * KEYS[1] holds the seed of all instances' hashes, KEYS[2] the number of this instance's last batch. A batch made with
 * another seed is not taken, but answered with the seed; one taken before is not taken twice.
 */
export const writeScript = (): string => `
local seed = redis.call('GET', KEYS[1]) or ARGV[1]
redis.call('SET', KEYS[1], seed, 'EX', ${LIFE_S})
if seed ~= ARGV[1] then return seed end
local last = redis.call('GET', KEYS[2])
if last and tonumber(last) >= tonumber(ARGV[2]) then return 'done' end
redis.call('SET', KEYS[2], ARGV[2], 'EX', ${LIFE_S})
local at = 3
${RUN.replace("return replies", "return 'done'")}
`;

/** Commands for the scripts above. */
export interface Commands {
  /** Names of keys, without repetition. */
  readonly keys: string[];
  /** The other words that the script gets. */
  readonly words: string[];
  /** Adds a command: its name, its keys, its other words. */
  add(name: string, keys: string | readonly string[], ...words: readonly (string | number)[]): void;
}

/**
 * @param first Names of keys that the script itself reads.
 * @returns No command yet.
 */
export function commands(first: readonly string[] = []): Commands {
  // One tag, so that a cluster keeps all of it on one node.
  const tagged = (key: string): string => `{stats}:${key}`;
  const keys = first.map(tagged);
  const places = new Map(keys.map((key, i) => [key, i + 1]));
  const words: string[] = [];
  function placeOf(key: string): number {
    const known = places.get(key);
    if (known !== undefined) return known;
    places.set(key, keys.push(key));
    return keys.length;
  }
  return {
    keys,
    words,
    add(name, named, ...others) {
      const places = [named].flat().map((key) => placeOf(tagged(key)));
      words.push(name, String(places.length), String(others.length));
      for (const word of [...places, ...others]) words.push(String(word));
    },
  };
}
