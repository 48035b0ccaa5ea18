import { setImmediate } from "node:timers";
import { type Check, memoryStore, type Rule } from "../../mod.ts";
import { type ChargedDecision, refuses } from "../../src/decision.ts";
import { prepareRules } from "../../src/rules/prepare_rules.ts";
import { leasesOf } from "../../src/stores/leases/leases.ts";
import type { WrappedStore } from "../../src/stores/store.ts";

/** The fate of one call of the store: the latency of both ways in ms, and its loss. */
export interface Weather {
  readonly there: number;
  readonly back: number;
  readonly lost: "nothing" | "the question" | "the answer";
}

/** An instance's clocks: the error of the wall clock, and how much faster both run, in parts. */
export interface Skew {
  readonly offMs: number;
  readonly drift: number;
}

/** The next event of a fleet: `after` ms later, or later than the newest charge's usable time. */
export type Turn =
  & { readonly after: number; readonly edge?: boolean; readonly who: number }
  & (
    | { readonly kind: "ask"; readonly key: string; readonly cost: number }
    | { readonly kind: "crash" | "close" }
    | { readonly kind: "step"; readonly byMs: number }
  );

/** Some instances on one store. */
export interface Fleet {
  readonly rules: readonly Rule[];
  readonly most: number;
  readonly skews: readonly Skew[];
  /** The fates of the calls in turn, repeated. */
  readonly weather: readonly Weather[];
}

/** Units that passed under one rule. */
export interface Pass {
  readonly rule: string;
  readonly key: string;
  readonly cost: number;
  /** The real time, epoch ms. */
  readonly at: number;
  readonly chargedAt: number;
  readonly source: ChargedDecision["source"];
}

/** The result of a fleet. */
export interface Run {
  readonly passes: readonly Pass[];
  readonly refused: number;
  /** Calls of the store. */
  readonly calls: number;
  /** The store's charges, less its refunds, per charge: see {@link chargeOf}. */
  readonly charged: ReadonlyMap<string, number>;
  /** The store's remaining units of a key, under each rule. */
  left(key: string): readonly number[];
}

/** The charge of a pass, as text. */
export function chargeOf({ rule, key, chargedAt }: Pick<Pass, "rule" | "key" | "chargedAt">): string {
  return `${rule}:${key} at ${chargedAt}`;
}

const START = 1_700_000_000_000.4;
const DEADLINE_MS = 250;

/**
 * Runs a fleet on a simulated time. The store decides by whole ms of the real time. Each instance has its own
 * clocks. A call takes the latency and the fate of the weather, and ends at its deadline. Pending calls of a
 * crashed instance are never answered.
 */
export async function sail({ rules, most, skews, weather }: Fleet, turns: readonly Turn[]): Promise<Run> {
  let now = START;
  let calls = 0;
  let refused = 0;
  const passes: Pass[] = [];
  const charged = new Map<string, number>();
  const events: { readonly at: number; readonly run: () => void }[] = [];
  const at = (time: number, run: () => void): void => {
    const next = events.findIndex((event) => event.at > time);
    events.splice(next < 0 ? events.length : next, 0, { at: time, run });
  };
  const memory = memoryStore({ clock: () => Math.floor(now) });
  const prepared = prepareRules(rules);

  function checksOf(key: string, cost: number): Check[] {
    return prepared.map(({ name, policy, implementation }) => ({
      key: `${name}:${key}`,
      policy: policy!,
      algorithm: implementation,
      cost,
      since: null,
    }));
  }

  function charge(checks: readonly Check[], decisions: readonly ChargedDecision[]): void {
    checks.forEach(({ key, cost, since }, i) => {
      const name = `${key} at ${since ?? decisions[i].chargedAt}`;
      charged.set(name, (charged.get(name) ?? 0) + cost);
    });
  }

  const link = {
    shared: true,
    decide(checks: readonly Check[], spend?: boolean) {
      const { there, back, lost } = weather[calls++ % weather.length];
      return new Promise((resolve, reject) => {
        at(now + DEADLINE_MS, () => reject(new Error("late")));
        if (lost === "the question") return;
        at(now + there, () => {
          const decisions = memory.decide(checks, spend) as readonly ChargedDecision[];
          if (spend !== false && !decisions.some(refuses)) charge(checks, decisions);
          if (lost === "nothing") at(now + back, () => resolve(decisions));
        });
      });
    },
  } as unknown as WrappedStore;

  function launch({ offMs, drift }: Skew) {
    let wallOff = offMs;
    const leases = leasesOf(most, {
      clocks: {
        wall: () => Math.floor(START + (now - START) * (1 + drift) + wallOff),
        steady: () => (now - START) * (1 + drift),
      },
    });
    return {
      isAlive: true,
      store: leases.over(link, prepared),
      close: () => leases.close(link),
      step: (byMs: number) => void (wallOff += byMs),
    };
  }

  const ships = skews.map(launch);

  async function ask(who: number, key: string, cost: number): Promise<void> {
    const ship = ships[who];
    const note = (decisions: readonly ChargedDecision[]): void => {
      if (!ship.isAlive) return;
      if (decisions.some(refuses)) return void refused++;
      for (const { rule, source, at, chargedAt, cost } of decisions) {
        // Units from the store pass at the store's reply, local units pass now.
        passes.push({ rule, key, cost, at: source === "lease" ? now : at, chargedAt, source });
      }
    };
    const answer = ship.store.decide(checksOf(key, cost));
    if (!(answer instanceof Promise)) return note(answer);
    await answer.then(note, () => {});
  }

  function take(turn: Turn): void {
    if (turn.kind === "ask") void ask(turn.who, turn.key, turn.cost);
    else if (turn.kind === "step") ships[turn.who].step(turn.byMs);
    else if (turn.kind === "close") ships[turn.who].close().catch(() => {});
    else {
      ships[turn.who].isAlive = false;
      ships[turn.who] = launch(skews[turn.who]);
    }
  }

  function edge(): number {
    const { chargedAt } = passes[passes.length - 1] ?? { chargedAt: now };
    const { policy, implementation } = prepared[0];
    return implementation.usableUntil?.(chargedAt, policy!.windowMs) ?? now;
  }

  const ahead = turns.values();
  function next(): void {
    const { value: turn, done } = ahead.next();
    if (done) return;
    at(Math.max(now, (turn.edge ? edge() : now) + turn.after), () => {
      take(turn);
      next();
    });
  }

  next();
  for (let event = events.shift(); event !== undefined; event = events.shift()) {
    now = event.at;
    event.run();
    // All promises settle before the next event.
    await new Promise((done) => setImmediate(done));
  }
  return {
    passes,
    refused,
    calls,
    charged,
    left: (key) =>
      (memory.decide(checksOf(key, 0), false) as ChargedDecision[]).map(({ remaining }) => remaining),
  };
}
