/** Steps of one's own that return nonsense, as JavaScript lets them. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { describe, it } from "node:test";
import { type Algorithm, createThrottle, type StateRows, type Step, transactionStore } from "../../mod.ts";

const GOOD: Step = {
  allowed: true,
  remaining: 5,
  resetAfterMs: Infinity,
  retryAfterMs: 0,
  state: [1, 2],
  ttlMs: 1000,
};

const NONSENSE: readonly (readonly [what: string, step: unknown])[] = [
  ["nothing", undefined],
  ["null", null],
  ["a promise", Promise.resolve(GOOD)],
  ["no verdict", { ...GOOD, allowed: undefined }],
  ["a verdict of text", { ...GOOD, allowed: "no" }],
  ["nothing that is left", { ...GOOD, remaining: undefined }],
  ["NaN for what is left", { ...GOOD, remaining: NaN }],
  ["no time of reset", { ...GOOD, resetAfterMs: undefined }],
  ["NaN for its wait", { ...GOOD, allowed: false, retryAfterMs: NaN }],
  ["no state", { ...GOOD, state: undefined }],
  ["no life", { ...GOOD, ttlMs: undefined }],
  ["NaN for the life of its state", { ...GOOD, ttlMs: NaN }],
];

const SENTENCE =
  'Cannot use rule "own" as its step must return a boolean, four numbers and a state: current value is ';

const client = { address: () => "192.0.2.1" };
const request = () => new Request("https://example.com/");

describe("a step that returns", () => {
  const kinds: readonly (readonly [kind: string, more: Partial<Algorithm>, block?: object])[] = [
    ["in memory", {}],
    ["in memory, packed", { stateSize: 2 }],
    ["in memory, in a block", {}, { after: 3, window: "1min", for: "1min" }],
  ];
  for (const [kind, more, block] of kinds) {
    const throttleOf = (returned: unknown) => {
      const algorithm: Algorithm = { ...more, name: "custom", step: () => returned as Step };
      return createThrottle(
        [{ name: "own", rate: "5/min", algorithm, ...block && { block } }] as never,
        { client },
      );
    };

    it(`all that it must is used: ${kind}`, async () => {
      assertEquals((await throttleOf(GOOD).check(request())).allowed, true);
      const step = { ...GOOD, allowed: false, retryAfterMs: Infinity, state: [3, 4], at: 5, blockedMs: 0 };
      assertEquals((await throttleOf(step).check(request())).allowed, false);
    });

    for (const [what, step] of NONSENSE) {
      it(`${what} is refused with a sentence, each time: ${kind}`, async () => {
        const throttle = throttleOf(step);
        for (let i = 0; i < 2; i++) {
          await assertRejects(async () => await throttle.check(request()), TypeError, SENTENCE);
        }
      });
    }
  }

  for (const [what, step] of NONSENSE) {
    it(`${what} fails its rule alone on a store, and the rule's policy decides`, async () => {
      const table = new Map<string, string>();
      const rows: StateRows = {
        load: (key) => table.get(key),
        save: (key, text) => table.set(key, text),
        remove: (key) => table.delete(key),
      };
      const errors: string[] = [];
      const algorithm: Algorithm = { step: () => step as Step };
      const throttle = createThrottle([
        { name: "before", rate: "5/min" },
        { name: "own", rate: "5/min", algorithm, onStoreFailure: "deny" },
      ], {
        store: transactionStore({ transact: (run) => run(rows) }),
        client,
        observers: [({ type, error }) => type === "store" && errors.push(String(error))],
      });
      const { allowed, decisions } = await throttle.check(request());
      assertEquals([allowed, ...decisions.map(({ source }) => source)], [false, "store", "denied-by-policy"]);
      assertEquals(errors.length, 1);
      assertStringIncludes(errors[0], SENTENCE);
    });
  }
});
