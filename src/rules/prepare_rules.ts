/**
 * Rules made ready to run: all validation and all defaults of a rule as a person writes it.
 *
 * @module
 */

import type { Algorithm } from "../algorithms/algorithm.ts";
import { type Block, withBlock } from "../algorithms/block.ts";
import { windows } from "../algorithms/fixed_window.ts";
import { stateName } from "../algorithms/state.ts";
import { dimensionsOf } from "../keys/dimensions.ts";
import { ipKey } from "../keys/ip.ts";
import type { Key } from "../keys/key.ts";
import type { RulePolicy } from "./calendar.ts";
import { parseRate, type Rate } from "./rate.ts";
import { durationMs } from "../duration.ts";
import { cannot } from "../cannot.ts";
import {
  ANYTHING,
  type Demand,
  type Demands,
  FUNCTION,
  having,
  integer,
  listOf,
  number,
  OBJECT,
  oneOf,
  required,
  requireOptions,
  TEXT,
} from "../options.ts";
import { derivedName, quantityText } from "./default_name.ts";
import { parsePattern } from "./pattern.ts";
import type { CompiledRule, PreparedRule, Rule } from "./rule.ts";
import { ruleOnTrial } from "./trial.ts";

const NAME = /^[A-Za-z0-9_.-]{1,64}$/;

/** The demand on `onStoreFailure`, of a rule and of a throttle. */
export const FAILURE_POLICY: Demand = /* @__PURE__ */ oneOf("local", "allow", "deny");

/** The demand on `headers`, of a rule and of a throttle. */
export const HEADER_FORMATS: Demand = /* @__PURE__ */ listOf(
  /* @__PURE__ */ having("fields", ""),
  "header formats, such as [rateLimit()]",
);

/** The demand on each property of a rule. */
const DEMANDS: Demands<Rule> = {
  // Checked before the others, as their sentences name the rule.
  name: ANYTHING,
  rate: ANYTHING,
  key: { ...FUNCTION, must: "a function, such as byIp()" },
  on: {
    must: "a pattern or a list of patterns",
    holds: (on) => typeof on === "string" || Array.isArray(on),
  },
  algorithm: /* @__PURE__ */ having("step", "gcra() or another object with a step function"),
  cost: {
    must: "an integer of at least 0, or a function",
    holds: (cost) => typeof cost === "function" || isCost(cost),
  },
  count: {
    must: `"all", "failures", "successes" or a function, or tokenUsage()`,
    holds: (count) =>
      typeof (count?.body ?? count) === "function" || ["all", "failures", "successes"].includes(count),
  },
  unless: FUNCTION,
  stage: /* @__PURE__ */ oneOf("before-auth", "after-auth"),
  mode: /* @__PURE__ */ oneOf("enforce", "shadow"),
  trial: ANYTHING,
  block: { ...OBJECT, must: "{ after, window, for }" },
  onStoreFailure: FAILURE_POLICY,
  headers: HEADER_FORMATS,
};

const BLOCK_DEMANDS: Demands<NonNullable<Rule["block"]>> = {
  after: /* @__PURE__ */ required(/* @__PURE__ */ integer(1, 1000)),
  window: ANYTHING,
  for: ANYTHING,
  growth: /* @__PURE__ */ number(1),
  max: ANYTHING,
};

/** The key and the algorithm of rules that name none: engines compile one function better than many alike. */
const KEY = /* @__PURE__ */ ipKey();
const ALGORITHM = /* @__PURE__ */ windows();

/** The rate of a rule that limits nothing: `rate: null`. */
export const unlimited = (): null => null;

/** A refusal of a rule, in one sentence. */
function refuse(subject: string, demand: string, value: unknown): never {
  throw new TypeError(cannot(`use ${subject}`, demand, value));
}

