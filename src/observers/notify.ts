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

const decisionsOf = ({ checks }: Exchange): readonly Decision[] => checks.map(({ decision }) => decision);

/** Makes an event about a request, or about one rule's check of it. */
type MakeEvent = (
  type: ThrottleEvent["type"],
  exchange: Exchange,
  /** The check; its rule and key are the event's. */
  check?: RuleCheck | undefined,
  /** Default: the decision of that check, or all decisions on the request where no check is given. */
  decisions?: readonly Decision[],
) => ExchangeEvent;

function eventMaker(clock: () => number, revealKeys: boolean): MakeEvent {
  let seed: Seed | null = null;
  return (type, exchange, check, decisions = check ? [check.decision] : decisionsOf(exchange)) => {
    const event = new ExchangeEvent(type, clock(), exchange, decisions);
    if (check) {
      event.rule = check.rule.name;
      event.key = revealKeys ? check.partition : shortHash(check.partition, seed ??= randomSeed());
    }
    return event;
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
  const publish = broadcast(observers);
  const eventOf = eventMaker(clock, revealKeys);
  /** The parts of the store whose failure was published: the end of an outage that began before this throttle is not published. */
  const failing = new Set<string | undefined>();

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
        if (mode === "shadow") publish(eventOf("shadow-denied", exchange, check));
        else if (blockedMs > 0) publish(eventOf("blocked", exchange, check));
      }
      const first = refused ? exchange.checks.find(refuses) : undefined;
      const verdict = eventOf(refused ? "denied" : "allowed", exchange, first, decisionsOf(exchange));
      verdict.durationMs = exchange.spentMs;
      publish(verdict);
    },
    answered: publish.answered,
    skipped: (exchange, rule) =>
      publish(Object.assign(eventOf("skipped", exchange, undefined, []), { rule })),
    settled: (exchange, check) => publish(eventOf("settled", exchange, check)),
    error: (exchange, rule, error) =>
      publish(Object.assign(eventOf("error", exchange), { error }, rule && { rule })),
    store(change) {
      const { state, part } = change;
      if (state === "failing" ? failing.add(part) : failing.delete(part)) {
        publish({ type: "store", at: clock(), method: "", route: null, decisions: [], ...change });
      }
    },
  };
}
