import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { before, describe, it } from "node:test";
import {
  type Algorithm,
  type Check,
  fixedWindow,
  gcra,
  memoryStore,
  type Rule,
  slidingLog,
  slidingWindow,
  type Store,
  type StoreDecision,
} from "../../mod.ts";
import { storageKey } from "../../src/exchange/rule_check.ts";
import { type PreparedRule } from "../../src/rules/rule.ts";
import { prepareRules } from "../../src/rules/prepare_rules.ts";
import { runnerOf } from "../../src/stores/redis/redis_clients.ts";
import { clockedStore, setClock } from "../harness/clocked_scripts.ts";
import { lives, withoutRedis } from "../harness/redis.ts";
import { suiteRedis } from "../harness/suite_redis.ts";
import { modelStore } from "../harness/walks.ts";

/** Rules that change under the same names, from one deploy to the next and back, while the clock jumps both ways. */

const DAY_MS = 86_400_000;
const SLOTS = 4;
const ALGORITHMS: readonly Algorithm[] = [
  fixedWindow(),
  fixedWindow({ aligned: true }),
  gcra(),
  gcra({ burst: 2 }),
  gcra({ burst: 9 }),
  slidingLog(),
  slidingWindow({ slots: SLOTS }),
];
const BLOCK_MS = 7000;
const MAX_BLOCK_MS = 20_000;

const rule: fc.Arbitrary<Rule> = fc.record({
  algorithm: fc.constantFrom(...ALGORITHMS),
  limit: fc.integer({ min: 1, max: 8 }),
  windowMs: fc.constantFrom(100, 1000, 60_000, 60_000, DAY_MS),
  mode: fc.constantFrom<"enforce" | "shadow">("enforce", "enforce", "shadow"),
  hasBlock: fc.constantFrom(false, false, true),
}).map(({ algorithm, limit, windowMs, mode, hasBlock }) => ({
  rate: `${limit}/${windowMs}ms`,
  algorithm,
  mode,
  ...hasBlock
    ? { block: { after: 2, window: "5s", for: BLOCK_MS / 1000, growth: 2, max: MAX_BLOCK_MS / 1000 } }
    : {},
}));
/** The versions that are deployed: two rules that are called the same in each. */
const deploy = fc.tuple(rule, rule).map(([a, b]) => prepareRules([{ ...a, name: "a" }, { ...b, name: "b" }]));

const jump = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(0, 0, 0, 1, 30, 300, 3000) },
  { weight: 2, arbitrary: fc.constantFrom(10_000, 60_000, 3_600_000) },
  { weight: 2, arbitrary: fc.constantFrom(-1, -300, -3000, -10_000) },
  { weight: 1, arbitrary: fc.constantFrom(-60_001, -3_600_000, -DAY_MS, -30 * DAY_MS, DAY_MS, 30 * DAY_MS) },
);

const ASKS = 80;
const walks = fc.record({
  deploys: fc.array(deploy, { minLength: 2, maxLength: 4 }),
  asks: fc.array(
    fc.record({
      jump,
      deploy: fc.nat(3),
      partition: fc.constantFrom("x", "x", "y"),
      rules: fc.constantFrom(1, 2, 3, 3),
      cost: fc.constantFrom(1, 1, 1, 2, 0),
      peek: fc.constantFrom(false, false, false, true),
    }),
    { minLength: ASKS, maxLength: ASKS },
  ),
});
type Walk = typeof walks extends fc.Arbitrary<infer T> ? T : never;

/** The units that rules which share their states may let pass together, whichever of them is asked. */
class Promised {
  limit = 0;
  burst = 0;
  /** Time passed, ms, and units charged then. A clock that is set back passes no time, nor the same way forward again. */
  readonly charges: [passedMs: number, units: number][] = [];

  readonly windowMs: number;
  readonly isMeter: boolean;

  constructor(windowMs: number, isMeter: boolean) {
    this.windowMs = windowMs;
    this.isMeter = isMeter;
  }

  meets({ implementation, limit }: PreparedRule): void {
    this.limit = Math.max(this.limit, limit!);
    this.burst = Math.max(this.burst, implementation.capacity!(limit!));
  }

  /** The longest that anybody waits, ms: a window, or what a meter takes to drain, and once more what the clock was set back by. */
  longestMs({ limit, implementation }: PreparedRule): number {
    const drainMs = Math.ceil(this.burst * this.windowMs / limit!);
    // A charge counts from the end of its slot on.
    const slotMs = implementation.name === "sliding-window" ? Math.ceil(this.windowMs / SLOTS) - 1 : 0;
    const ownMs = this.windowMs + (this.isMeter ? drainMs : this.windowMs + slotMs);
    return implementation.countsDenials ? Math.max(ownMs, 2 * MAX_BLOCK_MS) : ownMs;
  }