/** Is this a cost that can be charged? */
export function isCost(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/**
 * The policy of a rate under an algorithm: at construction for a static rate, per request for one from a function.
 *
 * @throws {TypeError | RangeError} When the rate is unusable, or the algorithm cannot do it exactly.
 */
export function policyOf(
  rate: unknown,
  { name, mode, implementation, trialOf }: Pick<
    CompiledRule,
    "name" | "mode" | "implementation" | "trialOf"
  >,
  subject = `rule "${name}"`,
): RulePolicy {
  const { limit, windowMs: own, calendar } = parseRate(rate, subject);
  const brought = implementation.window;
  if (own === null && brought === undefined) refuse(subject, "rate must have a window", rate);
  if (own !== null && brought !== undefined) {
    refuse(subject, `rate must be { limit } alone for ${implementation.name ?? "this algorithm"}`, rate);
  }
  if (calendar && !implementation.countsPeriods) {
    refuse(subject, "algorithm must be fixedWindow() for a rate with every", implementation.name);
  }
  const windowMs = own ?? brought as number;
  const why = implementation.unsupported?.(limit, windowMs) ?? null;
  if (why !== null) throw new RangeError(`Cannot use ${subject} as ${why}`);
  return { name, limit, windowMs, mode, ...(trialOf && { trialOf }), ...(calendar && { calendar }) };
}

function blockOf(block: NonNullable<Rule["block"]>, subject: string): Block {
  requireOptions(block, BLOCK_DEMANDS, `use ${subject}`, "block");
  const { after, growth = 1 } = block;
  const forMs = durationMs(block.for, subject, "block.for");
  const maxMs = block.max === undefined
    ? Math.max(forMs, 86_400_000)
    : durationMs(block.max, subject, "block.max");
  if (maxMs < forMs) refuse(subject, "block.max must be at least block.for", block.max);
  return { after, windowMs: durationMs(block.window, subject, "block.window"), forMs, growth, maxMs };
}

/** How errors call a rule: by the name that it was given, if it was and that is one. */
function subjectOf(written: Rate | Rule, { name }: Rule, index: number, given: readonly unknown[]): string {
  const numbered = `rule ${index + 1}`;
  if (written === null) {
    refuse(numbered, "it must be a rate or a rule ({ rate: null } is unlimited)", written);
  }
  if (name === undefined) return numbered;
  if (!(typeof name === "string" && NAME.test(name))) refuse(numbered, `its name must match ${NAME}`, name);
  const subject = `rule "${name}"`;
  if (given.indexOf(name) < index) refuse(subject, "its name must be unique in the throttle", name);
  return subject;
}

/** Refuses properties that are right each by itself and wrong together. */
function requireSense({ stage, count = "all" }: Rule, key: Key, algorithm: Algorithm, subject: string): void {
  const { stage: ofKey, keyName } = key;
  requireOptions({ stage: ofKey, keyName }, { stage: DEMANDS.stage, keyName: TEXT }, `use ${subject}`, "key");
  if (stage === "before-auth" && key.stage === "after-auth") {
    refuse(
      subject,
      `its key (${key.keyName ?? "key"}) needs an identity, so stage must be "after-auth"`,
      stage,
    );
  }
  const { window, heldWhileRunning } = algorithm;
  if (window !== undefined && !integer(1).holds(window)) {
    refuse(subject, "its algorithm's window must be a whole number of ms, at least 1", window);
  }
  if (count !== "all" && heldWhileRunning) {
    refuse(subject, `count must be "all" where every request gives back what it holds at its end`, count);
  }
}

/** A name that no other rule has, of a base for one. */
function freeName(base: string, taken: readonly unknown[]): string {
  let name = base;
  for (let n = 2; taken.includes(name); n++) name = `${base.slice(0, 60)}-${n}`;
  return name;
}

/**
 * Makes a rule ready, as one more of a list.
 *
 * @param given The names that rules were given.
 * @param trialOf The name of the rule that it is the trial of.
 */
function prepareRule(
  rule: Rule,
  subject: string,
  prepared: PreparedRule[],
  given: readonly unknown[],
  trialOf?: string,
): PreparedRule {
  requireOptions(rule, DEMANDS, `use ${subject}`);
  const { key = KEY, algorithm = ALGORITHM, mode = "enforce", cost = 1, count = "all" } = rule;
  const { rate, block, unless = null, headers = null, onStoreFailure = null } = rule;
  requireSense(rule, key, algorithm, subject);

  const listed = typeof rule.on === "string" ? [rule.on] : rule.on;
  const patterns = listed?.map((text) => parsePattern(text, subject)) ?? null;
  const on = patterns?.map(({ text }) => text) ?? [];
  const implementation = block === undefined
    ? algorithm as Algorithm
    : withBlock(algorithm, blockOf(block, subject)) as Algorithm;
  // Given names first: a derived one must not take the name that a later rule was given.
  const taken = [...given, ...prepared.map(({ name }) => name)];
  const name = trialOf
    ? `${trialOf}+trial`
    : rule.name ?? freeName(derivedName(key, on, quantityText(rate, algorithm, subject)), taken);
  const policy = typeof rate === "function" || rate === null
    ? null
    : policyOf(rate, { name, mode, implementation, trialOf }, subject);
  const index = prepared.length;
  return prepared[index] = {
    trialOf,
    index,
    isNamed: rule.name !== undefined,
    name,
    limit: policy?.limit ?? null,
    windowMs: policy?.windowMs ?? null,
    period: policy?.calendar ?? null,
    algorithm: algorithm.name ?? "custom",
    stage: rule.stage ?? key.stage ?? "before-auth",
    mode,
    on,
    stateName: stateName(name, implementation, policy?.calendar?.name ?? policy?.windowMs ?? null),
    implementation,
    onStoreFailure,
    refundable: count !== "all" || algorithm.heldWhileRunning === true,
    key,
    patterns,
    policy,
    rate: typeof rate === "function" ? rate : rate === null ? unlimited : null,
    cost,
    count,
    unless,
    headers,
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
  const prepared: PreparedRule[] = [];
  const given = list.map((rule) => (rule as Rule | null)?.name);
  list.forEach((written, i) => {
    const isRule = typeof written === "object" && written !== null && "rate" in written;
    const rule: Rule = isRule ? written : { rate: written };
    const subject = subjectOf(written, rule, i, given);
    const live = prepareRule(rule, subject, prepared, given);
    if ((rule.trial ?? null) !== null) {
      const tried = `the trial of ${subject}`;
      prepareRule(ruleOnTrial(rule, live.stage, tried), tried, prepared, given, live.name);
    }
  });
  return prepared;
}
