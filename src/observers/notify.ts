/**
 * What a throttle tells its observers.
 *
 * @module
 */

import { type Decision, refuses } from "../decision.ts";
import { broadcast, ExchangeEvent, type Observer, type ThrottleEvent } from "./events.ts";
import { randomSeed, type Seed, shortHash } from "../hash/half_sip_hash.ts";
import type { StoreChange } from "../stores/store.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { RuleCheck } from "../exchange/rule_check.ts";

/** Tells observers what happens to exchanges. */
export interface Notifier {
  /** Deciding begins, or goes on after authentication. */
  start(exchange: Exchange): void;
  /** Deciding waits for authentication. */
  pause(exchange: Exchange): void;
  /** The verdict on a request. */
  verdict(exchange: Exchange, refused: boolean): void;
  /** The status of the response to a request. */
  answered(status: number): void;
  /** A rule does not apply. */
  skipped(exchange: Exchange, rule: string): void;
  /** A charge was corrected. */
  settled(exchange: Exchange, check: RuleCheck): void;
  /** A function of the user's, or a correction, failed. `rule` null: authentication. */
  error(exchange: Exchange, rule: string | null, error: unknown): void;
  /** The store began to fail, or works again. */
  store(change: StoreChange): void;
}

/**
 * @param observers The observers.
 * @param clock Dates events, epoch ms.
 * @param revealKeys Events carry raw keys.
 * @param stopwatch Ms since whenever, and no clock that is set steps it.
 * @returns Null where nobody watches, so that nothing is made in vain.
 * @throws {TypeError} When an observer is not a function.
 */
export function compileNotifier(
  observers: readonly Observer[],
  clock: () => number,
  revealKeys: boolean,
  stopwatch: () => number = () => performance.now(),
): Notifier | null {
  if (observers.length === 0) return null;
  const tell = broadcast(observers);
  let seed: Seed | null = null;

  function eventOf(
    type: ThrottleEvent["type"],
    exchange: Exchange,
    decisions?: readonly Decision[],
  ): ExchangeEvent {
    return new ExchangeEvent(
      type,
      clock(),
      exchange,
      decisions ?? exchange.checks.map(({ decision }) => decision),
    );
  }

  function eventOfPart(
    type: ThrottleEvent["type"],
    exchange: Exchange,
    check: RuleCheck,
    decisions?: readonly Decision[],
  ): ExchangeEvent {
    const event = eventOf(type, exchange, decisions);
    event.rule = check.rule.name;
    event.key = revealKeys ? check.partition : shortHash(check.partition, seed ??= randomSeed());
    return event;
  }

  function pause(exchange: Exchange): void {
    exchange.spentMs += stopwatch();
  }

  return {
    start(exchange) {
      exchange.spentMs -= stopwatch();
    },
    pause,
    verdict(exchange, refused) {
      pause(exchange);
      for (const check of exchange.checks) {
        const { allowed, mode, blockedMs } = check;
        if (allowed) continue;
        if (mode === "shadow") tell(eventOfPart("shadow-denied", exchange, check, [check.decision]));
        else if (blockedMs > 0) tell(eventOfPart("blocked", exchange, check, [check.decision]));
      }
      const first = refused ? exchange.checks.find(refuses) : undefined;
      const event = first !== undefined
        ? eventOfPart("denied", exchange, first)
        : eventOf(refused ? "denied" : "allowed", exchange);
      event.durationMs = exchange.spentMs;
      tell(event);
    },
    answered: tell.answered,
    skipped(exchange, rule) {
      const event = eventOf("skipped", exchange, []);
      event.rule = rule;
      tell(event);
    },
    settled: (exchange, check) => tell(eventOfPart("settled", exchange, check, [check.decision])),
    error(exchange, rule, error) {
      const event = eventOf("error", exchange);
      event.error = error;
      if (rule !== null) event.rule = rule;
      tell(event);
    },
    store: (change) =>
      tell({ type: "store", at: clock(), method: "", route: null, decisions: [], ...change }),
  };
}
