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
import { waitUntil } from "../exchange/wait_until.ts";
import type { AnsweringStore } from "../stores/store.ts";
import type { Exchange } from "../exchange/exchange.ts";

/** What deciding needs of its throttle. */
export interface DecideOptions {
  /** By the rules' index. */
  readonly asks: readonly Checker<Exchange>[];
  readonly store: AnsweringStore;
  readonly notifier: Notifier | null;
}

const isPart = (check: RuleCheck | null): check is RuleCheck => check !== null;
const isDecided = (check: RuleCheck): boolean => !isOpen(check);

/** Does every rule apply, and leave it to the store? */
function allOpen(answers: readonly (RuleCheck | null)[]): answers is readonly RuleCheck[] {
  for (const check of answers) if (check === null || !isOpen(check)) return false;
  return true;
}

/** @returns What decides some rules at once, all or nothing, and notes it in the exchange's parts. Is any of them refusing? */
export function compileDecide(
  { asks: checkers, store, notifier: notifier }: DecideOptions,
): (exchange: Exchange, rules: readonly PreparedRule[]) => MaybePromise<boolean> {
  function ask(rule: PreparedRule, exchange: Exchange): MaybePromise<RuleCheck | null> {
    return checkers[rule.index](exchange);
  }

  const { background } = store;
  function keepAlive(work: Promise<unknown> | null, { platform }: Exchange): void {
    if (work !== null) waitUntil(platform, work);
  }

  function decide(exchange: Exchange, rules: readonly PreparedRule[]): MaybePromise<boolean> {
    if (rules.length === 0) return false;
    const answers = each(rules, ask, exchange);
    return isPromise(answers) ? later(answers, askStore, exchange) : askStore(answers, exchange);
  }

  function askStore(answers: readonly (RuleCheck | null)[], exchange: Exchange): MaybePromise<boolean> {
    if (!allOpen(answers)) return askForSome(answers, exchange);
    exchange.asked = answers;
    const answered = store.answer(answers, exchange.spend);
    return isPromise(answered) ? later(answered, conclude, exchange) : conclude(answered, exchange);
  }

  /** Some rules skip the request, or refuse it by themselves. */
  function askForSome(answers: readonly (RuleCheck | null)[], exchange: Exchange): MaybePromise<boolean> {
    if (notifier !== null && exchange.spend) announceSkipped(answers, exchange);
    const asked = answers.filter(isPart);
    const refusing = asked.filter(isDecided).filter(refuses);
    if (refusing.length > 0 && !refusing.some(needsLook)) {
      // Nothing is left to look at, so the store is not asked.
      exchange.checks = [...exchange.checks, ...refusing];
      return true;
    }
    exchange.asked = asked;
    return then(askStoreAbout(store, asked, exchange.spend && refusing.length === 0), conclude, exchange);
  }

  /** What the verdicts come to. Is the request refused? */
  function conclude(_: void, exchange: Exchange): boolean {
    const { asked, spend } = exchange;
    let refused = false;
    let open = 0;
    for (const check of asked) {
      if (isOpen(check)) open++;
      else if (refuses(check)) refused = true;
    }
    // The deny cache answers with the refusing rules alone.
    const decided = open === 0 ? asked : asked.filter(isDecided);
    for (const part of decided) part.charged = spend && !refused && part.allowed;
    if (background !== undefined) keepAlive(background(), exchange);
    exchange.checks = exchange.checks.length === 0 ? decided : [...exchange.checks, ...decided];
    return refused;
  }

  function announceSkipped(answers: readonly (RuleCheck | null)[], exchange: Exchange): void {
    const rules = exchange.who === undefined ? exchange.matched.before : exchange.matched.after;
    answers.forEach((check, i) => check === null && notifier?.skipped(exchange, rules[i].name));
  }

  return decide;
}
