import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import type { Algorithm, Policy, Step } from "../../../src/algorithms/algorithm.ts";
import { type Block, withBlock } from "../../../src/algorithms/block.ts";
import { concurrency } from "../../../src/algorithms/concurrency.ts";
import { fixedWindow } from "../../../src/algorithms/fixed_window.ts";
import { gcra } from "../../../src/algorithms/gcra.ts";
import { slidingLog } from "../../../src/algorithms/sliding_log.ts";
import { slidingWindow } from "../../../src/algorithms/sliding_window.ts";
import { formOf } from "../../../src/algorithms/state.ts";
import type { ChargedDecision, Mode } from "../../../src/decision.ts";
import { decideChecks } from "../../../src/stores/decide_checks.ts";
import { memoryStore } from "../../../src/stores/memory/memory_store.ts";
import type { Check, SplitCheck, Store, StoreChange } from "../../../src/stores/store.ts";
import { createThrottle } from "../../../src/throttle/throttle.ts";
import { DAY_MS, START } from "../../harness/algorithms.ts";
import { type Walk, walked, walks } from "../../harness/walks.ts";

const MINUTE = 60_000;
const BLOCK: Block = { after: 2, windowMs: MINUTE, forMs: 5000, growth: 2, maxMs: 20_000 };

/** An algorithm of a user's, that says how wide its states are and steps them as a method. */
class Windows implements Algorithm<readonly number[]> {
  readonly stateSize = 2;
  readonly inner = fixedWindow() as Algorithm<readonly number[]>;

  step(...asked: Parameters<Algorithm<readonly number[]>["step"]>): Step<readonly number[]> {
    return this.inner.step(...asked);
  }
}

/** Of every shape that a state has. */
const ALGORITHMS: Record<string, Algorithm> = {
  fixedWindow: fixedWindow(),
  aligned: fixedWindow({ aligned: true }),
  gcra: gcra(),
  slidingLog: slidingLog(),
  slidingWindow: slidingWindow({ slots: 4 }),
  concurrency: concurrency({ lease: 60 }),
  blockedWindow: withBlock(fixedWindow(), BLOCK) as Algorithm,
  blockedLog: withBlock(slidingLog(), BLOCK) as Algorithm,
  anObject: new Windows() as Algorithm,
  aCopy: { ...gcra(), step: (...asked) => gcra().step(...asked) },
};

interface Ask {
  rule?: string;
  limit?: number;
  windowMs?: number;
  mode?: Mode;
  algorithm?: Algorithm;
  cost?: number;
  since?: number | null;
}

/** The policies of rules: each rule asks with one object, as those of a throttle do. */
const policies = new Map<string, Policy>();

/** A check of a key under a rule of ten a minute, but for what is said otherwise. */
function check(key: string, ask: Ask = {}): Check {
  const {
    rule = "rule",
    limit = 10,
    windowMs = MINUTE,
    mode = "enforce",
    algorithm = ALGORITHMS.fixedWindow,
  } = ask;
  const rate = `${rule} ${limit} ${windowMs} ${mode}`;
  const policy = policies.get(rate) ?? { name: rule, limit, windowMs, mode };
  policies.set(rate, policy);
  return { key: `${rule}:${key}`, policy, algorithm, cost: ask.cost ?? 1, since: ask.since ?? null };
}

/** A store on a clock that tests move. */
function storeOf(maxKeys?: number) {
  const clock = { now: START };
  const store = memoryStore({ clock: () => clock.now, ...maxKeys === undefined ? {} : { maxKeys } });
  const changes: StoreChange[] = [];
  store.observe?.((change) => changes.push(change));
  const decide = (checks: readonly Check[], spend?: boolean) =>
    store.decide(checks, spend) as readonly ChargedDecision[];
  const ask = (key: string, ask?: Ask, spend?: boolean) => decide([check(key, ask)], spend)[0];
  const left = (key: string, ask: Ask = {}) => decide([check(key, { ...ask, cost: 0 })], false)[0].remaining;
  return { store, clock, changes, decide, ask, left };
}

