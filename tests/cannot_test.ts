/** Thrown values that are no errors, or errors without a text: what is said of them, and that nothing fails for it. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "node:test";
import { createThrottle, decideChecks, gcra, memoryStore, type Store } from "../mod.ts";
import { messageOf } from "../src/cannot.ts";
import { stats } from "../src/stats/stats.ts";
import { writtenDuring } from "./harness/console.ts";

const withMessage = (message: unknown) => Object.assign(new Error("text"), { message });
const without = "it gave no reason";

const THROWN: readonly (readonly [what: string, thrown: unknown, text: string])[] = [
  ["an error", new Error("text"), "text"],
  ["an error without a message", new TypeError(), "TypeError"],
  ["an error whose message is a number", withMessage(5), "5"],
  ["an error whose message is an object", withMessage({ code: 5 }), "[object Object]"],
  ["an error whose message has no text", withMessage(Object.create(null)), without],
  ["a text", "text", "text"],
  ["undefined", undefined, without],
  ["null", null, "null"],
  ["a symbol", Symbol("s"), "Symbol(s)"],
  ["an object without a prototype", Object.create(null), without],
];

describe("a thrown value", () => {
  const request = () => new Request("https://example.com/");
  const client = { address: () => "192.0.2.1" };

  for (const [what, thrown, text] of THROWN) {
    const boom = (): never => {
      throw thrown;
    };

    it(`has a text: ${what}`, () => assertEquals(messageOf(thrown), text));

    it(`of a store is an outage: ${what}`, async () => {
      const statistics = stats();
      const store: Store = { shared: true, decide: boom };
      const throttle = createThrottle({ rate: "1/min" }, { client, store, observers: [statistics] });
      const statuses: boolean[] = [];
      const { lines } = await writtenDuring(async () => {
        for (let i = 0; i < 2; i++) statuses.push((await throttle.check(request())).allowed);
      }, "error");
      assertEquals(statuses, [true, false]);
      assertEquals(lines.length, 1);
      assertStringIncludes(lines[0], `cannot be used: ${text}`);
      assertEquals((await statistics.read()).store.state, "failing");
    });

    it(`of a rule's step fails that rule alone: ${what}`, async () => {
      const states = new Map<string, unknown>();
      const store: Store = {
        shared: true,
        decide: (checks, spend = true) =>
          decideChecks(checks, spend, 0, {
            load: ({ key }) => states.get(key) ?? null,
            save: ({ key }, state) => states.set(key, state),
          }),
      };
      const rules = [
        { name: "broken", rate: "1/min", algorithm: { ...gcra(), step: boom } },
        { name: "whole", rate: "2/min" },
      ];
      const throttle = createThrottle(rules, { client, store, onStoreFailure: "allow" });
      const sources: string[][] = [];
      await writtenDuring(async () => {
        for (let i = 0; i < 3; i++) {
          sources.push(
            (await throttle.check(request())).decisions.map(({ source, allowed }) => `${source} ${allowed}`),
          );
        }
      }, "error");
      assertEquals(sources[0], ["allowed-by-policy true", "store true"]);
      assertEquals(sources[2], ["allowed-by-policy true", "store false"]);
    });

    it(`of a rule's function is part of its explanation: ${what}`, async () => {
      const throttle = createThrottle({ name: "a", rate: "1/min", key: boom }, {
        client,
        store: memoryStore(),
      });
      const { rules } = await throttle.explain(request());
      assertStringIncludes(rules[0].because, `a function of the rule fails: ${text}`);
    });
  }
});