  charge(passedMs: number, units: number): void {
    this.charges.push([passedMs, units]);
    let sum = 0;
    for (let i = this.charges.length - 1; i >= 0; i--) {
      const spanMs = passedMs - this.charges[i][0];
      if (!this.isMeter && spanMs >= this.windowMs) break;
      sum += this.charges[i][1];
      const most = this.isMeter ? this.burst + this.limit * spanMs / this.windowMs : 2 * this.limit;
      assert(sum <= most, `${sum} of ${most} in ${spanMs} ms`);
    }
  }
}

/** Holds decisions to what their rules promise. */
function judge(deploys: Walk["deploys"]) {
  const promises = new Map<string, Promised>();
  const promiseOf = (rule: PreparedRule, key: string): Promised => {
    const isMeter = rule.implementation.name === "gcra";
    const promise = promises.get(key) ?? new Promised(rule.windowMs!, isMeter);
    promises.set(key, promise);
    for (const rules of deploys) {
      for (const other of rules) if (other.stateName === rule.stateName) promise.meets(other);
    }
    return promise;
  };
  return (
    rules: readonly PreparedRule[],
    checks: readonly Check[],
    decisions: readonly StoreDecision[],
    passedMs: number,
    peek: boolean,
  ) => {
    const pass = decisions.every(({ allowed, mode }) => allowed || mode === "shadow");
    decisions.forEach(({ allowed, cost, retryAfterMs }, i) => {
      const promise = promiseOf(rules[i], checks[i].key);
      if (allowed && pass && !peek) promise.charge(passedMs, cost);
      if (!allowed && retryAfterMs < Infinity) {
        const most = promise.longestMs(rules[i]);
        assert(retryAfterMs <= most, `${retryAfterMs} ms of ${most}`);
      }
    });
  };
}

const LONG = { timeout: 600_000 };

describe("rules that change under their names, by clocks that jump both ways", { skip: withoutRedis }, () => {
  const { command, client } = suiteRedis();
  let store: Store;
  let runs = 0;
  let decided = 0;

  before(async () => {
    store = clockedStore(runnerOf(client));
    await setClock(command, 1);
  });

  /** Gives Redis the script of all these rules, so that none of the asks to come overtakes another. */
  async function prepare(rules: readonly PreparedRule[]): Promise<void> {
    store.prepare?.(rules);
    const warm = {
      key: "warm",
      policy: { name: "warm", limit: 1, windowMs: 1000, mode: "enforce" as const },
    };
    await store.decide([{ ...warm, algorithm: ALGORITHMS[0], cost: 1, since: null }]);
  }

  async function compare({ deploys, asks }: Walk): Promise<void> {
    await prepare(deploys.flat());
    const run = ++runs;
    let now = 1_763_800_000_000 + run;
    let passedMs = 0;
    const plain = modelStore(() => now);
    const memory = memoryStore({ clock: () => now });
    const judges = [judge(deploys), judge(deploys)];
    const pending: { expected: readonly StoreDecision[]; got: Promise<readonly StoreDecision[]> }[] = [];
    for (const ask of asks) {
      now += ask.jump;
      passedMs += Math.max(0, ask.jump);
      const rules = deploys[ask.deploy % deploys.length].filter((_, i) => (ask.rules >> i) % 2 === 1);
      const checks = rules.map((rule) => ({
        key: storageKey(rule, `${run} ${ask.partition}`),
        policy: rule.policy!,
        algorithm: rule.implementation,
        cost: Math.min(ask.cost, rule.implementation.capacity!(rule.limit!)),
        since: null,
      }));
      const expected = plain.decide(checks, !ask.peek) as readonly StoreDecision[];
      judges[0](rules, checks, expected, passedMs, ask.peek);
      judges[1](
        rules,
        checks,
        memory.decide(checks, !ask.peek) as readonly StoreDecision[],
        passedMs,
        ask.peek,
      );
      // Earlier questions are sent first.
      await null;
      setClock(command, now).catch(() => {});
      pending.push({ expected, got: Promise.resolve(store.decide(checks, !ask.peek)) });
    }
    const got = await Promise.all(pending.map(({ got }) => got));
    pending.forEach(({ expected }, i) => assertEquals(got[i], expected, `ask ${i}`));
    decided += pending.length;
  }

  it(
    "pass no more than each of them promises, keep nobody waiting for longer than two windows or blocks, and are the same on Redis, in 16,000 random decisions",
    LONG,
    async () => {
      await fc.assert(fc.asyncProperty(walks, compare), { numRuns: 200 });
      assert(decided >= 16_000, `${decided}`);
      for (const [key, ttl] of await lives({ command })) assert(ttl > 0, `${key} lives for ever`);
    },
  );
});
