import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  type Algorithm,
  type Check,
  concurrency,
  decideChecks,
  fixedWindow,
  gcra,
  type Mode,
  type Policy,
  slidingLog,
  slidingWindow,
  type Store,
  type StoreDecision,
} from "../../mod.ts";
import { withBlock } from "../../src/algorithms/block.ts";
import { checkOf } from "./checks.ts";

/** Random walks through a store: one to four rules, requests, peeks and corrections, and a clock that moves. */

const ALGORITHMS: readonly Algorithm[] = [
  fixedWindow(),
  fixedWindow({ aligned: true }),
  gcra(),
  gcra({ burst: 1 }),
  gcra({ burst: 25 }),
  slidingLog(),
  slidingWindow(),
  slidingWindow({ slots: 1 }),
  slidingWindow({ slots: 1000 }),
  concurrency({ lease: "1s" }),
];
const BLOCKS = [
  { after: 1, windowMs: 1000, forMs: 50, growth: 1, maxMs: 50 },
  { after: 3, windowMs: 500, forMs: 1000, growth: 1.7, maxMs: 20_000 },
];
/** Every algorithm bare, then under each block. */
export const WRAPPED: readonly Algorithm[] = [
  ...ALGORITHMS,
  ...BLOCKS.flatMap((block) => ALGORITHMS.map((algorithm) => withBlock(algorithm, block) as Algorithm)),
];

/** The algorithms that remember a list of charges. */
const LOGS: readonly string[] = ["sliding-log", "sliding-log", "sliding-window", "concurrency"];

const rule = fc.record({
  algorithm: fc.nat(WRAPPED.length - 1),
  limit: fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 1, max: 8 }) }, fc.constantFrom(100, 999_999)),
  windowMs: fc.constantFrom(1, 2, 7, 100, 1000, 1000, 60_000, 86_400_000),
  mode: fc.constantFrom<Mode>("enforce", "enforce", "shadow"),
  /** Null: windows of a fixed length; else periods of a calendar, as a process sees them whose clock is so many windows ahead. */
  ahead: fc.constantFrom(null, null, 0, 0, 0.5, -0.5, 9, -9),
});

/** Periods of several lengths, around a time. */
function periodsAround(now: number, windowMs: number): readonly number[] {
  const start = (n: number): number => n * windowMs + (n * 7919) % Math.ceil(windowMs / 2);
  let n = Math.floor(now / windowMs);
  while (start(n) > now) n--;
  while (start(n + 1) <= now) n++;
  return [n - 1, n, n + 1, n + 2].map(start);
}

/** How far the clock goes before an ask, in windows and ms: it stands, walks, jumps. */
const forward = fc.record({
  windows: fc.constantFrom<number>(0, 0, 0, 0, 0.01, 0.1, 0.34, 1, 1, 3),
  ms: fc.constantFrom<number>(0, 0, 0, 1, 1, 17),
});
const backward = fc.record({
  windows: fc.constantFrom<number>(0, 0, -0.5, -2),
  ms: fc.constantFrom<number>(0, -1, -1, -20),
});

const ask = {
  /** The index of the store's instance, where there are several. */
  instance: fc.nat(9),
  partition: fc.constantFrom("a", "a", "b"),
  /** The rules, a bit each. */
  rules: fc.integer({ min: 1, max: 15 }),
  /** Costs from 0 to limit + 1. */
  costs: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 4, maxLength: 4 }),
  kind: fc.constantFrom("request", "request", "request", "request", "peek", "correction", "correction"),
  /** The charge that a correction reaches back to, and by how much it changes it. */
  back: fc.nat(6),
  change: fc.integer({ min: -9, max: 4 }),
  /** Where the algorithm can move the charge: to which time from now. */
  to: fc.constantFrom<number | null>(null, 0, 1, 250, -3, -700, 1001),
};

const ASKS = 100;
const walk = (step: typeof forward, raised: fc.Arbitrary<number>) =>
  fc.record({
    rules: fc.array(rule, { minLength: 1, maxLength: 4 }),
    asks: fc.array(fc.record({ step, raised, ...ask }), { minLength: ASKS, maxLength: ASKS }),
  });
export type Walk = ReturnType<typeof walk> extends fc.Arbitrary<infer T> ? T : never;

/** Walks by a clock that now and then steps back, under rates from functions that now and then give another limit. */
export const walks: fc.Arbitrary<Walk> = walk(
  fc.oneof({ weight: 6, arbitrary: forward }, { weight: 1, arbitrary: backward }),
  fc.constantFrom(0, 0, 0, 0, 0, 0, 3, -2),
);
/** Walks by a clock that never steps back, under limits that stay. */
export const forwardWalks: fc.Arbitrary<Walk> = walk(forward, fc.constant(0));

/** A rule that remembers charges, few units each, most of them corrected at some time. */
export const longLogs: fc.Arbitrary<Walk> = fc.record({
  rules: rule.map((one): readonly [Walk["rules"][number]] => [{
    ...one,
    algorithm: WRAPPED.findIndex(({ name }) => name === LOGS[one.algorithm % LOGS.length]),
    limit: 60,
    windowMs: 1000,
  }]).map((rules) => [...rules]),
  asks: fc.array(
    fc.record({
      ...ask,
      step: fc.record({
        windows: fc.constantFrom(...new Array<number>(60).fill(0), 0.3, 0.5, 0.9, 1, -0.3, -0.6, -1.2, -3),
        ms: fc.constantFrom(0, 1, 1, 2, 3, 9),
      }),
      raised: fc.constant(0),
      costs: fc.array(fc.constantFrom(1, 1, 1, 2, 0), { minLength: 4, maxLength: 4 }),
      kind: fc.constantFrom("request", "request", "correction"),
      back: fc.nat(60),
      change: fc.constantFrom(-2, -1, -1, -1, 1, 3),
    }),
    { minLength: 150, maxLength: 150 },
  ),
});