describe("memoryStore", () => {
  it("refuses a maxKeys that it cannot have, with the value", () => {
    for (const maxKeys of [0, -1, 1.5, NaN, Infinity, 16_000_001]) {
      assertThrows(
        () => memoryStore({ maxKeys }),
        RangeError,
        `maxKeys must be an integer from 1 to 16000000: current value is ${maxKeys}`,
      );
    }
  });

  it("refuses a time that is no number, and keeps every count: once it read NaN for a moment", async () => {
    for (const algorithm of [fixedWindow(), gcra(), slidingLog(), slidingWindow()]) {
      let now = START;
      const store = memoryStore({ clock: () => now });
      const client = { address: () => "192.0.2.1" };
      const throttle = createThrottle({ rate: "3/min", algorithm }, { store, client });
      const ask = async () => (await throttle.check(new Request("http://h.example/"))).allowed;
      assertEquals([await ask(), await ask()], [true, true]);
      for (now of [NaN, Infinity, -Infinity]) {
        await assertRejects(
          async () => await ask(),
          RangeError,
          `a finite number of ms: current value is ${now}`,
        );
      }
      now = START + 0.75; // as performance.timeOrigin + performance.now() tell it
      const [{ at }] = (await throttle.check(new Request("http://h.example/"))).decisions;
      assertEquals([at, await ask()], [START, false]);
      now = START + 2 * MINUTE;
      assertEquals([await ask(), await ask(), await ask(), await ask()], [true, true, true, false]);
    }
  });

  it("asks a Date that is put in place of the first, as test runners with a time of their own do", async () => {
    const throttle = createThrottle("1/min", { client: { address: () => "192.0.2.1" } });
    const ask = async () => (await throttle.check(new Request("http://h.example/"))).allowed;
    const before = [await ask(), await ask()];
    const { Date: real } = globalThis;
    const later = real.now() + MINUTE;
    globalThis.Date = Object.assign(class extends real {}, { now: () => later }) as DateConstructor;
    try {
      assertEquals([...before, await ask(), await ask()], [true, false, true, false]);
    } finally {
      globalThis.Date = real;
    }
  });

  it("tells all of a decision", () => {
    const { ask, clock, store } = storeOf();
    ask("a");
    clock.now += 500;
    const common = {
      rule: "rule",
      limit: 10,
      windowMs: MINUTE,
      mode: "enforce",
      blockedMs: 0,
    };
    const times = { resetAfterMs: 59_500, source: "store", at: START + 500, chargedAt: START };
    assertEquals({ ...ask("a", { cost: 4 }) } as unknown, {
      ...{ ...common, ...times },
      ...{ cost: 4, allowed: true, remaining: 5, retryAfterMs: 0 },
    });
    assertEquals({ ...ask("a", { cost: 6 }) } as unknown, {
      ...{ ...common, ...times },
      ...{ cost: 6, allowed: false, remaining: 5, retryAfterMs: 59_500 },
    });
    assertEquals([store.shared, store.clock?.()], [false, START + 500]);
  });

  for (const [name, algorithm] of Object.entries(ALGORITHMS)) {
    it(`${name}: charges every rule or none`, () => {
      const { decide, left } = storeOf();
      const rules: Ask[] = [{ rule: "a", algorithm }, { rule: "b", limit: 1 }, {
        rule: "c",
        algorithm,
        limit: 5,
      }];
      const all = () => decide(rules.map((rule) => check("k", rule)));
      assertEquals(all().map(({ allowed }) => allowed), [true, true, true]);
      for (let i = 0; i < 20; i++) {
        const decisions = all();
        assertEquals(decisions.map(({ allowed }) => allowed), [true, false, true]);
        // The rest is shown without this request.
        assertEquals(decisions.map(({ remaining }) => remaining), [9, 0, 4]);
      }
      assertEquals(rules.map((rule) => left("k", rule)), [9, 0, 4]);
    });

    it(`${name}: charges nothing for a request that it refuses`, () => {
      const { ask, left } = storeOf();
      ask("k", { algorithm, cost: 9 });
      assertEquals(ask("k", { algorithm, cost: 5 }).allowed, false);
      assertEquals(left("k", { algorithm }), 1);
      assertEquals(ask("k", { algorithm }).allowed, true);
    });

    it(`${name}: a peek says what would come and spends nothing`, () => {
      const { ask, left } = storeOf();
      for (let i = 0; i < 20; i++) {
        const { allowed, remaining, resetAfterMs } = ask("k", { algorithm, cost: 4 }, false);
        assertEquals([allowed, remaining, resetAfterMs], [true, 10, 0]);
      }
      ask("k", { algorithm, cost: 8 });
      const { allowed, remaining, retryAfterMs } = ask("k", { algorithm, cost: 4 }, false);
      assertEquals([allowed, remaining, retryAfterMs > 0], [false, 2, true]);
      assertEquals(left("k", { algorithm }), 2);
    });

    it(`${name}: a rule in shadow counts and refuses nobody`, () => {
      const { decide, left } = storeOf();
      const shadow: Ask = { rule: "s", algorithm, limit: 1, mode: "shadow" };
      const both = () => decide([check("k", shadow), check("k")]).map(({ allowed }) => allowed);
      assertEquals([both(), both()], [[true, true], [false, true]]);
      assertEquals([left("k", shadow), left("k")], [0, 8]);
    });

    it(`${name}: corrections reach the charge, clamp, and come to nothing later`, () => {
      const { ask, left, clock, store } = storeOf();
      const rule: Ask = { algorithm };
      const { chargedAt = 0 } = ask("k", { ...rule, cost: 6 });
      clock.now += 7;
      assertEquals(ask("k", { ...rule, cost: -4, since: chargedAt }).allowed, true);
      assertEquals(left("k", rule), 8);
      ask("k", { ...rule, cost: -9, since: chargedAt });
      ask("k", { ...rule, cost: -9, since: chargedAt });
      assertEquals(left("k", rule), 10);
      ask("k", { ...rule, cost: 3, since: chargedAt });
      assertEquals(left("k", rule), 7);
      clock.now += 2 * MINUTE;
      ask("k", { ...rule, cost: 8 });
      for (const cost of [-3, 3]) ask("k", { ...rule, cost, since: chargedAt });
      assertEquals(left("k", rule), 2);
      store.forget?.("rule:k");
      assertEquals(left("k", rule), 10);
    });

    it(`${name}: a clock that steps back by up to a window changes nothing`, () => {
      const { ask, left, clock } = storeOf();
      const rule: Ask = { algorithm, limit: 3 };
      ask("k", rule);
      ask("k", rule);
      const { resetAfterMs } = ask("k", { ...rule, cost: 0 }, false);
      clock.now -= MINUTE;
      assertEquals(left("k", rule), 1);
      assertEquals([ask("k", rule).allowed, ask("k", rule).allowed], [true, false]);
      clock.now = START + resetAfterMs - 1;
      assertEquals(left("k", rule) < 3, true);
    });

    it(`${name}: a window of 365 days enforces to its end`, () => {
      const { ask, clock } = storeOf();
      const year = 365 * DAY_MS;
      const rule: Ask = { limit: 1, windowMs: year, algorithm };
      const { resetAfterMs } = ask("k", rule);
      const end = clock.now + resetAfterMs;
      for (const day of [1, 24, 25, 30, 49, 50, 100]) {
        clock.now = Math.min(end - 1, START + day * DAY_MS);
        assertEquals(ask("k", rule).allowed, false);
      }
      clock.now = Math.max(end, clock.now + BLOCK.maxMs);
      assertEquals(ask("k", rule).allowed, true);
    });
  }

  for (const name of ["slidingLog", "slidingWindow", "concurrency", "blockedLog"]) {
    it(`${name}: a clock that was a month ahead for a second keeps nobody out for longer than two windows`, () => {
      const { ask, left, clock } = storeOf();
      const rule: Ask = { algorithm: ALGORITHMS[name], limit: 3 };
      clock.now += 30 * DAY_MS;
      for (let i = 0; i < 3; i++) assertEquals(ask("k", rule).allowed, true);
      clock.now = START;
      let refused = 0;
      while (!ask("k", rule).allowed) {
        // Nothing was given away, and whoever asks meanwhile puts nothing off.
        assertEquals(left("k", rule), 0);
        refused++;
        clock.now += 5000;
      }
      assertEquals([refused >= 12, clock.now - START <= 2 * MINUTE], [true, true]);
    });
  }

  it("counts a state of another form of algorithm as none, at one key", () => {
    for (const [one, algorithm] of Object.entries(ALGORITHMS)) {
      for (const [other, another] of Object.entries(ALGORITHMS)) {
        if (formOf(algorithm) === formOf(another)) continue;
        const { ask } = storeOf();
        assertEquals(ask("k", { algorithm, limit: 1 }).allowed, true);
        assertEquals(ask("k", { algorithm: another, limit: 1 }).allowed, true, `${one} and then ${other}`);
      }
    }
  });

  it("keeps the states of many keys apart where algorithms of other forms are asked about them in turn", () => {
    const { decide } = storeOf();
    const algorithms = [ALGORITHMS.fixedWindow, ALGORITHMS.gcra, ALGORITHMS.slidingLog, ALGORITHMS.anObject];
    for (const cost of [1, 2]) {
      for (let i = 0; i < 100; i++) {
        for (const algorithm of algorithms) {
          const [{ allowed, remaining }] = decide([check(`${i}`, { algorithm, cost })]);
          assertEquals([allowed, remaining], [true, cost === 1 ? 9 : 7], `${algorithm.name} ${i}`);
        }
      }
    }
  });

  it("takes keys literally", () => {
    const { ask, left, store } = storeOf();
    const keys = [
      "*",
      "a*",
      "?",
      "[a]",
      "a:b",
      "a\nb",
      "",
      "\u0000",
      "__proto__",
      "constructor",
      "ключ",
      "a",
    ];
    for (const key of keys) ask(key);
    store.forget?.("rule:*");
    assertEquals(keys.map((key) => left(key)), [10, ...keys.slice(1).map(() => 9)]);
  });

  it("keeps apart rules and partitions that are called alike", () => {
    const { decide, left } = storeOf();
    const names = ["a", "b", "ab", "ba"];
    const pairs = names.flatMap((rule) => [...names, "", "a:", ":a", "a:b"].map((key) => ({ rule, key })));
    const policy = { name: "", limit: 10, windowMs: MINUTE, mode: "enforce" as const };
    pairs.forEach(({ rule, key }, i) => {
      const named = { ...policy, name: rule };
      // Half of them as a throttle asks, which has the partition apart.
      const apart = i % 2 === 0 ? { stateName: rule, partition: key } : {};
      decide([{ ...check(key, { rule, cost: 1 + i % 9 }), policy: named, ...apart }]);
    });
    assertEquals(
      pairs.map(({ rule, key }) => left(key, { rule })),
      pairs.map((_, i) => 9 - i % 9),
    );
  });

  it("goes by the keys of checks under one policy object, in halves or whole, under whichever name", () => {
    const { decide } = storeOf();
    const halves = { stateName: "rule", partition: "a" };
    const asks: Partial<SplitCheck>[] = [
      ...[halves, {}, { key: "own:a" }, { key: "own:a" }, halves],
      ...[{ key: "own:a", algorithm: ALGORITHMS.gcra }, { key: "own:a" }, {}, halves],
    ];
    assertEquals(
      asks.map((ask) => decide([{ ...check("a"), ...ask }])[0].remaining),
      [9, 8, 9, 8, 7, 9, 7, 6, 5],
    );
  });

  it("goes by the key of a check that was copied to have another", () => {
    const { store, decide, left } = storeOf();
    const original = createThrottle({ name: "rule", rate: "10/min" }, {
      store: {
        ...store,
        decide: (checks) => store.decide(checks.map((c) => ({ ...c, key: `own:${c.key}` }))),
      },
      client: { address: () => "192.0.2.1" },
    });
    original.check(new Request("https://example.com/"));
    assertEquals(left("192.0.2.1"), 10);
    assertEquals(decide([{ ...check(""), key: "own:rule/fixed-window/60000:192.0.2.1" }])[0].remaining, 8);
  });

  it("keeps what a refusal itself remembers, whichever rules refuse", () => {
    const { decide } = storeOf();
    for (const algorithm of [ALGORITHMS.blockedWindow, ALGORITHMS.blockedLog]) {
      for (const mode of ["enforce", "shadow"] as const) {
        const rules: Ask[] = [
          { rule: `other ${algorithm.name} ${mode}`, limit: 1 },
          { rule: `${algorithm.name} ${mode}`, algorithm, limit: 1, mode },
        ];
        const blocked = () => decide(rules.map((rule) => check("k", rule)))[1].blockedMs > 0;
        assertEquals([blocked(), blocked(), blocked(), blocked()], [false, false, true, true]);
      }
    }
  });

  it("never changes a decision that it has given", () => {
    const { ask } = storeOf();
    const told = [ask("a"), ask("b"), ask("a")];
    const seen = told.map((decision) => ({ ...decision }));
    for (let i = 0; i < 20; i++) ask(i % 2 ? "a" : "b");
    assertEquals(told as unknown, seen);
  });

  it("shows no time to wait for a window that is open and has nothing in use", () => {
    const { ask } = storeOf();
    const { chargedAt } = ask("k");
    ask("k", { cost: -1, since: chargedAt });
    const { remaining, resetAfterMs } = ask("k", { cost: 0 });
    assertEquals([remaining, resetAfterMs], [10, 0]);
  });

  it("finds every key while others around it are forgotten and come anew", () => {
    const { ask, left, store } = storeOf();
    const keys = Array.from({ length: 3000 }, (_, i) => `key ${i}`);
    const used = new Map(keys.map((key, i) => [key, 1 + i % 9]));
    for (const [key, cost] of used) ask(key, { cost });
    for (let round = 1; round <= 5; round++) {
      keys.forEach((key, i) => {
        if ((i * 7919 + round) % 3 > 0) return;
        store.forget?.(`rule:${key}`);
        used.set(key, 0);
        // Half of them come anew.
        if (i % 2 === 0) return;
        ask(key, { cost: round });
        used.set(key, round);
      });
      assertEquals(keys.filter((key) => left(key) !== 10 - (used.get(key) as number)), []);
    }
  });

  it("counts on for every key while it grows, from one to tens of thousands", () => {
    for (const maxKeys of [10_000, 1_000_000]) {
      const { ask, left } = storeOf(maxKeys);
      const keys = Array.from({ length: Math.min(maxKeys, 30_000) }, (_, i) => `key ${i}`);
      const used = (i: number) => 1 + i % 7;
      // In the order of their numbers, and then each key's rest: every key lives through all the growth after it.
      keys.forEach((key) => ask(key));
      keys.forEach((key, i) => used(i) > 1 && ask(key, { cost: used(i) - 1 }));
      const wrong = keys.filter((key, i) => left(key) !== 10 - used(i));
      assertEquals(wrong, []);
    }
  });
});

