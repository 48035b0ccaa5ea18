import { assert, assertEquals } from "@std/assert";
import { describe, it } from "node:test";
import { type Check, decideChecks, type StateAccess, type Store, type StoreDecision } from "../../mod.ts";
import { refuses } from "../../src/decision.ts";
import { manualClock, storeBehaviours } from "../../src/testing/mod.ts";

/** The conformance kit fails each store with one fault, and passes the store that it was made from. */

type Decide = (
  checks: readonly Check[],
  spend: boolean,
  now: number,
  states: StateAccess,
) => Promise<StoreDecision[]>;

/** A fault, in the one spot where a store can have it. */
interface Fault {
  /** A way to decide. */
  decide?(right: Decide): Decide;
  /** The states that decide sees. */
  states?(right: StateAccess, now: number): StateAccess;
  /** The key under which a state is kept. */
  keyOf?(key: string): string;
  /** The keys to forget among those that are kept. */
  forget?(key: string, kept: readonly string[]): readonly string[];
  /** The calls that wait for one another: all calls on the states, those of one handle, or none. */
  waits?: "all" | "handle" | "none";
}

const right: Decide = async (...asked) => await decideChecks(...asked);

/** A database of one table, and the means to open it: rows are JSON, and each answer takes a turn of the event loop. */
function database({ decide = (one) => one, states = (one) => one, ...fault }: Fault) {
  const { keyOf = (key) => key, forget = (key) => [key], waits = "all" } = fault;
  const clock = manualClock();
  const rows = new Map<string, { readonly text: string; readonly until: number }>();
  const access = (now: number): StateAccess => ({
    async load({ key }) {
      await null;
      const row = rows.get(keyOf(key));
      return row === undefined || now >= row.until ? null : JSON.parse(row.text);
    },
    async save({ key }, state, ttlMs) {
      await null;
      if (state === null) rows.delete(keyOf(key));
      else rows.set(keyOf(key), { text: JSON.stringify(state), until: now + ttlMs });
    },
  });
  const everybody = { last: Promise.resolve<unknown>(null) };
  return {
    advance: (ms: number) => clock.advance(ms),
    open(): Store {
      const turn = waits === "all" ? everybody : { last: Promise.resolve<unknown>(null) };
      return {
        shared: true,
        clock,
        decide(checks, spend = true) {
          const run = () => {
            const now = clock();
            return decide(right)(checks, spend, now, states(access(now), now));
          };
          if (waits === "none") return run();
          const answer = turn.last.then(run);
          turn.last = answer.catch(() => {});
          return answer;
        },
        forget: (key) => forget(keyOf(key), [...rows.keys()]).forEach((kept) => void rows.delete(kept)),
      };
    },
  };
}

const LIVES = "keeps a charge until its resetAfterMs is over, the last of several too";
const KEYS = "takes every key literally, in deciding and in forgetting";

