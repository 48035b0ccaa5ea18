/**
 * Slots that outlast their response: an open socket's, and those of work in the background.
 *
 * @module
 */

import type { Algorithm } from "../algorithms/algorithm.ts";
import { type MaybePromise, rescue, then } from "../maybe.ts";
import { MAX_TIMER_MS, unref } from "../runtime.ts";
import type { Exchange, ThrottleCore } from "./exchange.ts";
import { correctionOf, holds, type RuleCheck } from "./rule_check.ts";
import { waitUntil } from "./wait_until.ts";

/** Half a lease is then left for a process that is busy, and for a store that is slow. */
const RENEWALS_PER_LEASE = 4;

/** Asks the store to correct a charge. */
type Correct = ThrottleCore["correct"];

/**
 * The charge of a slot, moved on in time, so that its lease begins anew. All times are epoch ms by the store's clock, as of
 * its last answer. Times of charges are a whole number of renewals apart: concurrency() with a high limit puts charges
 * of about the same time together, and they stay together.
 */
class Renewal {
  private readonly check: RuleCheck;
  private readonly moving: NonNullable<Algorithm["moving"]>;
  private readonly correct: Correct;
  /** The time of the first charge. */
  private readonly first: number;
  /** The number of renewals since. */
  private turns = 0;
  /** When the store answered last. */
  private answered: number;

  constructor(check: RuleCheck, moving: NonNullable<Algorithm["moving"]>, correct: Correct) {
    this.check = check;
    this.moving = moving;
    this.correct = correct;
    this.first = check.chargedAt;
    this.answered = check.at;
  }

  /** @param now The store's time, as far as it is known. */
  run(now: number): MaybePromise<unknown> {
    const { check } = this;
    if (!holds(check)) return;
    const everyMs = check.policy.windowMs / RENEWALS_PER_LEASE;
    const turns = Math.max(this.turns + 1, Math.floor((now - this.first) / everyMs));
    const next = this.first + Math.floor(turns * everyMs);
    // A clock that stands still, or was set back: the store is asked for its time alone.
    if (next > this.answered + 2 * everyMs) {
      return then(this.correct([correctionOf(check, 0)]), ([{ at }]) => void (this.answered = at));
    }
    const { cost } = check;
    // The twin of the step finds the time among the boundaries.
    const policy = { ...check.policy, boundaries: [next] };
    const move = { ...correctionOf(check, cost), policy, algorithm: this.moving(next) };
    return then(this.correct([move]), ([{ at }]) => {
      this.answered = at;
      this.turns = turns;
      check.chargedAt = next;
      // Where the store fails, the correction is kept for it, and so is every later one.
      check.source = "store";
      // Is it late, as the process was suspended, or the store took long?
      return at - next >= everyMs && check.cost === cost ? this.run(at) : undefined;
    });
  }

  /** Renews the charge in turn, so many ms after the last time. */
  runAfter(ms: number): MaybePromise<unknown> {
    return this.run(this.answered + ms);
  }
}

/** Renews a slot, again and again, until the function that it returns is called. */
function renewed(check: RuleCheck, correct: Correct): () => void {
  const { algorithm: { moving }, policy: { windowMs } } = check;
  if (moving === undefined) return () => {};
  const renewal = new Renewal(check, moving, correct);
  const everyMs = Math.min(MAX_TIMER_MS, Math.ceil(windowMs / RENEWALS_PER_LEASE));
  let isOn = true;
  let timer: ReturnType<typeof setTimeout>;
  function wait(): void {
    if (!isOn) return;
    timer = setTimeout(() => {
      // A store that fails now may answer the next time.
      check.renewal = rescue(() => renewal.runAfter(everyMs), () => {});
      then(check.renewal, wait);
    }, everyMs);
    unref(timer);
  }
  wait();
  return () => {
    isOn = false;
    clearTimeout(timer);
  };
}

/** Holds the slots of one exchange. */
function holdOne(exchange: Exchange): void {
  if (exchange.hold === null) {
    const { checks, throttle: { correct } } = exchange;
    const ends = checks.filter(holds).map((check) => renewed(check, correct));
    exchange.hold = { times: 0, isOver: false, end: () => ends.forEach((end) => end()) };
  }
  exchange.hold.times++;
}

function letGoOfOne(exchange: Exchange): void {
  const { hold, platform, throttle } = exchange;
  if (hold === null || --hold.times > 0) return;
  hold.end();
  exchange.hold = null;
  if (hold.isOver) waitUntil(platform, throttle.release(exchange));
}

/** Did the request take slots? */
function tookSlots({ checks }: Exchange): boolean {
  return checks.some(({ rule, charged }) => charged && rule.implementation.heldWhileRunning === true);
}

/**
 * Holds the slots of an exchange and of those around it.
 *
 * @returns Ends that, once.
 * @throws {Error} When they are free already.
 */
export function holdSlots(exchange: Exchange): () => void {
  const levels: Exchange[] = [];
  for (let level: Exchange | null = exchange; level !== null; level = level.outer) levels.push(level);
  const held = levels.filter(({ checks }) => checks.some(holds));
  if (held.length === 0 && levels.some(tookSlots)) {
    throw new Error(
      "Cannot hold the slots of this request as they are free already: call hold() before the handler returns its response",
    );
  }
  held.forEach(holdOne);
  let isHeld = true;
  return () => {
    if (!isHeld) return;
    isHeld = false;
    held.forEach(letGoOfOne);
  };
}