/** Keeps states in the plainest way: for ever. */
function model(): Pick<Store, "decide"> & { clock: { now: number } } {
  const states = new Map<string, unknown>();
  const clock = { now: START };
  return {
    clock,
    decide(checks, spend = true) {
      const step = ({ key, algorithm, policy }: Check, cost: number, since: number | null) =>
        algorithm.step(states.get(key) ?? null, policy, clock.now, cost, since);
      const steps = checks.map((check) => step(check, check.cost, check.since));
      const pass = checks.every(({ policy }, i) => policy.mode === "shadow" || steps[i].allowed);
      return checks.map((check, i) => {
        const kept = spend && (pass || !steps[i].allowed);
        const shown = kept || !steps[i].allowed ? steps[i] : step(check, 0, null);
        const { allowed, retryAfterMs, state, at } = steps[i];
        if (kept) states.set(check.key, state);
        return {
          allowed,
          retryAfterMs,
          remaining: shown.remaining,
          resetAfterMs: shown.resetAfterMs,
          chargedAt: at,
        };
      }) as unknown as ChargedDecision[];
    },
  };
}

const NAMES = Object.keys(ALGORITHMS);
const KEYS = ["a", "b", "c", "d"];
/** All states of {@link calls}: a store with room for fewer may forget one. */
const MAX_STATES = NAMES.length * KEYS.length;