/** The model: a Map that forgets nothing when it lapses, as a real store may. */
export function modelStore(clock: () => number): Store {
  const states = new Map<string, unknown>();
  return {
    shared: false,
    decide: (checks, spend = true) =>
      decideChecks(checks, spend, clock(), {
        load: ({ key }) => states.get(key) ?? null,
        save: ({ key }, state) => states.set(key, state),
      }),
  };
}

/** One question of a walk, and the time at which it is asked. */
export interface Asked {
  readonly now: number;
  /** Any number: an instance of the store is chosen by it. */
  readonly instance: number;
  readonly checks: readonly Check[];
  readonly spend: boolean;
  /** The model's answer. */
  readonly expected: readonly StoreDecision[];
}

/**
 * Walks through a store of this process.
 *
 * @param run A number that no other walk has: the keys hold it.
 * @param storeOf Makes the store, which answers at once.
 */
export function* walked(
  { rules, asks }: Walk,
  run: number,
  storeOf: (clock: () => number) => Store = modelStore,
): Generator<Asked> {
  let now = 1_763_800_000_000 + run;
  const store = storeOf(() => now);
  const charges: { check: Check; decision: StoreDecision }[] = [];
  const policies = new Map<string, Policy>();
  for (const { step, instance, partition, rules: mask, costs, raised, kind, back, change, to } of asks) {
    now = Math.max(0, now + Math.round(step.windows * rules[0].windowMs) + step.ms);
    const corrected = kind === "correction" ? charges.at(-1 - back) : undefined;
    let checks: readonly Check[] = rules.filter((_, i) => (mask >> i) % 2 === 1 || i === 0).map((r, i) => {
      const limit = Math.max(1, r.limit + raised);
      const check = checkOf({
        key: `rule${rules.indexOf(r)}:${run}:${partition}`,
        algorithm: WRAPPED[r.algorithm],
        limit,
        windowMs: r.windowMs,
        mode: r.mode,
        cost: Math.min(costs[i], limit + 1),
      });
      const boundaries = r.ahead !== null && check.algorithm.countsPeriods
        ? periodsAround(now + r.ahead * r.windowMs, r.windowMs)
        : undefined;
      const made = boundaries === undefined ? check.policy : { ...check.policy, boundaries };
      // A rule asks with one object for as long as its rate stays, or with one made anew each time, as a rate from a function does.
      const rate = `${made.name} ${limit} ${boundaries}`;
      const policy = instance === 0 ? made : policies.get(rate) ?? made;
      policies.set(rate, policy);
      return { ...check, policy };
    });
    if (corrected !== undefined) {
      const { check, decision } = corrected;
      const { moving } = check.algorithm;
      checks = [{ ...check, cost: Math.max(-check.cost, change), since: decision.chargedAt! }];
      if (moving !== undefined && to !== null) {
        const chargedAt = Math.max(1, now + to);
        const policy = { ...check.policy, boundaries: [chargedAt] };
        checks = [{ ...checks[0], cost: check.cost, policy, algorithm: moving(chargedAt) }];
        charges[charges.indexOf(corrected)] = { check, decision: { ...decision, chargedAt } };
      }
      const { boundaries, windowMs } = check.policy;
      // Of a period that has ended since, a store may show the units used or not.
      if (boundaries !== undefined && storeOf !== modelStore) {
        const { ahead } = rules[Number(/^rule(\d)/.exec(check.key)![1])];
        const policy = { ...check.policy, boundaries: periodsAround(now + ahead! * windowMs, windowMs) };
        checks = [{ ...checks[0], policy }];
      }
    }
    const spend = kind !== "peek";
    const expected = store.decide(checks, spend) as readonly StoreDecision[];
    yield { now, instance, checks, spend, expected };
    if (spend && corrected === undefined && expected.every((d) => d.allowed || d.mode === "shadow")) {
      expected.forEach((decision, i) => decision.allowed && charges.push({ check: checks[i], decision }));
    }
  }
}

/** A store whose time is a test's own. */
export interface WalkedStore {
  /** Instances on the same states. */
  readonly instances: readonly Store[];
  /** Sets the time. */
  setTime(now: number): unknown;
}

let runs = 0;

/**
 * Walks through a store beside the model. Questions to one instance at one time are asked at once.
 *
 * @returns The number of answers.
 * @throws {Error} When an answer differs from the model's.
 */
export async function walkBeside({ instances, setTime }: WalkedStore, walk: Walk): Promise<number> {
  let now = 0;
  let last: Store | null = null;
  let decided = 0;
  const pending: Promise<void>[] = [];
  for (const asked of walked(walk, ++runs)) {
    const store = instances[asked.instance % instances.length];
    if (asked.now !== now || store !== last) await Promise.all(pending.splice(0));
    if (asked.now !== now) await setTime(now = asked.now);
    last = store;
    const compare = async ({ checks, spend, expected }: Asked): Promise<void> => {
      const words = checks.map(({ key, algorithm, cost }) => `${algorithm.name} ${key} ${cost}`);
      assertEquals(await store.decide(checks, spend), expected, `ask of ${words}`);
    };
    pending.push(compare(asked));
    decided++;
  }
  await Promise.all(pending);
  return decided;
}
