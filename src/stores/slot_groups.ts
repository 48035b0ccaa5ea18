/**
 * One decision over several slots of a Redis Cluster, where one command reaches one slot only.
 *
 * @module
 */

import { type DatedDecision, refuses } from "../decision.ts";
import type { Check } from "./store.ts";

/** A check and the key that its state is stored under. */
export interface Charge {
  /** What is asked. */
  readonly check: Check;
  /** Where its state is. */
  readonly key: string;
}

/** Decides charges of one slot, all or none. */
type Decide = (charges: readonly Charge[], spend: boolean, slot: number) => Promise<readonly DatedDecision[]>;

/** The charges of one slot, and where among all of them they stand. */
interface Group {
  readonly slot: number;
  readonly charges: Charge[];
  readonly places: number[];
}

function groupsOf(charges: readonly Charge[], slotOf: (key: string) => number): Group[] {
  const groups = new Map<number, Group>();
  charges.forEach((charge, place) => {
    const slot = slotOf(charge.key);
    const group = groups.get(slot) ?? { slot, charges: [], places: [] };
    groups.set(slot, group);
    group.charges.push(charge);
    group.places.push(place);
  });
  return [...groups.values()];
}

/**
 * Asks every slot at once. Within a slot all or none is charged; where one slot refuses (or fails), what the others
 * charged is given back in a second call. Until then a request beside this one may find it charged, and is refused
 * early rather than late: never does more than a limit pass.
 *
 * @param charges What is asked, and under which keys.
 * @param slotOf The slot of a key.
 * @param spend False to peek.
 * @param decide Decides the charges of one slot.
 */
export async function decideInSlots(
  charges: readonly Charge[],
  slotOf: (key: string) => number,
  spend: boolean,
  decide: Decide,
): Promise<readonly DatedDecision[]> {
  const groups = groupsOf(charges, slotOf);
  if (groups.length === 1) return decide(charges, spend, groups[0].slot);
  const answers = await Promise.allSettled(groups.map((group) => decide(group.charges, spend, group.slot)));
  const failure = answers.find((answer) => answer.status === "rejected");
  const passed = (answer: PromiseSettledResult<readonly DatedDecision[]>): boolean =>
    answer.status === "fulfilled" && !answer.value.some(refuses);

  const decisions: DatedDecision[] = [];
  answers.forEach((answer, i) => {
    if (answer.status === "fulfilled") answer.value.forEach((d, j) => decisions[groups[i].places[j]] = d);
  });

  if (spend && !answers.every(passed)) {
    const returns = groups.filter((_, i) => passed(answers[i])).map(async ({ slot, charges, places }) => {
      const charged = places.map((place, j) => ({ place, ...charges[j] })).filter(({ place, check }) =>
        decisions[place].allowed && check.cost > 0 && check.since === null
      );
      if (charged.length === 0) return;
      const corrections = charged.map(({ check, key, place }) => ({
        key,
        check: { ...check, cost: -check.cost, since: decisions[place].chargedAt },
      }));
      const after = await decide(corrections, true, slot);
      charged.forEach(({ place }, j) => {
        const { remaining, resetAfterMs } = after[j];
        Object.assign(decisions[place], { remaining, resetAfterMs });
      });
    });
    const returned = await Promise.allSettled(returns);
    const lost = returned.find((outcome) => outcome.status === "rejected");
    if (failure === undefined && lost !== undefined) throw lost.reason;
  }
  if (failure !== undefined) throw failure.reason;
  return decisions;
}
