/**
 * The health of a store: for each part that can fail alone a circuit breaker and the corrections kept for later. There is one per
 * store, whichever throttles ask it.
 *
 * @module
 */

import { type MaybePromise, rescue, then, whenPromise } from "../../maybe.ts";
import type { FailurePolicy } from "../../rules/rule.ts";
import { type Breaker, circuitBreaker } from "./circuit_breaker.ts";
import { inTime } from "./late_answer.ts";
import { report } from "./outage_report.ts";
import { type Returns, returnsKept } from "./returns.ts";
import type { Check, Store, StoreChange, StorePart } from "../store.ts";

/** The health of a part. */
export interface PartHealth {
  readonly part: StorePart;
  readonly breaker: Breaker;
  readonly returns: Returns;
  /** One of the checks that failed. */
  sample: Check | null;
}

/** The health of a store. */
export interface Health {
  /** The part that keeps a check's state. */
  partOf(check: Check): MaybePromise<PartHealth>;
  /** The breakers of the rules that were seen to fail by themselves, on a store that is well. */
  readonly ruleBreakers: ReadonlyMap<string, Breaker>;
  /** The breaker of such a rule. */
  ruleBreaker(rule: string): Breaker;
  /** Sends the corrections kept for a part, if they can be sent. */
  sendReturns(part: PartHealth): void;
  /** Sends corrections now, and keeps those that turn out not to have been done. */
  correct(part: PartHealth, checks: readonly Check[]): void;
  /** Probes a part, if that is due and it can be: no request waits for it. */
  probeAside(part: PartHealth): void;
  /** The call of this ticket went well. */
  succeeded(part: PartHealth, ticket: number, hasCharged: boolean): void;
  /** Adds a throttle: its rules' failure policies. */
  join(policies: Iterable<FailurePolicy>): void;
  /** Adds a listener to changes. */
  observe(listener: (change: StoreChange) => void): void;
  /** Work beside the requests that nobody took before: on Workers it belongs to the request that began it. */
  background(): Promise<unknown> | null;
  /** Keeps a platform waiting for this. */
  aside(work: MaybePromise<unknown>): void;
}

/** The options of {@link healthOf}. */
export interface HealthOptions {
  readonly failures: number;
  readonly probeAfterMs: number;
  readonly deadlineMs: number;
  /** The store's time, epoch ms. */
  readonly clock: () => number;
}

const healths = new WeakMap<Store, Health>();

/** The health of each store, shared by its throttles. */
export function healthOf(store: Store, options: HealthOptions): Health {
  const health = healths.get(store) ?? newHealth(store, options);
  healths.set(store, health);
  return health;
}

const WHOLE: StorePart = { name: "" };

function newHealth(store: Store, options: HealthOptions): Health {
  const { deadlineMs, clock } = options;
  const policies = new Set<FailurePolicy>();
  const listeners: ((change: StoreChange) => void)[] = [];
  const parts = new Map<string, PartHealth>();
  const ruleBreakers = new Map<string, Breaker>();
  const work = new Set<Promise<unknown>>();

  function breakerOf(part: string | undefined): Breaker {
    const notify = (change: StoreChange): void => {
      const full = part === undefined ? change : { ...change, part };
      report(full, store.name ?? "the store", policies);
      for (const listener of listeners) listener(full);
    };
    return circuitBreaker({ ...options, clock: store.clock ?? Date.now, notify });
  }

  function healthOfPart(part: StorePart): PartHealth {
    let health = parts.get(part.name);
    if (health === undefined) {
      const breaker = breakerOf(part.name || undefined);
      health = { part, breaker, returns: returnsKept(clock), sample: null };
      parts.set(part.name, health);
    }
    return health;
  }

  // Where the part cannot be found, the store as a whole is asked, and fails or not.
  const partOf = (check: Check): MaybePromise<PartHealth> =>
    rescue(() => then(store.partOf?.(check) ?? WHOLE, healthOfPart), () => healthOfPart(WHOLE));

  function aside(done: MaybePromise<unknown>): void {
    whenPromise(done, (promise) => {
      const quiet: Promise<unknown> = promise.then(() => {}, () => {}).then(() => work.delete(quiet));
      work.add(quiet);
    });
  }

  function correct(health: PartHealth, checks: readonly Check[]): void {
    for (const check of checks) {
      // Each by itself: two slots of one key are two corrections of it, and a call has a key once.
      aside(rescue<unknown>(() => store.decide([check]), (error) => {
        if (health.part.ranNothing?.(error)) health.returns.keep([check]);
      }));
    }
  }

  function sendReturns(health: PartHealth): void {
    if (health.returns.size === 0 || !health.breaker.isWell) return;
    if (health.part.isConnected?.() === false) return;
    correct(health, health.returns.take());
  }

  function probeAside(health: PartHealth): void {
    const { part, breaker } = health;
    const ticket = part.probe === undefined ? null : breaker.enterProbe();
    if (ticket === null) return;
    aside(rescue<unknown>(
      () => then(inTime(part.probe!(), deadlineMs), () => succeeded(health, ticket, true)),
      (error) => breaker.fail(ticket, error),
    ));
  }

  /** Parts whose keys have moved to other parts, as after a fail-over, get no calls any more: their outage is over. */
  function leaveDeserted(): void {
    for (const health of parts.values()) {
      const { sample, breaker, returns } = health;
      if (!breaker.isFailing || sample === null) continue;
      aside(then(partOf(sample), (now) => {
        if (now === health) return;
        parts.delete(health.part.name);
        breaker.end();
        for (const check of returns.take()) aside(then(partOf(check), (to) => to.returns.keep([check])));
      }));
    }
  }

  function succeeded(health: PartHealth, ticket: number, hasCharged: boolean): void {
    const { part, breaker } = health;
    // A replica that only reads answers refusals and peeks as well as ever.
    const proves = hasCharged || part.probe === undefined;
    breaker.succeed(ticket, proves);
    if (breaker.isFailing && !proves) probeAside(health);
    if (parts.size > 1) leaveDeserted();
    sendReturns(health);
  }

  return {
    partOf,
    ruleBreakers,
    ruleBreaker(rule) {
      const breaker = ruleBreakers.get(rule) ?? breakerOf(`rule "${rule}"`);
      ruleBreakers.set(rule, breaker);
      return breaker;
    },
    sendReturns,
    correct,
    probeAside,
    succeeded,
    join(taken) {
      for (const policy of taken) policies.add(policy);
    },
    observe: (listener) => void listeners.push(listener),
    background() {
      if (work.size === 0) return null;
      const all = Promise.all(work);
      work.clear();
      return all;
    },
    aside,
  };
}