/** One call of many on a few keys. */
const calls = fc.array(
  fc.record({
    // No steps back: a state that has lapsed may be gone or not, and a clock before its end would tell.
    wait: fc.oneof(
      fc.constant(0),
      fc.integer({ min: 0, max: 2000 }),
      fc.integer({ min: 0, max: 3 * MINUTE }),
    ),
    key: fc.constantFrom(...KEYS),
    rules: fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 3 }),
    shadow: fc.boolean(),
    cost: fc.integer({ min: 0, max: 4 }),
    spend: fc.boolean(),
    correct: fc.option(fc.integer({ min: -4, max: 4 }), { nil: null, freq: 4 }),
  }),
  { minLength: 1, maxLength: 120, size: "max" },
);

describe("memoryStore against a model that forgets each state that holds a block at its end, and what has none", () => {
  /** Others are looked at by their steps, which know when they are over. */
  function forgetful(clock: () => number): Store {
    const kept = new Map<string, { readonly value: unknown; readonly end: number }>();
    return {
      shared: false,
      decide: (checks, spend = true) =>
        decideChecks(checks, spend, clock(), {
          load({ key, algorithm }) {
            const found = kept.get(key);
            const isOver = found !== undefined && formOf(algorithm).endsWith("+block") &&
              clock() >= found.end;
            return isOver ? null : found?.value ?? null;
          },
          save({ key }, value, ttlMs) {
            if (value === null) kept.delete(key);
            else kept.set(key, { value, end: clock() + ttlMs });
          },
        }),
    };
  }

  function agrees(walk: Walk): void {
    let now = 0;
    const store = memoryStore({ clock: () => now });
    for (const asked of walked(walk, 0, forgetful)) {
      now = asked.now;
      assertEquals(store.decide(asked.checks, asked.spend), asked.expected);
    }
  }

  it("agrees in 60,000 random decisions, whichever way the clock jumps and however limits change", () => {
    fc.assert(fc.property(walks, agrees), { numRuns: 600 });
  });

  it("agrees in 60,000 more on rules that count in windows, or on one that does not beside them", () => {
    const windows = walks.map(({ rules, asks }) => ({
      asks,
      // The first three algorithms are two kinds of windows, and a meter; few of the periods are of a calendar.
      rules: rules.map((rule) => ({
        ...rule,
        algorithm: rule.algorithm % 3,
        ahead: rule.ahead === 9 ? 0 as const : null,
      })),
    }));
    fc.assert(fc.property(windows, agrees), { numRuns: 600 });
  });

  it("leaves over what a clock that goes back would bring to life: a block, the time of a meter without a debt", () => {
    const { clock, ask } = storeOf();
    const blocked = {
      algorithm: withBlock(slidingLog(), { ...BLOCK, after: 1 }) as Algorithm,
      limit: 1,
      windowMs: 2,
    };
    const meter = { algorithm: gcra(), limit: 10 };
    const { chargedAt } = ask("meter", { ...meter, cost: 10 });
    ask("blocked", blocked);
    assertEquals(ask("blocked", blocked).blockedMs, 5000);
    clock.now += 3 * 5000;
    const charge = ask("blocked", blocked);
    assertEquals(charge.allowed, true);
    clock.now += 1;
    ask("blocked", { ...blocked, cost: -1, since: charge.chargedAt });
    ask("meter", { ...meter, cost: -10, since: chargedAt });
    clock.now -= 15_001;
    assertEquals(ask("blocked", blocked).allowed, true);
    assertEquals(ask("meter", { ...meter, cost: 10 }).resetAfterMs, MINUTE);
  });
});

