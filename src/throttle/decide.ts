/**
 * One stage of a request's path: every rule's key, then one question to the store for all of them.
 *
 * @module
 */

import type { Notifier } from "../observers/notify.ts";
import type { Checker } from "./compile_check.ts";
import { refuses } from "../decision.ts";
import { each, isPromise, later, type MaybePromise, then } from "../maybe.ts";
import { askStoreAbout, needsLook } from "./over_burst.ts";
import { isOpen, type RuleCheck } from "../exchange/rule_check.ts";
import type { PreparedRule } from "../rules/rule.ts";
import { waitUntil } from "./settle.ts";
import type { AnsweringStore } from "../stores/store.ts";
import type { Exchange } from "../exchange/exchange.ts";

/** What deciding needs of its throttle. */
export interface DecideOptions {
  /** By the rules' index. */
  readonly asks: readonly Checker<Exchange>[];
  readonly store: AnsweringStore;
  readonly announcer: Notifier | null;
}

const isPart = (part: RuleCheck | null): part is RuleCheck => part !== null;
const isDecided = (part: RuleCheck): boolean => !isOpen(part);

/** Does every rule apply, and leave it to the store? */
function allOpen(answers: readonly (RuleCheck | null)[]): answers is readonly RuleCheck[] {
  for (const part of answers) if (part === null || !isOpen(part)) return false;
  return true;
}

/** @returns What decides some rules at once, all or nothing, and notes it in the trip's parts. Is any of them refusing? */
export function compileDecide(
  { asks, store, announcer }: DecideOptions,
): (trip: Exchange, rules: readonly PreparedRule[]) => MaybePromise<boolean> {
  function ask(rule: PreparedRule, trip: Exchange): MaybePromise<RuleCheck | null> {
    return asks[rule.index](trip);
  }

  const { background } = store;
  function keepAlive(work: Promise<unknown> | null, { platform }: Exchange): void {
    if (work !== null) waitUntil(platform, work);
  }

  function decide(trip: Exchange, rules: readonly PreparedRule[]): MaybePromise<boolean> {
    if (rules.length === 0) return false;
    const answers = each(rules, ask, trip);
    return isPromise(answers) ? later(answers, askStore, trip) : askStore(answers, trip);
  }

  function askStore(answers: readonly (RuleCheck | null)[], trip: Exchange): MaybePromise<boolean> {
    if (!allOpen(answers)) return askForSome(answers, trip);
    trip.asked = answers;
    const answered = store.answer(answers, trip.spend);
    return isPromise(answered) ? later(answered, conclude, trip) : conclude(answered, trip);
  }

  /** Some rules skip the request, or refuse it by themselves. */
  function askForSome(answers: readonly (RuleCheck | null)[], trip: Exchange): MaybePromise<boolean> {
    if (announcer !== null && trip.spend) announceSkipped(answers, trip);
    const asked = answers.filter(isPart);
    const refusing = asked.filter(isDecided).filter(refuses);
    if (refusing.length > 0 && !refusing.some(needsLook)) {
      // Nothing is left to look at, so the store is not asked.
      trip.checks = [...trip.checks, ...refusing];
      return true;
    }
    trip.asked = asked;
    return then(askStoreAbout(store, asked, trip.spend && refusing.length === 0), conclude, trip);
  }

  /** What the verdicts come to. Is the request refused? */
  function conclude(_: void, trip: Exchange): boolean {
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
    trip.checks = trip.checks.length === 0 ? decided : [...trip.checks, ...decided];
    return refused;
  }

  function announceSkipped(answers: readonly (RuleCheck | null)[], trip: Exchange): void {
    const rules = trip.who === undefined ? trip.matched.before : trip.matched.after;
    answers.forEach((part, i) => part === null && announcer?.skipped(trip, rules[i].name));
  }

  return decide;
}
