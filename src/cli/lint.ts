/**
 * `weir lint`: the errors and warnings of rules, before they are in production.
 *
 * @module
 */

import { count } from "../dashboard/number_text.ts";
import type { ReplayOptions } from "../replay/replay.ts";
import { isThrottle } from "../replay/replayer.ts";
import { prepareRules } from "../rules/prepare_rules.ts";
import type { Rate } from "../rules/rate.ts";
import type { Rule } from "../rules/rule.ts";
import { prepareOptions } from "../throttle/options.ts";
import { neverPasses } from "../throttle/over_burst.ts";
import { findSettings } from "../throttle/settings.ts";
import type { Throttle } from "../throttle/throttle.ts";
import { type Command, UsageError } from "./command.ts";
import { throttleOf } from "./explain.ts";
import { FIGURES, type FiguresValues, writeFigures } from "./figures.ts";
import { readRules } from "./rules_file.ts";
import type { Terminal } from "./terminal.ts";

/** The remarks on one file. */
interface Remarks {
  readonly file: string;
  /** How many rules it has; null if they cannot be read. */
  readonly rules: number | null;
  readonly sentences: readonly string[];
}

/** The beginning of the lines that this package writes to the console. */
const PREFIX = "@weir/throttle: ";

/** Runs a function, and collects the sentences that this package writes to the console meanwhile. */
async function listening<T>(run: () => Promise<T>, hear: (sentence: string) => void): Promise<T> {
  const { warn, error } = console;
  const listener = (write: typeof warn) => (...words: unknown[]): void => {
    const [first] = words;
    if (typeof first === "string" && first.startsWith(PREFIX)) hear(first.slice(PREFIX.length));
    else write.apply(console, words);
  };
  console.warn = listener(warn);
  console.error = listener(error);
  try {
    return await run();
  } finally {
    console.warn = warn;
    console.error = error;
  }
}

/** The sentence of the error that a function throws, if it throws one. */
function sentencesOf(run: () => unknown): string[] {
  try {
    run();
    return [];
  } catch (error) {
    return [(error as Error).message];
  }
}

/** A rule in the place of another, so that the errors of that are left out. Equal ones would need time to find each a name. */
const rightAt = (index: number): Rate => `${index + 1}/min`;

/** The errors of rules and options: one for each rule that is wrong, and one of all together. */
function errorsOf({ rules, options = {} }: ReplayOptions): string[] {
  const list = (Array.isArray(rules) ? rules : [rules]) as readonly (Rate | Rule)[];
  const ofEach = list.map((rule, i) =>
    sentencesOf(() => prepareRules(list.slice(0, i + 1).map((_, j) => i === j ? rule : rightAt(j))))
  );
  const rest = list.map((rule, i) => ofEach[i].length === 0 ? rule : rightAt(i));
  const ofAll = sentencesOf(() => prepareRules(rest));
  return [...ofEach.flat(), ...ofAll, ...sentencesOf(() => prepareOptions(options))];
}

/** The rules of a throttle that refuse every request. A limit of 0 says so itself. */
function uselessIn(throttle: Throttle): string[] {
  return (findSettings(throttle)?.rules ?? []).flatMap((rule) => {
    const { name, mode, policy, cost, implementation } = rule;
    const isUseless = mode === "enforce" && policy !== null && policy.limit > 0 && typeof cost === "number" &&
      neverPasses(rule, policy, cost);
    if (!isUseless) return [];
    const most = implementation.capacity!(policy.limit);
    return `Rule "${name}" refuses every request: its cost of ${cost} is above the ${most} that can pass at once.`;
  });
}

/** Is the error one of this package, thrown while the module made its throttle? */
function isOurs(cause: unknown): cause is Error {
  return cause instanceof Error && /^Cannot (?:use|make|create|throttle) /.test(cause.message);
}

/** A remedy for rules that are alone in their file, while production gives the throttle its options elsewhere. */
const EXPORT_OPTIONS =
  "If production has one, export it beside the rules, `export const options = { authenticate }`, or export the throttle.";

async function lint(file: string, terminal: Terminal): Promise<Remarks> {
  const sentences = new Set<string>();
  let isAlone = false;
  const hear = (sentence: string): void => void sentences.add(sentence);
  const rules = await listening(async () => {
    try {
      const read = await readRules(file, terminal);
      const made = isThrottle(read.rules);
      isAlone = !made && read.options === undefined;
      const errors = made ? [] : errorsOf(read);
      errors.forEach(hear);
      // The warnings of the start, and the errors of the store.
      if (errors.length === 0) sentencesOf(() => uselessIn(throttleOf(read)).forEach(hear)).forEach(hear);
      return made ? throttleOf(read).rules.length : Array.isArray(read.rules) ? read.rules.length : 1;
    } catch (error) {
      const { cause } = error as Error;
      if (!isOurs(cause)) throw error;
      hear(cause.message);
      return null;
    }
  }, hear);
  return {
    file,
    rules,
    sentences: [...sentences].map((sentence) =>
      isAlone && sentence.endsWith("there is no `authenticate`.") ? `${sentence} ${EXPORT_OPTIONS}` : sentence
    ),
  };
}

function textOf({ file, rules, sentences }: Remarks): string {
  if (sentences.length > 0) return sentences.map((sentence) => `${file}: ${sentence}\n`).join("");
  return `${file}: ${rules === 1 ? "1 rule, which is" : `${count(rules ?? 0)} rules, which are`} right\n`;
}

/** `weir lint`. */
export const lintCommand: Command<FiguresValues> = {
  name: "lint",
  words: "FILE...",
  summary:
    "checks rules: the errors of their construction, the warnings of a start, rules that refuse everything; exits with 1 on any",
  options: FIGURES,
  examples: ["weir lint rules.ts", "weir lint limits/*.mjs --json -"],
  async run(paths, values, terminal) {
    if (paths.length === 0) throw new UsageError("weir lint needs a file of rules");
    const files: Remarks[] = [];
    const unread: string[] = [];
    for (const path of paths) {
      try {
        files.push(await lint(path, terminal));
      } catch (error) {
        unread.push(`weir: ${(error as Error).message}\n`);
      }
    }
    // One file that cannot be read hides no remark on another.
    if (files.length > 0) writeFigures(values, { files }, () => files.map(textOf).join(""), terminal);
    terminal.err(unread.join(""));
    return unread.length > 0 || files.some(({ sentences }) => sentences.length > 0) ? 1 : 0;
  },
};
