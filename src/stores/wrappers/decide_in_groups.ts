/**
 * One decision over several shards, each of which decides its own checks all or none. A shard is a slot of a cluster, the object
 * of a key, or a part of a store that can fail alone.
 *
 * @module
 */

import { type ChargedDecision, refuserOf } from "../../decision.ts";
import type { MaybePromise } from "../../maybe.ts";
import type { Check } from "../store.ts";

/** A check, and anything else that its shard has to know. */
export interface Item {
  /** The check. */
  readonly check: Check;
}

/** The items of one shard, and their indices among all items. */
export interface Group<Shard, T extends Item> {
  readonly shard: Shard;
  readonly items: T[];
  readonly indices: number[];
}

/** Groups items by their shards. */
export function groupsOf<Shard, T extends Item>(
  items: readonly T[],
  shardOf: (item: T, index: number) => Shard,
): Group<Shard, T>[] {
  const groups = new Map<Shard, Group<Shard, T>>();
  items.forEach((item, index) => {
    const shard = shardOf(item, index);
    const group = groups.get(shard) ?? { shard, items: [], indices: [] };
    groups.set(shard, group);
    group.items.push(item);
    group.indices.push(index);
  });
  return [...groups.values()];
}

/**
 * The items that give back the charges of a decision. Where it refuses, nothing was charged but a trial whose rule refuses; none
 * for corrections.
 *
 * @param items The items.
 * @param decisions Their decisions, in the same order.
 * @returns The items with such checks.
 */
export function returnsOf<T extends Item>(items: readonly T[], decisions: readonly ChargedDecision[]): T[] {
  const refuser = refuserOf(decisions);
  return items.flatMap((item, i) => {
    const { check } = item;
    const { allowed, chargedAt, source } = decisions[i];
    if (!allowed || check.cost <= 0 || check.since !== null) return [];
    if (refuser !== undefined && refuser !== check.policy.trialOf) return [];
    return [{ ...item, check: { ...check, cost: -check.cost, since: chargedAt, chargedBy: source } }];
  });
}

/**
 * Asks every shard at once. Within a shard all or none is charged; where one shard refuses (or fails), a second call gives back
 * the charges of the others. Until then a request beside this one may meet them, and is refused early: never does more than a
 * limit pass.
 *
 * Where giving back fails, the charge stays until its window ends or its lease runs out, also if nothing was done: the error of
 * the whole decision is all that a caller hears, and a charge that stays errs on refusing. It is a shard that answered and then
 * failed within one request.
 *
 * @param groups The items, by shard.
 * @param spend False to peek.
 * @param decide Decides the items of one shard.
 */
export async function decideInGroups<Shard, T extends Item>(
  groups: readonly Group<Shard, T>[],
  spend: boolean,
  decide: (shard: Shard, items: readonly T[], spend: boolean) => MaybePromise<readonly ChargedDecision[]>,
): Promise<readonly ChargedDecision[]> {
  const answers = await Promise.allSettled(
    groups.map(async ({ shard, items }) => await decide(shard, items, spend)),
  );
  const failure = answers.find((answer) => answer.status === "rejected");
  const decisions: ChargedDecision[] = [];
  answers.forEach((answer, i) => {
    if (answer.status === "fulfilled") answer.value.forEach((d, j) => decisions[groups[i].indices[j]] = d);
  });
  // A group that failed has no decisions: the charges of the others are given back then.
  const refuser = failure ? "" : refuserOf(decisions);

  if (spend && refuser !== undefined) {
    const returned = await Promise.allSettled(groups.map(async ({ shard, items, indices }, i) => {
      const answer = answers[i];
      const charged = answer.status === "fulfilled" ? returnsOf(items, answer.value) : [];
      const returns = charged.filter(({ check }) => check.policy.trialOf !== refuser);
      if (returns.length === 0) return;
      const after = await decide(shard, returns, true);
      returns.forEach(({ check }, j) => {
        const index = indices[items.findIndex((item) => item.check.key === check.key)];
        const { remaining, resetAfterMs } = after[j];
        Object.assign(decisions[index], { remaining, resetAfterMs });
      });
    }));
    const lost = returned.find((outcome) => outcome.status === "rejected");
    if (failure === undefined && lost !== undefined) throw lost.reason;
  }
  if (failure !== undefined) throw failure.reason;
  return decisions;
}
