/** Algorithms under random policies, and random traces, for the tests of algorithms. */
import fc from "fast-check";
import type { Algorithm, Policy, Step } from "../../src/algorithms/algorithm.ts";
import { type Block, withBlock } from "../../src/algorithms/block.ts";
import { concurrency } from "../../src/algorithms/concurrency.ts";
import { fixedWindow } from "../../src/algorithms/fixed_window.ts";
import { gcra } from "../../src/algorithms/gcra.ts";
import { slidingLog } from "../../src/algorithms/sliding_log.ts";
import { slidingWindow } from "../../src/algorithms/sliding_window.ts";

/** An arbitrary time, which is not a full second. */
export const START = 1_795_323_516_868;
export const DAY_MS = 86_400_000;
/** In the year 2255: from here on, the arithmetic of a thousand slots is not exact. */
const END = 9e12;

/** An algorithm under a policy. */
export interface Case {
  readonly algorithm: Algorithm;
  readonly policy: Policy;
  /** The most units that pass at once on a fresh key. */
  readonly capacity: number;
  /** The time after the last charge within which all units return, in ms. */
  readonly recoveryMs: number;
  /**
   * The furthest step back of its clock, in ms: a time in a state that is further ahead is wrong. Default:
   * the window.
   */
  readonly backMs?: number;
}

export interface Subject {
  readonly title: string;
  readonly cases: fc.Arbitrary<Case>;
}

export function policyOf(limit: number, windowMs: number): Policy {
  return { name: "rule", limit, windowMs, mode: "enforce" };
}

export const windows: fc.Arbitrary<number> = fc.oneof(
  fc.integer({ min: 1, max: 100 }),
  fc.integer({ min: 1, max: 100_000 }),
  fc.integer({ min: 1, max: 365 * DAY_MS }),
  fc.constantFrom(1, 1000, 60_000, 3_600_000, DAY_MS, 30 * DAY_MS, 365 * DAY_MS),
);

export function limits(most: number): fc.Arbitrary<number> {
  return fc.oneof(
    fc.integer({ min: 1, max: 5 }),
    fc.integer({ min: 1, max: 100 }),
    fc.integer({ min: 1, max: most }),
  );
}

/** Units, and a window in ms, whose product is still exact. */
function policies(most: number): fc.Arbitrary<[limit: number, windowMs: number]> {
  return fc.tuple(limits(most), windows).filter(([limit, windowMs]) =>
    limit * windowMs <= Number.MAX_SAFE_INTEGER
  );
}

/** The name of a subject in a counterexample. */
function named(one: Case): Case {
  const { algorithm, policy: { limit, windowMs } } = one;
  const text = `${limit} in ${windowMs} ms by ${algorithm.name}(${algorithm.params ?? ""})`;
  return { ...one, [fc.toStringMethod]: () => text } as Case;
}

function subject(
  title: string,
  most: number,
  make: (limit: number, windowMs: number) => fc.Arbitrary<Omit<Case, "policy">>,
): Subject {
  const cases = policies(most).chain(([limit, windowMs]) =>
    make(limit, windowMs).map((rest) => named({ ...rest, policy: policyOf(limit, windowMs) }))
  );
  return { title, cases };
}

/** An algorithm without options that has all units back after one window. */
function plain(title: string, most: number, make: (windowMs: number) => Algorithm): Subject {
  return subject(
    title,
    most,
    (limit, windowMs) => fc.constant({ algorithm: make(windowMs), capacity: limit, recoveryMs: windowMs }),
  );
}

/** Periods of a year or so of a calendar, of which none is longer than the window. */
function periodsOf(windowMs: number): readonly number[] {
  const boundaries = [START - 300 * windowMs];
  for (let i = 0; i < 600; i++) {
    boundaries.push(boundaries[i] + Math.max(1, windowMs - (i * 7919) % Math.ceil(windowMs / 2)));
  }
  return boundaries;
}

const MILLION = 1_000_000;

export const fixedWindows: readonly Subject[] = [
  plain("fixedWindow()", MILLION, () => fixedWindow()),
  plain("fixedWindow({ aligned: true })", MILLION, () => fixedWindow({ aligned: true })),
];

/** A window's length may touch three periods. */
const calendars: readonly Subject[] = [
  {
    title: "fixedWindow() by calendar periods",
    cases: policies(MILLION).map(([limit, windowMs]) =>
      named({
        algorithm: fixedWindow(),
        policy: { ...policyOf(limit, windowMs), boundaries: periodsOf(windowMs) },
        capacity: limit,
        recoveryMs: windowMs,
      })
    ),
  },
];

export const meters: readonly Subject[] = [
  plain("gcra()", MILLION, () => gcra()),
  subject(
    "gcra({ burst })",
    MILLION,
    (limit, windowMs) =>
      // A drain that lasts longer than 2^52 ms ends after the last exact time.
      limits(Math.min(2 * MILLION, Math.floor(Math.min(2 ** 53 - 1, limit * 2 ** 52) / windowMs))).map((
        burst,
      ) => ({
        algorithm: gcra({ burst }),
        capacity: burst,
        recoveryMs: Math.ceil(burst * windowMs / limit),
      })),
  ),
];

export const slidings: readonly Subject[] = [
  plain("slidingLog()", 10_000, () => slidingLog()),
  subject(
    "slidingWindow({ slots })",
    MILLION,
    (limit, windowMs) =>
      fc.oneof(fc.constant(16), fc.integer({ min: 1, max: 1000 })).map((slots) => ({
        algorithm: slidingWindow({ slots }),
        capacity: limit,
        recoveryMs: windowMs + Math.ceil(windowMs / Math.min(slots, windowMs)) - 1,
      })),
  ),
];

