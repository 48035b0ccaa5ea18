/**
 * Rules made ready to run: all validation and all defaults of a rule as a person writes it.
 *
 * @module
 */

import type { Algorithm, Policy } from "../algorithms/algorithm.ts";
import { type Block, withBlock } from "../algorithms/block.ts";
import { fixedWindow } from "../algorithms/fixed_window.ts";
import { stateName } from "../algorithms/state.ts";
import { dimensionsOf } from "../keys/dimensions.ts";
import { byIp } from "../keys/ip.ts";
import { parseRate, type Rate } from "./rate.ts";
import { durationMs } from "../duration.ts";
import { cannot, requireNames, shown } from "../cannot.ts";
import { derivedName, quantityText } from "./default_name.ts";
import { parsePattern } from "./pattern.ts";
import type { CompiledRule, PreparedRule, Rule } from "./rule.ts";

const NAME = /^[A-Za-z0-9_.-]{1,64}$/;

const PROPERTIES: readonly (keyof Rule)[] = [
  "name",
  "rate",
  "key",
  "on",
  "algorithm",
  "cost",
  "count",
  "unless",
  "stage",
  "mode",
  "block",
  "onStoreFailure",
  "headers",
];

const BLOCK_PROPERTIES = ["after", "window", "for", "growth", "max"];

/** The words a property may be, where it has such. */
const CHOICES: readonly (readonly [keyof Rule, readonly string[]])[] = [
  ["stage", ["before-auth", "after-auth"]],
  ["mode", ["enforce", "shadow"]],
  ["onStoreFailure", ["local", "allow", "deny"]],
];

/** The rate of a rule that limits nothing: `rate: null`. */
export const unlimited = (): null => null;

/** A refusal of a rule, in one sentence. */
function refuse(subject: string, demand: string, value: unknown): never {
  throw new TypeError(cannot(`use ${subject}`, demand, value));
}

