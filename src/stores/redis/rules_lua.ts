/**
 * The Lua of rules and of the twins of their algorithms: the part of the script that is made for them.
 *
 * @module
 */

import type { Policy } from "../../algorithms/algorithm.ts";
import { fixedWindowLua } from "../../algorithms/fixed_window_lua.ts";
import { integerNames, packedLua, packedStatements } from "../../algorithms/packed_lua.ts";

/** An algorithm as the script knows it. */
export interface Twin {
  /** The first word of its states: their form, in plain characters. A state that begins otherwise is foreign, and counts as none. */
  readonly form: string;
  /** How many integers they have, false where that is no constant. */
  readonly width: number | false;
  /** The algorithm's own parameters. */
  readonly params: readonly number[];
  /** The expression whose value is its step. */
  readonly lua: string;
}

/** A rule as the script knows it. */
export interface ScriptRule {
  readonly twin: Twin;
  /** Its rate, where that is static; null: each check brings its own. */
  readonly rate: Pick<Policy, "limit" | "windowMs" | "mode"> | null;
}

/** Does a twin need the functions over logs? */
export const LOGGED: RegExp = /\blog_step\b/;

/** Twins that are functions as they stand. Any other expression may fail, and does so inside its step: it fails its rule alone. */
const PLAIN = /^(?:block_around\()?\s*function\b/;

/** The functions over logs. */
export const LOG_FUNCTIONS = "log_step, slot_end, is_entries";

/** A twin with that of fixedWindow, which is a name, written out. */
const writtenOut = ({ lua }: Twin): string =>
  lua.replaceAll("fixed_window_step", () => packedLua(2, fixedWindowLua));

/** The statements of a twin's step that need no function; undefined where it is one. */
function statementsOf(twin: Twin): string | undefined {
  const { width, params } = twin;
  return width === false || params.length === 0 ? undefined : packedStatements(width, writtenOut(twin));
}

/** Statements that read the state of a step that is a function, and name the function that writes one. */
function formLua({ form, width, lua }: Twin): string {
  if (!LOGGED.test(lua)) {
    return `write, form, width = text_of_list, '${form}', ${width}
        if stored then state = list_in(stored, form, width) end`;
  }
  return `write, form = text_of_log, '${form}'
        if in_hash then
          stored = hashed_log(key)
          in_hash = stored and true
        end
        if stored then state = log_in(stored, form, key, in_hash) end`;
}

/**
 * The pattern and the template of a packed state's text. That of a fixed window is 13 digits for its start and those of its used
 * units, without a form, which are names: Redis keeps a number of at most 19 digits in 16 bytes.
 */
function textsOf(form: string, width: number): readonly [pattern: string, template: string] {
  if (form === "fixed-window") return [`(${"%d".repeat(13)})(%d+)`, "%013d%d"];
  return [
    form.replace(/[%.+-]/g, "%$&") + " (%d+)".repeat(width),
    form.replaceAll("%", "%%") + " %d".repeat(width),
  ];
}

/** Statements that take a twin's step: those of the step itself, or those that choose its function. */
export function twinLua(twin: Twin): string {
  const { form, width } = twin;
  const lua = writtenOut(twin);
  const statements = statementsOf(twin);
  if (statements === undefined || width === false) {
    return `${LOGGED.test(lua) ? `if not log_step then ${LOG_FUNCTIONS} = logs() end` : ""}
        step = ${PLAIN.test(lua) ? lua : `function(...) return (${lua}\n)(...) end`}
        ${formLua(twin)}
        `;
  }
  const names = integerNames(width);
  const [pattern, template] = textsOf(form, width);
  return `local changed, ${names}
        if stored then
          ${names} = string.match(stored, '^${pattern}$')
          if s1 then ${names} = ${names.map((name) => `${name} + 0`)} end
        end
        known = s1
        ${statements}
        text = changed and string.format('${template}', ${names})
        `;
}

/** Statements that set what a check's step takes, by the number of its rule. */
export function rulesLua(rules: readonly ScriptRule[], twins: readonly string[]): string {
  const branches = rules.map(({ twin, rate }, i) => {
    const number = 1 + twins.indexOf(twinLua(twin));
    return `if rule == '${i + 1}' then
        twin, p1 = ${number}, ${twin.params[0] ?? "nil"}
        ${
      rate === null
        ? `p, limit, window, mode = { ${twin.params} }, ARGV[word + 1] + 0, ARGV[word + 2] + 0, ARGV[word + 3]
        local times = ARGV[word + 4]
        word = word + 4
        if times ~= '' then
          since = tonumber(string.match(times, '^%d+'))
          for boundary in string.gmatch(times, ' (%d+)') do p[#p + 1] = boundary + 0 end
        end
        last = #p`
        : `${statementsOf(twin) === undefined ? `p = { ${twin.params} }` : ""}
        limit, window, mode = ${rate.limit}, ${rate.windowMs}, '${rate.mode === "shadow" ? 0 : ""}'`
    }
      `;
  });
  return `${branches.join("else")}end`;
}

/** The statements of all twins, by their numbers. */
export const twinsLua = (twins: readonly string[]): string =>
  `${twins.map((lua, i) => `if twin == ${i + 1} then\n        ${lua}`).join("else")}end`;