/** The algorithms whose refusals end at a known time. */
export const timed: readonly Subject[] = [...fixedWindows, ...calendars, ...meters, ...slidings];

/** The algorithms with a list of charges as their state. */
export const logs: readonly Subject[] = [
  ...slidings,
  subject("concurrency({ lease })", 1000, (limit, windowMs) =>
    fc.constant({
      algorithm: concurrency({ lease: windowMs / 1000 }),
      capacity: limit,
      // Above a limit of 64 the lease has 64 slots, and an entry expires with the last one of its slot.
      recoveryMs: limit > 64 ? windowMs + Math.ceil(windowMs / Math.min(64, windowMs)) - 1 : windowMs,
    })),
];

export const subjects: readonly Subject[] = [...timed, logs[2]];

export const blocks: fc.Arbitrary<Block> = fc.record({
  after: fc.integer({ min: 1, max: 5 }),
  windowMs: windows,
  forMs: windows,
  growth: fc.constantFrom(1, 1.5, 2, 10),
  maxMs: windows,
}).map((block) => ({ ...block, maxMs: Math.max(block.forMs, block.maxMs) }));

/** The furthest step back of a clock under a block. */
export function furthestBack({ policy }: Case, block: Block): number {
  return Math.min(policy.windowMs, block.windowMs, block.forMs);
}

/** The same algorithms, each with a block. */
export function blocked(inner: readonly Subject[]): readonly Subject[] {
  return inner.map(({ title, cases }) => ({
    title: `${title} with a block`,
    cases: fc.tuple(cases, blocks).map(([one, block]) =>
      named({
        ...one,
        algorithm: withBlock(one.algorithm, block) as Algorithm,
        backMs: furthestBack(one, block),
      })
    ),
  }));
}

/** One request of a trace, in terms that suit any policy. */
export interface Move {
  /** The time since the request before, in percent of the window. Negative: the clock goes back. */
  readonly wait: number;
  /** Ms added to that. */
  readonly more: number;
  /** Wait until 1 ms before (0) or until (1) the end of the last refusal instead; null: neither. */
  readonly retry: 0 | 1 | null;
  /** The cost in percent of the capacity, at least 1 unit; 0: none. */
  readonly cost: number;
}

const cost = fc.oneof(
  fc.constant(0.000_001),
  fc.constantFrom(0, 0.000_001, 1, 20, 50, 100),
  fc.integer({ min: 0, max: 100 }),
);

/** Traces with a clock that runs forward, or, with `back`, also goes back. */
export function traces(back = false, maxLength = 40): fc.Arbitrary<readonly Move[]> {
  const waits = [
    fc.constant(0),
    fc.integer({ min: 0, max: 20 }),
    fc.constantFrom(0, 6.25, 25, 50, 100, 100),
    fc.integer({ min: 0, max: 250 }),
  ];
  const move = fc.record({
    wait: fc.oneof(...waits, ...back ? [fc.integer({ min: -250, max: 0 })] : []),
    more: fc.constantFrom(...back ? [0, 0, 1, -1] : [0, 0, 0, 1, 2]),
    retry: fc.constantFrom(null, null, null, 0 as const, 1 as const),
    cost,
  });
  return fc.array(move, { minLength: 1, maxLength, size: "max" });
}

/** The result of one request of a trace. */
export interface Visit {
  readonly now: number;
  readonly cost: number;
  /** The state before. */
  readonly before: unknown;
  readonly step: Step;
}

export function costOf(move: Pick<Move, "cost">, capacity: number): number {
  return move.cost === 0 ? 0 : Math.max(1, Math.floor(capacity * move.cost / 100));
}

/** Walks a trace, and keeps each state as a store does. */
export function* walk(one: Case, trace: readonly Move[]): Generator<Visit> {
  const { algorithm, policy, capacity, backMs = policy.windowMs } = one;
  let now = START;
  let latest = START;
  let before: unknown = null;
  let ends = -Infinity;
  for (const move of trace) {
    now = move.retry !== null && ends > now
      ? ends - 1 + move.retry
      : Math.max(0, latest - backMs, now + Math.floor(policy.windowMs * move.wait / 100) + move.more);
    if (now > END) return;
    latest = Math.max(latest, now);
    const cost = costOf(move, capacity);
    const step = algorithm.step(before, policy, now, cost, null);
    if (!step.allowed && step.retryAfterMs < Infinity) ends = now + step.retryAfterMs;
    yield { now, cost, before, step };
    before = step.state;
  }
}

/** A step without its state. */
export function said({ state: _, ttlMs: __, ...rest }: Step): Omit<Step, "state" | "ttlMs"> {
  return rest;
}

/** The remaining units of a key, without a charge. */
export function look(
  { algorithm, policy }: Pick<Case, "algorithm" | "policy">,
  state: unknown,
  now: number,
): Step {
  return algorithm.step(state, policy, now, 0, null);
}

/** Does the state contain times so far ahead that they count as now? Then even a peek changes the state. */
export function isMended(one: Pick<Case, "algorithm" | "policy">, state: unknown, now: number): boolean {
  return look(one, state, now).state !== state;
}

/** Every number of a state. */
export function numbersIn(state: unknown): number[] {
  if (typeof state === "number") return [state];
  return state === null || typeof state !== "object" ? [] : Object.values(state).flatMap(numbersIn);
}