/** Is this a cost that can be charged? */
export function isCost(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/**
 * The policy of a rate under an algorithm: at construction for a static rate, per request for one from a function.
 *
 * @throws {TypeError | RangeError} When the rate is unusable, or the algorithm cannot do it exactly.
 */
export function policyOf(
  rate: unknown,
  { name, mode, implementation }: Pick<CompiledRule, "name" | "mode" | "implementation">,
  subject = `rule "${name}"`,
): Policy {
  const { limit, windowMs: own } = parseRate(rate, subject);
  const brought = implementation.window;
  if (own === null && brought === undefined) refuse(subject, "rate must have a window", rate);
  if (own !== null && brought !== undefined) {
    refuse(subject, `rate must be { limit } alone for ${implementation.name ?? "this algorithm"}`, rate);
  }
  const windowMs = own ?? brought as number;
  const cannot = implementation.unsupported?.(limit, windowMs) ?? null;
  if (cannot !== null) throw new RangeError(`Cannot use ${subject} as ${cannot}`);
  return { name, limit, windowMs, mode };
}

function blockOf(block: NonNullable<Rule["block"]>, subject: string): Block {
  if (typeof block !== "object" || block === null) {
    refuse(subject, "block must be { after, window, for }", block);
  }
  requireNames(block, BLOCK_PROPERTIES, `use ${subject}`, "block");
  const { after, growth = 1 } = block;
  if (!(Number.isSafeInteger(after) && after >= 1 && after <= 1000)) {
    refuse(subject, "block.after must be an integer from 1 to 1000", after);
  }
  if (!(typeof growth === "number" && growth >= 1 && Number.isFinite(growth))) {
    refuse(subject, "block.growth must be a number of at least 1", growth);
  }
  const forMs = durationMs(block.for, subject, "block.for");
  const maxMs = block.max === undefined
    ? Math.max(forMs, 86_400_000)
    : durationMs(block.max, subject, "block.max");
  if (maxMs < forMs) refuse(subject, "block.max must be at least block.for", block.max);
  return { after, windowMs: durationMs(block.window, subject, "block.window"), forMs, growth, maxMs };
}

function prepareRule(
  written: Rate | Rule,
  index: number,
  taken: Set<string>,
): PreparedRule {
  const place = `rule ${index + 1}`;
  if (written === null) refuse(place, "it must be a rate or a rule ({ rate: null } is unlimited)", written);
  const isRule = typeof written === "object" && "rate" in written;
  const rule: Rule = isRule ? written : { rate: written };
  const { name: given, rate, cost = 1, count = "all", unless, mode = "enforce", headers } = rule;
  if (given !== undefined && !(typeof given === "string" && NAME.test(given))) {
    refuse(place, `its name must match ${NAME}`, given);
  }
  const subject = given === undefined ? place : `rule "${given}"`;
  if (given !== undefined && taken.has(given)) {
    refuse(subject, "its name must be unique in the throttle", given);
  }
  requireNames(rule, PROPERTIES, `use ${subject}`);
  for (const [property, words] of CHOICES) {
    const value = rule[property];
    if (value !== undefined && !words.includes(value as string)) {
      refuse(subject, `${property} must be one of ${words.map(shown).join(", ")}`, value);
    }
  }
  const { key = byIp(), algorithm = fixedWindow() } = rule;
  if (typeof key !== "function") refuse(subject, "key must be a function", key);
  if (typeof algorithm !== "object" || algorithm === null || typeof algorithm.step !== "function") {
    refuse(subject, "algorithm must be an object with a step function", algorithm);
  }
  const stage = rule.stage ?? key.stage ?? "before-auth";
  if (stage === "before-auth" && key.stage === "after-auth") {
    refuse(
      subject,
      `its key (${key.keyName ?? "key"}) needs an identity, so stage must be "after-auth"`,
      stage,
    );
  }
  if (typeof cost !== "function" && !isCost(cost)) {
    refuse(subject, "cost must be an integer of at least 0, or a function", cost);
  }
  if (typeof count !== "function" && !["all", "failures", "successes"].includes(count)) {
    refuse(subject, `count must be "all", "failures", "successes" or a function`, count);
  }
  if (unless !== undefined && typeof unless !== "function") {
    refuse(subject, "unless must be a function", unless);
  }
  if (
    headers !== undefined && !(Array.isArray(headers) && headers.every((h) => typeof h?.write === "function"))
  ) {
    refuse(subject, "headers must be a list of header formats", headers);
  }
  if (algorithm.window !== undefined && !(Number.isSafeInteger(algorithm.window) && algorithm.window >= 1)) {
    refuse(subject, "its algorithm's window must be a whole number of ms, at least 1", algorithm.window);
  }
  if (count !== "all" && algorithm.heldWhileRunning === true) {
    refuse(subject, `count must be "all" where every request gives back what it holds at its end`, count);
  }

  const listed = typeof rule.on === "string" ? [rule.on] : rule.on;
  if (listed !== undefined && !Array.isArray(listed)) {
    refuse(subject, "on must be a pattern or a list of patterns", rule.on);
  }
  const patterns = listed?.map((text) => parsePattern(text, subject)) ?? null;
  const on = patterns?.map((pattern) => pattern.text) ?? [];

  const implementation = rule.block === undefined
    ? algorithm as Algorithm
    : withBlock(algorithm, blockOf(rule.block, subject)) as Algorithm;

  let name = given;
  if (name === undefined) {
    const base = derivedName(key, on, quantityText(rate, algorithm, subject));
    name = base;
    for (let n = 2; taken.has(name); n++) name = `${base.slice(0, 60)}-${n}`;
  }
  taken.add(name);
  const policy = typeof rate === "function" || rate === null
    ? null
    : policyOf(rate, { name, mode, implementation }, subject);
  return {
    index,
    isNamed: given !== undefined,
    name,
    limit: policy?.limit ?? null,
    windowMs: policy?.windowMs ?? null,
    algorithm: algorithm.name ?? "custom",
    stage,
    mode,
    on,
    stateName: stateName(name, implementation, policy?.windowMs ?? null),
    implementation,
    onStoreFailure: rule.onStoreFailure ?? null,
    refundable: count !== "all" || algorithm.heldWhileRunning === true,
    key,
    patterns,
    policy,
    rate: typeof rate === "function" ? rate : rate === null ? unlimited : null,
    cost,
    count,
    unless: unless ?? null,
    headers: headers ?? null,
    dimensions: dimensionsOf(key, (patterns ?? []).map(({ methods }) => methods), subject),
  };
}

/**
 * Rules made ready to run.
 *
 * @param rules One rule or rate, or a list of at least one.
 * @throws {TypeError | RangeError} On the first thing that is wrong, in a sentence with the rule and the value.
 */
export function prepareRules(rules: Rate | Rule | readonly (Rate | Rule)[]): readonly PreparedRule[] {
  const list: readonly (Rate | Rule)[] = Array.isArray(rules) ? rules : [rules as Rate | Rule];
  if (list.length === 0) {
    throw new TypeError(cannot("create a throttle", "it needs at least one rule", list));
  }
  // Given names first: a derived one must not take the name that a later rule was given.
  const taken = new Set<string>();
  const given = new Set(list.map((rule) => (rule as Rule | null)?.name).filter((name) => name !== undefined));
  return list.map((rule, index) => {
    const name = (rule as Rule | null)?.name;
    const others = name === undefined ? new Set([...taken, ...given as Set<string>]) : taken;
    const prepared = prepareRule(rule, index, others);
    taken.add(prepared.name);
    return prepared;
  });
}
