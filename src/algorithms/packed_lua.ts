/**
 * Lua twins of packed steps: as {@link StepPacked}, but in variables rather than in a list, so that a script makes no object
 * to take the step.
 *
 * @module
 */

const HEAD = "function(state, limit, window, now, cost, since, p)";
const MARK = "-- the step";

/** The names of a state's integers. */
export const integerNames = (width: number): string[] => Array.from({ length: width }, (_, i) => `s${i + 1}`);

/**
 * The twin of a packed step.
 *
 * @param width The number of integers in a state.
 * @param step Statements. They read `limit`, `window`, `now`, `cost`, `since`, the first parameter `p1`, the list `p` from its
 * second to its `last` member (calendar boundaries), and the state in `s1`, `s2` and so on, nil without one. They set
 * `allowed`, `remaining`, `reset`, `retry`, `life`, `at` and, where there is a new state, `changed`, `s1`, `s2` and so on.
 */
export function packedLua(width: number, step: string): string {
  const state = integerNames(width);
  return `${HEAD}
  local p1, last, allowed, remaining, reset, retry, life, at, changed, ${state} = p[1], #p
  if state then ${state} = unpack(state) end
${MARK}${step}${MARK}
  if changed then state = { ${state} } end
  return allowed, remaining, reset, retry, state, life, at
end`;
}

/** The statements of a twin that {@link packedLua} made for states of that width; undefined of any other. */
export function packedStatements(width: number, lua: string): string | undefined {
  const [, step] = lua.split(MARK);
  return step !== undefined && lua === packedLua(width, step) ? step : undefined;
}
