/**
 * The events that a throttle sends to its observers.
 *
 * @module
 */

import { type Decision, refuses } from "../decision.ts";
import { broadcast, ExchangeEvent, type Observer, type ThrottleEvent } from "./events.ts";
import { randomSeed, type Seed, shortHash } from "../hash/half_sip_hash.ts";
import type { StoreChange } from "../stores/store.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { RuleCheck } from "../exchange/rule_check.ts";

/** Sends observers the events of exchanges. */
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

/** The functions that make the events of one throttle. */
interface EventMaker {
  /** An event about a request. */
  of(type: ThrottleEvent["type"], exchange: Exchange, decisions?: readonly Decision[]): ExchangeEvent;
  /** An event about one rule's check of it, with that decision alone unless all are asked for. */
  ofCheck(type: ThrottleEvent["type"], exchange: Exchange, check: RuleCheck, all?: boolean): ExchangeEvent;
}

function eventMaker(clock: () => number, revealKeys: boolean): EventMaker {
  let seed: Seed | null = null;
  const of: EventMaker["of"] = (type, exchange, decisions) =>
    new ExchangeEvent(type, clock(), exchange, decisions ?? exchange.checks.map(({ decision }) => decision));
  return {
    of,
    ofCheck(type, exchange, check, all = false) {
      const event = of(type, exchange, all ? undefined : [check.decision]);
      event.rule = check.rule.name;
      event.key = revealKeys ? check.partition : shortHash(check.partition, seed ??= randomSeed());
      return event;
    },
  };
}

/**
 * @param observers The observers.
 * @param clock Dates events, epoch ms.
 * @param revealKeys Events carry raw keys.
 * @param stopwatch Ms since whenever, and no clock that is set steps it.
 * @returns Null where nobody watches, so that nothing is made in vain.
 */
export function compileNotifier(
  observers: readonly Observer[],
  clock: () => number,
  revealKeys: boolean,
  stopwatch: () => number = () => performance.now(),
): Notifier | null {
  if (observers.length === 0) return null;
  const tell = broadcast(observers);
  const event = eventMaker(clock, revealKeys);

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
        if (mode === "shadow") tell(event.ofCheck("shadow-denied", exchange, check));
        else if (blockedMs > 0) tell(event.ofCheck("blocked", exchange, check));
      }
      const first = refused ? exchange.checks.find(refuses) : undefined;
      const verdict = first !== undefined
        ? event.ofCheck("denied", exchange, first, true)
        : event.of(refused ? "denied" : "allowed", exchange);
      verdict.durationMs = exchange.spentMs;
      tell(verdict);
    },
    answered: tell.answered,
    skipped: (exchange, rule) => tell(Object.assign(event.of("skipped", exchange, []), { rule })),
    settled: (exchange, check) => tell(event.ofCheck("settled", exchange, check)),
    error: (exchange, rule, error) =>
      tell(Object.assign(event.of("error", exchange), { error }, rule === null ? {} : { rule })),
    store: (change) =>
      tell({ type: "store", at: clock(), method: "", route: null, decisions: [], ...change }),
  };
}
