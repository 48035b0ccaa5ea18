/**
 * One stage of a request's path: every rule's key, then one question to the store for all of them.
 *
 * @module
 */

import type { Announcer } from "../observers/notify.ts";
import type { Asker } from "./compile_check.ts";
import { refuses } from "../decision.ts";
import { each, isPromise, later, type MaybePromise, then } from "../maybe.ts";
import { askStoreAbout, needsLook } from "./over_burst.ts";
import { isOpen, type Part } from "../exchange/rule_check.ts";
import type { PreparedRule } from "../rules/rule.ts";
import { waitUntil } from "./settle.ts";
import type { AnsweringStore } from "../stores/store.ts";
import type { Trip } from "../exchange/exchange.ts";

/** What deciding needs of its throttle. */
export interface DecideOptions {
  /** By the rules' index. */
  readonly asks: readonly Asker<Trip>[];
  readonly store: AnsweringStore;
  readonly announcer: Announcer | null;
}

const isPart = (part: Part | null): part is Part => part !== null;
const isDecided = (part: Part): boolean => !isOpen(part);

/** Does every rule apply, and leave it to the store? */
function allOpen(answers: readonly (Part | null)[]): answers is readonly Part[] {
  for (const part of answers) if (part === null || !isOpen(part)) return false;
  return true;
}

/** @returns What decides some rules at once, all or nothing, and notes it in the trip's parts. Is any of them refusing? */
export function compileDecide(
  { asks, store, announcer }: DecideOptions,
): (trip: Trip, rules: readonly PreparedRule[]) => MaybePromise<boolean> {
  function ask(rule: PreparedRule, trip: Trip): MaybePromise<Part | null> {
    return asks[rule.index](trip);
  }

  const { background } = store;
  function keepAlive(work: Promise<unknown> | null, { platform }: Trip): void {
    if (work !== null) waitUntil(platform, work);
  }

  function decide(trip: Trip, rules: readonly PreparedRule[]): MaybePromise<boolean> {
    if (rules.length === 0) return false;
    const answers = each(rules, ask, trip);
    return isPromise(answers) ? later(answers, askStore, trip) : askStore(answers, trip);
  }

  function askStore(answers: readonly (Part | null)[], trip: Trip): MaybePromise<boolean> {
    if (!allOpen(answers)) return askForSome(answers, trip);
    trip.asked = answers;
    const answered = store.answer(answers, trip.spend);
    return isPromise(answered) ? later(answered, conclude, trip) : conclude(answered, trip);
  }

  /** Some rules skip the request, or refuse it by themselves. */
  function askForSome(answers: readonly (Part | null)[], trip: Trip): MaybePromise<boolean> {
    if (announcer !== null && trip.spend) announceSkipped(answers, trip);
    const asked = answers.filter(isPart);
    const refusing = asked.filter(isDecided).filter(refuses);
    if (refusing.length > 0 && !refusing.some(needsLook)) {
      // Nothing is left to look at, so the store is not asked.
      trip.parts = [...trip.parts, ...refusing];
      return true;
    }
    trip.asked = asked;
    return then(askStoreAbout(store, asked, trip.spend && refusing.length === 0), conclude, trip);
  }

  /** What the verdicts come to. Is the request refused? */
  function conclude(_: void, trip: Trip): boolean {
    const { asked, spend } = trip;
    let refused = false;
    let open = 0;
    for (const part of asked) {
      if (isOpen(part)) open++;
      else if (refuses(part)) refused = true;
    }
    // The deny cache answers with the refusing rules alone.
    const decided = open === 0 ? asked : asked.filter(isDecided);
    for (const part of decided) part.charged = spend && !refused && part.allowed;
    if (background !== undefined) keepAlive(background(), trip);
    trip.parts = trip.parts.length === 0 ? decided : [...trip.parts, ...decided];
    return refused;
  }

  function announceSkipped(answers: readonly (Part | null)[], trip: Trip): void {
    const rules = trip.who === undefined ? trip.matched.before : trip.matched.after;
    answers.forEach((part, i) => part === null && announcer?.skipped(trip, rules[i].name));
  }

  return decide;
}