/** Each fault, and the behaviour that a store with it does not show. */
const MUTANTS: Readonly<Record<string, readonly [behaviour: string, fault: Fault]>> = {
  "hands another algorithm's state to a step": ["takes another algorithm's state for none", {
    states: ({ load, save }) => ({
      load: async (check) => {
        const state = await load(check);
        const { form, name = "" } = check.algorithm;
        return state === null ? null : [form ?? name, state];
      },
      save: (check, state, ttlMs) => save(check, state === null ? null : (state as unknown[])[1], ttlMs),
    }),
  }],
  "is not atomic between two connections": [
    "lets exactly the limit pass of 100 requests to two instances at once, where it is shared",
    { waits: "handle" },
  ],
  "is not atomic on one connection": [
    "lets exactly the limit pass of 100 requests at once, under every algorithm",
    { waits: "none" },
  ],
  "does not roll back when a later check refuses": ["charges all of three different rules, or none", {
    decide: (right) => async (checks, ...rest) => {
      const decisions = [];
      for (const check of checks) decisions.push((await right([check], ...rest))[0]);
      return decisions;
    },
  }],
  "lets states die at half their life": [LIVES, {
    states: ({ load, save }) => ({
      load,
      save: (check, state, ttlMs) => save(check, state, Math.floor(ttlMs / 2)),
    }),
  }],
  "rounds lives down to seconds": [LIVES, {
    states: ({ load, save }) => ({
      load,
      save: (check, state, ttlMs) => save(check, state, 1000 * Math.floor(ttlMs / 1000)),
    }),
  }],
  "keeps the expiry of the first charge": [
    LIVES,
    (() => {
      const ends = new Map<string, number>();
      return {
        states: ({ load, save }: StateAccess, now: number) => ({
          load,
          save: (check: Check, state: unknown, ttlMs: number) => {
            const end = ends.get(check.key) ?? 0;
            const until = end > now ? end : now + ttlMs;
            ends.set(check.key, until);
            return save(check, state, until - now);
          },
        }),
      };
    })(),
  ],
  "shows what would be left with a charge that was not made": [
    "charges no rule when one refuses, and shows what is left without the charge",
    {
      decide: (right) => async (checks, spend, ...rest) => {
        const decisions = await right(checks, spend, ...rest);
        if (spend && !decisions.some(refuses)) return decisions;
        return decisions.map((decision) => ({
          ...decision,
          remaining: decision.remaining - (decision.allowed ? Math.max(0, decision.cost) : 0),
        }));
      },
    },
  ],
  "forgets the state of a shadow check that refuses": [
    "blocks in shadow as it would live, charging what beside it allows",
    {
      decide: (right) => async (checks, spend, now, { load, save }) => {
        const peeked = await right(checks, false, now, { load, save });
        const refused = checks.filter(({ policy }, i) => !peeked[i].allowed && policy.mode === "shadow");
        return right(checks, spend, now, {
          load,
          save: (check, ...rest) => refused.includes(check) ? null : save(check, ...rest),
        });
      },
    },
  ],
  "forgets the state of an enforced check that refuses": [
    "blocks a key that was refused too often, whatever its quota says",
    {
      decide: (right) => async (checks, spend, ...rest) => {
        const peeked = await right(checks, false, ...rest);
        return peeked.some(refuses) ? peeked : right(checks, spend, ...rest);
      },
    },
  ],
  "names every charge by the time of its decision": [
    "names each charge by its own time, under every algorithm",
    {
      decide: (right) => async (...asked) =>
        (await right(...asked)).map((decision) => ({ ...decision, chargedAt: decision.at! })),
    },
  ],
  "takes a correction for a request": [
    "charges what a correction adds, over the limit too, and refuses no correction",
    {
      decide: (right) => (checks, ...rest) =>
        right(checks.map((check) => ({ ...check, since: null })), ...rest),
    },
  ],
  "lets a shadow rule refuse": ["charges rules beside a shadow rule that refuses, but that rule no more", {
    decide: (right) => async (checks, ...rest) => {
      const live = checks.map((check) => ({
        ...check,
        policy: { ...check.policy, mode: "enforce" as const },
      }));
      return (await right(live, ...rest)).map((decision, i) => ({
        ...decision,
        mode: checks[i].policy.mode,
      }));
    },
  }],
  "charges a peek": ["peeks without spending, and says whether the request's own cost would pass", {
    decide: (right) => (checks, _spend, ...rest) => right(checks, true, ...rest),
  }],
  "answers in the order of the keys": [
    "answers each check in order, with what was asked and the numbers of its own clock",
    {
      decide: (right) => (checks, ...rest) =>
        right([...checks].sort((a, b) => a.key < b.key ? 1 : -1), ...rest),
    },
  ],
  "folds keys to lower case": [KEYS, { keyOf: (key) => key.toLowerCase() }],
  "trims keys": [KEYS, { keyOf: (key) => key.trim() }],
  "cuts keys at 255 characters": [KEYS, { keyOf: (key) => key.slice(0, 255) }],
  "cuts keys at NUL": [KEYS, { keyOf: (key) => key.split("\0")[0] }],
  "normalizes keys": [KEYS, { keyOf: (key) => key.normalize() }],
  "writes keys as UTF-8": [KEYS, { keyOf: (key) => new TextDecoder().decode(new TextEncoder().encode(key)) }],
  "forgets every key with the same beginning": [KEYS, {
    forget: (key, kept) => kept.filter((other) => other.startsWith(key)),
  }],
};

/** The names of the behaviours that a store with this fault does not show. */
async function broken(fault: Fault): Promise<string[]> {
  const subject = database(fault);
  const names = [];
  for (const { name, run } of storeBehaviours) {
    try {
      await run(subject);
    } catch {
      names.push(name);
    }
  }
  return names;
}

describe("the conformance kit", () => {
  it("passes a store over decideChecks", async () => {
    assertEquals(await broken({}), []);
  });

  for (const [name, [behaviour, fault]] of Object.entries(MUTANTS)) {
    it(`fails a store that ${name}`, async () => {
      const names = await broken(fault);
      assert(names.includes(behaviour), `it fails ${JSON.stringify(names)} alone`);
    });
  }
});
