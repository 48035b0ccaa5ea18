/**
 * Questions to a Durable Object and its answers, as JSON: an algorithm is a function, so its form and its parameters go
 * instead of it.
 *
 * @module
 */

import type { Algorithm } from "../../algorithms/algorithm.ts";
import { withBlock } from "../../algorithms/block.ts";
import { concurrency } from "../../algorithms/concurrency.ts";
import { fixedWindow } from "../../algorithms/fixed_window.ts";
import { gcra } from "../../algorithms/gcra.ts";
import { slidingLog } from "../../algorithms/sliding_log.ts";
import { slidingWindow } from "../../algorithms/sliding_window.ts";
import { formOf } from "../../algorithms/state.ts";
import type { ChargedDecision, StoreDecision } from "../../decision.ts";
import { RuleError } from "../rule_error.ts";
import { type Check, decisionOf } from "../store.ts";

/** An algorithm, by the name of its states' form and by its parameters. */
interface AlgorithmName {
  readonly form: string;
  readonly params: readonly number[];
}

/** A check without functions. Its key is the name of the rule's states: the partition is the object's. */
type SentCheck = Pick<Check, "key" | "policy" | "cost" | "since"> & { readonly algorithm: AlgorithmName };

/** A question to an object. */
export type ObjectQuestion =
  | { readonly checks: readonly SentCheck[]; readonly spend: boolean }
  | { readonly forget: string };

/** The numbers of a decision. Null: never, as JSON has no Infinity. */
interface SentDecision {
  readonly allowed: boolean;
  readonly remaining: number;
  readonly resetAfterMs: number;
  readonly retryAfterMs: number | null;
  readonly blockedMs: number;
  readonly at: number;
  readonly chargedAt: number;
}

/** An answer of an object: decisions in the order of the checks, or the one rule that failed. */
export type ObjectAnswer =
  | { readonly decisions: readonly SentDecision[] }
  | { readonly rule: string; readonly message: string };

/** The two halves of a key: the name of the rule's states, and the partition, which follows the first colon. */
export function halvesOf(key: string): readonly [stateName: string, partition: string] {
  const colon = key.indexOf(":");
  return [key.slice(0, Math.max(0, colon)), key.slice(colon + 1)];
}

const nameOf = (algorithm: Algorithm): AlgorithmName => ({
  form: formOf(algorithm),
  params: algorithm.params ?? [],
});

/** The algorithms of this package, by the forms of their states. A lease comes with each check, as its window. */
const BUILT_IN: Readonly<Record<string, (params: readonly number[]) => Algorithm>> = {
  "fixed-window": () => fixedWindow(),
  "fixed-window+aligned": () => fixedWindow({ aligned: true }),
  "gcra": ([burst]) => burst === 0 ? gcra() : gcra({ burst }),
  "sliding-log": () => slidingLog(),
  "sliding-window": ([slots]) => slidingWindow({ slots }),
  "concurrency": () => concurrency({ lease: "1s" }),
};

const BLOCK = "+block";
/** The numbers of a block come before those of the algorithm under it. */
const BLOCK_NUMBERS = 5;

/**
 * The algorithm of a name.
 *
 * @param own Algorithms beside those of this package.
 * @returns Null where there is none.
 */
function algorithmOf({ form, params }: AlgorithmName, own: readonly Algorithm[]): Algorithm | null {
  const found = own.find((one) => formOf(one) === form && `${one.params ?? []}` === `${params}`);
  if (found !== undefined) return found;
  if (!form.endsWith(BLOCK)) return Object.hasOwn(BUILT_IN, form) ? BUILT_IN[form](params) : null;
  const name = { form: form.slice(0, -BLOCK.length), params: params.slice(BLOCK_NUMBERS) };
  const inner = algorithmOf(name, own);
  const [after, windowMs, forMs, growth, maxMs] = params;
  return inner && withBlock(inner, { after, windowMs, forMs, growth, maxMs }) as Algorithm;
}

/** Can an object that has these algorithms beside those of this package run this one? */
export function isKnown(algorithm: Algorithm, own: readonly Algorithm[]): boolean {
  return algorithmOf(nameOf(algorithm), own) !== null;
}

/** A question about checks. */
export function questionOf(checks: readonly Check[], spend: boolean): ObjectQuestion {
  const sent = checks.map(({ key, policy, cost, since, algorithm }) => ({
    ...{ key: halvesOf(key)[0], policy, cost, since },
    algorithm: nameOf(algorithm),
  }));
  return { checks: sent, spend };
}

/**
 * Makes the function that reads checks, which keeps the algorithms that it has made.
 *
 * @param own Algorithms beside those of this package.
 */
export function checkReader(own: readonly Algorithm[]): (sent: readonly SentCheck[]) => Check[] {
  const made = new Map<string, Algorithm>();
  return (sent) =>
    sent.map((check) => {
      const { form, params } = check.algorithm;
      const text = `${form} ${params}`;
      const algorithm = made.get(text) ?? algorithmOf(check.algorithm, own);
      if (algorithm === null) {
        throw new RuleError(check.policy.name, `the Durable Object does not have the algorithm "${form}"`);
      }
      made.set(text, algorithm);
      // A correction that moves its charge has the target among its boundaries, as a Lua twin gets it.
      const target = check.since === null ? undefined : check.policy.boundaries?.at(-1);
      const moved = target === undefined ? undefined : algorithm.moving?.(target);
      return { ...check, algorithm: moved ?? algorithm };
    });
}

/** Decisions without what the asker knows. */
export function answerOf(decisions: readonly Required<StoreDecision>[]): ObjectAnswer {
  return {
    decisions: decisions.map((
      { allowed, remaining, resetAfterMs, retryAfterMs, blockedMs, at, chargedAt },
    ) => ({
      ...{ allowed, remaining, resetAfterMs, blockedMs, at, chargedAt },
      retryAfterMs: retryAfterMs === Infinity ? null : retryAfterMs,
    })),
  };
}

/** The decisions on the checks that were asked about. */
export function decisionsOf(
  checks: readonly Check[],
  sent: readonly SentDecision[],
): ChargedDecision[] {
  return sent.map((one, i) =>
    decisionOf(checks[i], { ...one, retryAfterMs: one.retryAfterMs ?? Infinity }, one.at)
  );
}
