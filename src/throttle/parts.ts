/**
 * The parts of a throttle, made of its rules and options.
 *
 * @module
 */

import { compileClient } from "../client/client.ts";
import { explainMissing } from "../client/missing.ts";
import type { Exchange, ThrottleCore } from "../exchange/exchange.ts";
import { waitUntil } from "../exchange/wait_until.ts";
import { all, type MaybePromise, then } from "../maybe.ts";
import { compileNotifier, type Notifier } from "../observers/notify.ts";
import { AT_ONCE, requireResult } from "../options.ts";
import { compileMatch, type Match } from "../rules/match.ts";
import { prepareRules } from "../rules/prepare_rules.ts";
import { warnAboutRules } from "./warnings.ts";
import type { Rate } from "../rules/rate.ts";
import type { PreparedRule, Rule } from "../rules/rule.ts";
import type { AnsweringStore } from "../stores/store.ts";
import { guard } from "../stores/wrappers/guard.ts";
import { compileOutcome, compileRefuse, compileTurnAway, type OutcomeOf } from "./answer.ts";
import { type Checker, compileCheck } from "./compile_check.ts";
import { compileDecide, compileEnter, type Decide } from "./decide.ts";
import {
  type ClientDefaults,
  type PreparedOptions,
  prepareOptions,
  type ThrottleOptions,
} from "./options.ts";
import { compileSettlement, type Settlement } from "./settle.ts";
import { compileLabel, type Label } from "./write_headers.ts";

/** The parts of a throttle. */
export interface Parts {
  readonly rules: readonly PreparedRule[];
  readonly options: PreparedOptions;
  /** The guarded store. */
  readonly store: AnsweringStore;
  /** Epoch ms. */
  readonly clock: () => number;
  readonly notifier: Notifier | null;
  readonly match: Match;
  /** Makes the checks of rules. */
  readonly check: Checker<Exchange>;
  /** Decides some rules at once. */
  readonly decide: Decide;
  /** Decides a request: null when it may pass, else its answer. */
  readonly enter: (exchange: Exchange) => MaybePromise<Response | null>;
  readonly settlement: Settlement;
  readonly label: Label;
  readonly outcomeOf: OutcomeOf;
  /** The functions that exchanges need. */
  readonly core: ThrottleCore;
  /** An error, ours or the handler's, ends the request: its slots are released, then the error is thrown on. */
  failed(error: unknown, exchange: Exchange): MaybePromise<never>;
}

/**
 * @param rules The rules, as they were written.
 * @param given The options that were given.
 * @param defaults Makes the defaults of what a client sees.
 * @throws {TypeError | RangeError} When a rule or an option cannot be used.
 */
export function compileThrottle(
  rules: Rate | Rule | readonly (Rate | Rule)[],
  given: ThrottleOptions,
  defaults?: () => ClientDefaults,
): Parts {
  const prepared = prepareRules(rules);
  const options = prepareOptions(given, defaults);
  const { authenticate, headers, sendHeaders, reject, observers, revealKeys } = options;
  const store = guard(options, prepared);
  const clock = store.clock ?? Date.now;
  const notifier = compileNotifier(observers, clock, revealKeys);
  warnAboutRules(prepared, authenticate, options.store, sendHeaders === "never" ? null : headers);
  requireResult(store.prepare?.(prepared), AT_ONCE, "the store's prepare");
  if (notifier !== null) store.observe?.(notifier.store);

  const match = compileMatch(prepared, options.exactPaths);
  const check = compileCheck<Exchange>(
    prepared,
    clock,
    (rule, exchange, error) => notifier?.error(exchange, rule.name, error),
  );
  const decide = compileDecide({ check, store, notifier });
  const settlement = compileSettlement(store, notifier);
  const { release } = settlement;
  const labels = compileLabel({ rules: prepared, headers, sendHeaders, notifier, release });
  const { label } = labels;
  const outcomeOf = compileOutcome(labels, settlement);
  const refuse = compileRefuse({ reject, outcomeOf, notifier, release, labels });
  const turnAway = compileTurnAway(settlement, notifier, label);
  const enter = compileEnter({ authenticate, notifier, decide, refuse, turnAway });
  const core = coreOf(prepared, options, store, settlement);

  function failed(error: unknown, exchange: Exchange): MaybePromise<never> {
    exchange.ended = true;
    return then(settlement.settleAfterError(exchange), () => {
      throw error;
    });
  }

  return {
    ...{ rules: prepared, options, store, clock, notifier, match, check, decide, settlement, label },
    ...{ outcomeOf, enter, core, failed },
  };
}

/** The functions of a throttle that its exchanges need. */
function coreOf(
  rules: readonly PreparedRule[],
  { client }: PreparedOptions,
  { decide: correct }: AnsweringStore,
  { settle, release }: Settlement,
): ThrottleCore {
  return {
    addressOf: compileClient(client),
    explainAddress: (request, platform) => explainMissing(client, request, platform),
    release,
    correct,
    settle(exchange, name, cost) {
      const checks = exchange.checks.filter(({ rule }) =>
        rule.name === name || (rule.trialOf !== undefined && rule.trialOf === name)
      );
      if (checks.length === 0) return rules.some((rule) => rule.name === name) ? undefined : false;
      const settled = all(checks.map((check) => settle(exchange, check, cost)));
      waitUntil(exchange.platform, settled);
      return settled as MaybePromise<unknown> as MaybePromise<void>;
    },
  };
}