describe("memoryStore against a model that forgets nothing", () => {
  it("decides alike over any calls on any keys", () => {
    fc.assert(
      fc.property(calls, fc.constantFrom(undefined, MAX_STATES, 5000), (list, maxKeys) => {
        const { decide, clock } = storeOf(maxKeys);
        const plain = model();
        const charged = new Map<string, number>();
        for (const { wait, key, rules, shadow, cost, spend, correct } of list) {
          plain.clock.now = clock.now += wait;
          const checks = rules.map((rule, i) =>
            check(key, {
              rule,
              algorithm: ALGORITHMS[rule],
              limit: 1 + rule.length % 7,
              mode: shadow && i === 0 ? "shadow" : "enforce",
              cost: correct ?? cost,
              since: correct === null ? null : charged.get(rule + key) ?? clock.now,
            })
          );
          const [ours, theirs] = [decide, plain.decide].map((decide) =>
            decide(checks, spend || correct !== null)
          );
          const seen = (list: unknown) =>
            (list as readonly ChargedDecision[]).map((
              { allowed, retryAfterMs, remaining, resetAfterMs, chargedAt },
            ) => ({ allowed, retryAfterMs, remaining, resetAfterMs, chargedAt }));
          assertEquals(seen(ours), seen(theirs));
          if (correct === null) rules.forEach((rule, i) => charged.set(rule + key, seen(ours)[i].chargedAt!));
        }
      }),
      { numRuns: 150 },
    );
  });

  it("interleaved at random await points, keys get the decisions that they get alone", async () => {
    const trace = fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 3 })), {
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(trace, { minLength: 2, maxLength: 6 }),
        fc.constantFrom(...NAMES),
        async (traces, name) => {
          const rule: Ask = { algorithm: ALGORITHMS[name], limit: 7 };
          const run = async (
            ask: (key: string, rule: Ask) => ChargedDecision,
            key: string,
            moves: typeof traces[number],
          ) => {
            const told: ChargedDecision[] = [];
            for (const [cost, pauses] of moves) {
              for (let i = 0; i < pauses; i++) await null;
              told.push(ask(key, { ...rule, cost }));
            }
            return told;
          };
          const { ask } = storeOf();
          const together = await Promise.all(traces.map((moves, i) => run(ask, `k${i}`, moves)));
          const alone = await Promise.all(traces.map((moves, i) => run(storeOf().ask, `k${i}`, moves)));
          assertEquals(together, alone);
        },
      ),
      { numRuns: 100 },
    );
  });
});
