import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  type Algorithm,
  type Check,
  concurrency,
  decideChecks,
  fixedWindow,
  gcra,
  slidingLog,
  slidingWindow,
  type Store,
  type StoreDecision,
} from "../../mod.ts";
import { withBlock } from "../../src/algorithms/block.ts";

/** Random questions, asked of a store and of the model: {@link decideChecks} over a Map. */

const BARE: readonly Algorithm[] = [
  fixedWindow(),
  fixedWindow({ aligned: true }),
  gcra(),
  gcra({ burst: 25 }),
  slidingLog(),
  slidingWindow(),
  concurrency({ lease: "1s" }),
];
const BLOCK = { after: 3, windowMs: 500, forMs: 1000, growth: 1.7, maxMs: 20_000 };
const ALGORITHMS = [...BARE, ...BARE.map((algorithm) => withBlock(algorithm, BLOCK) as Algorithm)];

const rule = fc.record({
  algorithm: fc.nat(ALGORITHMS.length - 1),
  limit: fc.constantFrom(1, 2, 3, 5, 8, 100),
  windowMs: fc.constantFrom(7, 100, 1000, 60_000, 86_400_000),
  mode: fc.constantFrom("enforce" as const, "enforce" as const, "shadow" as const),
});

const ask = fc.record({
  /** How far the clock goes before it, in windows of the first rule and in ms: it stands, walks, jumps, steps back. */
  windows: fc.constantFrom(0, 0, 0, 0, 0.01, 0.1, 0.34, 1, 3, -0.5),
  ms: fc.constantFrom(0, 0, 1, 17, -1),
  /** Which instance of the store. */
  instance: fc.nat(1),
  partition: fc.constantFrom("a", "a", "b"),
  rules: fc.integer({ min: 1, max: 7 }),
  cost: fc.nat(9),
  kind: fc.constantFrom("request", "request", "request", "peek", "correction"),
  /** The charge that a correction reaches back to, and by how much it changes it. */
  back: fc.nat(6),
  change: fc.integer({ min: -9, max: 4 }),
});

/** Rules and questions about them. */
export const walks = fc.record({
  rules: fc.array(rule, { minLength: 1, maxLength: 3 }),
  asks: fc.array(ask, { minLength: 60, maxLength: 60 }),
});
export type Walk = typeof walks extends fc.Arbitrary<infer T> ? T : never;

function modelStore(clock: () => number): Store {
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

/** A store whose time is a test's own. */
export interface WalkedStore {
  /** Two instances on the same states. */
  readonly instances: readonly Store[];
  /** Sets the time. */
  setTime(now: number): unknown;
}

let walked = 0;

/** @throws {Error} When an answer differs from the model's. Gives the number of answers. */
export async function walkBeside(
  { instances, setTime }: WalkedStore,
  { rules, asks }: Walk,
): Promise<number> {
  const run = ++walked;
  let now = 1_763_800_000_000 + run;
  const model = modelStore(() => now);
  const charges: { readonly check: Check; readonly decision: StoreDecision }[] = [];
  let asked: { readonly checks: readonly Check[]; readonly expected: unknown; readonly got: unknown }[] = [];
  let instance = 0;
  const compare = async (): Promise<void> => {
    for (const { checks, expected, got } of asked) {
      const words = checks.map(({ key, algorithm, cost }) => `${algorithm.name} ${key} ${cost}`);
      assertEquals(await got, expected, `ask of ${words}`);
    }
    asked = [];
  };
  await setTime(now);
  for (const one of asks) {
    const step = Math.round(one.windows * rules[0].windowMs) + one.ms;
    // Questions to one instance at one time are asked at once.
    if (step !== 0 || one.instance !== instance) await compare();
    if (step !== 0) await setTime(now = Math.max(1, now + step));
    instance = one.instance;
    const corrected = one.kind === "correction" ? charges.at(-1 - one.back) : undefined;
    let checks = rules.flatMap(({ algorithm, limit, windowMs, mode }, i): Check[] => {
      if ((one.rules >> i) % 2 === 0 && i > 0) return [];
      const policy = { name: `rule${i}`, limit, windowMs, mode };
      const cost = Math.min(one.cost, limit + 1);
      const key = `rule${i}:${run}:${one.partition}`;
      return [{ key, policy, algorithm: ALGORITHMS[algorithm], cost, since: null }];
    });
    if (corrected !== undefined) {
      const { check, decision } = corrected;
      checks = [{ ...check, cost: Math.max(-check.cost, one.change), since: decision.chargedAt! }];
    }
    const spend = one.kind !== "peek";
    const expected = model.decide(checks, spend) as readonly StoreDecision[];
    asked.push({ checks, expected, got: instances[instance].decide(checks, spend) });
    if (spend && corrected === undefined && expected.every((d) => d.allowed || d.mode === "shadow")) {
      expected.forEach((decision, i) => decision.allowed && charges.push({ check: checks[i], decision }));
    }
  }
  await compare();
  return asks.length;
}
