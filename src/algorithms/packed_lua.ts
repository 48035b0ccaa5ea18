/**
 * Lua twins of packed steps: as {@link StepPacked}, but in variables rather than in a list, so that a script makes no object
 * to take the step.
 *
 * @module
 */

/** The names of a state's integers. */
export const integerNames = (width: number): string[] => Array.from({ length: width }, (_, i) => `s${i + 1}`);

/** Statements around those of a packed step, which read and write the text of its state. */
export interface PackedText {
  /** Before it: from the text `stored` to `s1`, `s2` and so on, nil where it is no state. */
  readonly read: string;
  /** Right after that, where it is a state: to `said`, the state as the process that asks reads it. */
  readonly say: string;
  /** The same in a charge of one unit, after the step: the numbers that its answer follows from are enough. Default: `say`. */
  readonly sayCharged?: string;
  /**
   * Statements that take a charge of one unit in place of the step, in the most frequent case (`stored` may be an error as well,
   * a table without elements). They set `taken`, `allowed`, `life`, `known`, `said` and, where there is a new state, `text`.
   */
  readonly charge?: (limit: number, windowMs: number, p1: number) => string;
  /**
   * Where `charge` sets `raise`: the words of a command that changes what is stored in place, and the expression of the
   * whole text.
   */
  readonly inPlace?: { readonly command: string; readonly text: string };
  /** After it, where the state has changed: to `text`, or to `raise`, by which `stored` is to be raised, a number. */
  readonly write: string;
}

/** The text of most states: their form and their integers. */
export function plainText(form: string, width: number): PackedText {
  const names = integerNames(width);
  const pattern = form.replace(/[%.+-]/g, "%$&") + " (%d+)".repeat(width);
  const template = form.replaceAll("%", "%%") + " %d".repeat(width);
  return {
    read: `${names} = string.match(stored, '^${pattern}$')
          if s1 then ${names} = ${names.map((name) => `${name} + 0`)} end`,
    say: `said = stored`,
    write: `text = format('${template}', ${names})`,
  };
}

/** The twin of a packed step. */
export interface PackedLua {
  /**
   * Statements. They read `limit`, `window`, `now`, `cost`, `since`, the first parameter `p1`, the list `p` from its second to its
   * `last` member (calendar boundaries), and the state in `s1`, `s2` and so on, nil without one. They set `allowed`, `life`, `at`
   * and, where there is a new state, `changed`, `s1`, `s2` and so on.
   */
  readonly step: string;
  /** Statements after them, which set `remaining`, `reset` and `retry`: only a script that returns decisions needs them. */
  readonly report: string;
  /** The text of states of the algorithm's own name; those of other forms have a plain one. */
  readonly text: PackedText;
}

const PACKED = /* @__PURE__ */ new Map<string, PackedLua>();

/**
 * The twin of a packed step as a function.
 *
 * @param width The number of integers in a state.
 */
export function packedLua(width: number, parts: PackedLua): string {
  const state = integerNames(width);
  const lua = `function(state, limit, window, now, cost, since, p)
  local p1, last, allowed, remaining, reset, retry, life, at, changed, ${state} = p[1], #p
  if state then ${state} = unpack(state) end
${parts.step}${parts.report}
  if changed then state = { ${state} } end
  return allowed, remaining, reset, retry, state, life, at
end`;
  PACKED.set(`${width} ${lua}`, parts);
  return lua;
}

/** The parts of a twin that {@link packedLua} made for states of that width; undefined of any other. */
export const packedParts = (width: number | false, lua: string): PackedLua | undefined =>
  PACKED.get(`${width} ${lua}`);
