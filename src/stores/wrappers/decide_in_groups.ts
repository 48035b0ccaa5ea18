/**
 * One decision over several places, each of which decides what is there, all or none.
 *
 * @module
 */

import { type ChargedDecision, refuserOf } from "../../decision.ts";
import type { MaybePromise } from "../../maybe.ts";
import type { Check } from "../store.ts";

/** A check, and anything else that its part has to know. */
export interface Item {
  /** The check. */
  readonly check: Check;
}

/** The items of one place, and their indices among all items. */
export interface Group<Place, T extends Item> {
  readonly place: Place;
  readonly items: T[];
  readonly indices: number[];
}

/** Groups items by their places. */
export function groupsOf<Place, T extends Item>(
  items: readonly T[],
  placeOf: (item: T, index: number) => Place,
): Group<Place, T>[] {
  const groups = new Map<Place, Group<Place, T>>();
  items.forEach((item, index) => {
    const place = placeOf(item, index);
    const group = groups.get(place) ?? { place, items: [], indices: [] };
    groups.set(place, group);
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
 * Asks every place at once. Within a place all or none is charged; where one place refuses (or fails), what the others
 * charged is given back in a second call. Until then a request beside this one may find it charged, and is refused
 * early rather than late: never does more than a limit pass.
 *
 * @param groups The items, by place.
 * @param spend False to peek.
 * @param decide Decides the items of one place.
 */
export async function decideInGroups<Place, T extends Item>(
  groups: readonly Group<Place, T>[],
  spend: boolean,
  decide: (place: Place, items: readonly T[], spend: boolean) => MaybePromise<readonly ChargedDecision[]>,
): Promise<readonly ChargedDecision[]> {
  const answers = await Promise.allSettled(
    groups.map(async ({ place, items }) => await decide(place, items, spend)),
  );
  const failure = answers.find((answer) => answer.status === "rejected");
  const decisions: ChargedDecision[] = [];
  answers.forEach((answer, i) => {
    if (answer.status === "fulfilled") answer.value.forEach((d, j) => decisions[groups[i].indices[j]] = d);
  });
  // Without the decisions of a group that failed: what the others charged is given back then.
  const refuser = failure ? "" : refuserOf(decisions);

  if (spend && refuser !== undefined) {
    const returned = await Promise.allSettled(groups.map(async ({ place, items, indices }, i) => {
      const answer = answers[i];
      const charged = answer.status === "fulfilled" ? returnsOf(items, answer.value) : [];
      const returns = charged.filter(({ check }) => check.policy.trialOf !== refuser);
      if (returns.length === 0) return;
      const after = await decide(place, returns, true);
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
