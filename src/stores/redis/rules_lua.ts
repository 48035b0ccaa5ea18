/**
 * The Lua of rules and of the twins of their algorithms: the part of the script that is made for them.
 *
 * @module
 */

import type { Policy } from "../../algorithms/algorithm.ts";
import { fixedWindowLua } from "../../algorithms/fixed_window_lua.ts";
import {
  integerNames,
  packedLua,
  packedParts,
  type PackedText,
  plainText,
} from "../../algorithms/packed_lua.ts";

/** An algorithm as the script knows it. */
export interface Twin {
  /**
   * The first word of its states: their form, in plain characters. A state that begins otherwise is foreign, and counts
   * as none.
   */
  readonly form: string;
  /** How many integers they have, false where that is no constant. */
  readonly width: number | false;
  /** The algorithm's own parameters. */
  readonly params: readonly number[];
  /** The expression whose value is its step. */
  readonly lua: string;
  /** The functions over logs, where it needs them. */
  readonly log?: string | undefined;
}

/** A rule as the script knows it. */
export interface ScriptRule {
  readonly twin: Twin;
  /** Its rate, where that is static; null: each check brings its own. */
  readonly rate: Pick<Policy, "limit" | "windowMs" | "mode"> | null;
}

/** The forms whose states have a text of their own. */
const OWN_TEXT = /^(?:fixed-window|gcra)$/;

/** The most places of a script: a function of Lua has at most 200 variables. */
const MAX_PLACES = 16;

/** Twins that are functions as they stand. Any other expression may fail, and does so inside its step: it fails its rule alone. */
const PLAIN = /^(?:block_around\()?\s*function\b/;

/** The functions over logs. */
export const LOG_FUNCTIONS = "log_step, slot_end, is_entries";

/** A twin with that of fixedWindow, which is a name, written out. */
const writtenOut = ({ lua }: Twin): string =>
  lua.replaceAll("fixed_window_step", () => packedLua(2, fixedWindowLua));

/** The parts of a twin whose step needs no function; undefined of any other. */
const partsOf = (twin: Twin) =>
  twin.params.length === 0 ? undefined : packedParts(twin.width, writtenOut(twin));

/** Statements that read the state of a step that is a function, and name the function that writes one. */
function formLua({ form, width, log }: Twin): string {
  if (log === undefined) {
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

/** Statements that take a twin's step: those of the step itself, or those that choose its function. */
export function twinLua(twin: Twin): string {
  const { form, width } = twin;
  const lua = writtenOut(twin);
  const parts = partsOf(twin);
  if (parts === undefined || width === false) {
    return `${twin.log === undefined ? "" : `if not log_step then ${LOG_FUNCTIONS} = logs() end`}
        step = ${PLAIN.test(lua) ? lua : `function(...) return (${lua}\n)(...) end`}
        ${formLua(twin)}
        `;
  }
  const text = OWN_TEXT.test(form) ? parts.text : plainText(form, width);
  return packedTwinLua(width, parts.step, text, `if s1 then ${text.say} end`, "");
}

/** Statements that take a packed step: `first` are those after the state was read, `last` those after the step. */
const packedTwinLua = (width: number, step: string, text: PackedText, first: string, last: string): string =>
  `local changed, at, ${integerNames(width)}
        if stored then
          ${text.read}
          ${first}
        end
        known = s1
        ${step}
        ${last}
        if changed then
          ${text.write}
        end
        `;

/**
 * The rules that have a place in the script: statements of their own, without a loop, for a charge of one unit.
 *
 * @param rules All rules, in order.
 */
export const placedRules = <Rule extends ScriptRule>(rules: readonly Rule[]): Rule[] =>
  rules.filter(({ twin, rate }) => rate !== null && OWN_TEXT.test(twin.form) && partsOf(twin) !== undefined)
    .slice(0, MAX_PLACES);

/** Statements that take a charge of one unit under a rule that has a place: see {@link PackedText.charge}, and the step. */
export function placedTwinLua(
  { twin, rate }: ScriptRule,
): { readonly charge: string; readonly step: string; readonly inPlace: PackedText["inPlace"] } {
  const { step, text } = partsOf(twin)!;
  const { say, sayCharged, charge, inPlace } = text;
  const { limit, windowMs } = rate!;
  const [p1] = twin.params;
  const taken = packedTwinLua(
    twin.width as number,
    step,
    text,
    sayCharged === undefined ? `if s1 then ${say} end` : "",
    sayCharged === undefined ? "" : `if known then ${sayCharged} end`,
  );
  // Each place has them all, so they are without their indentation.
  const flat = (lua: string): string => lua.replace(/^ +/gm, "");
  return {
    inPlace,
    charge: flat(charge?.(limit, windowMs, p1) ?? ""),
    step: flat(
      `local limit, window, cost, more, p1, last, since, p = ${limit}, ${windowMs}, 1, '1', ${p1}, 1, nil, nil
        ${taken}`,
    ),
  };
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
        : `${partsOf(twin) === undefined ? `p = { ${twin.params} }` : ""}
        limit, window, mode = ${rate.limit}, ${rate.windowMs}, '${rate.mode === "shadow" ? 0 : ""}'`
    }
      `;
  });
  return `${branches.join("else")}end`;
}

/** The statements of all twins, by their numbers. */
export const twinsLua = (twins: readonly string[]): string =>
  `${twins.map((lua, i) => `if twin == ${i + 1} then\n        ${lua}`).join("else")}end`;
