/** Warnings at start of rules that will not do what their author wants. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "node:test";
import {
  byIp,
  byUser,
  compose,
  createThrottle,
  type HeaderFormat,
  memoryStore,
  rateLimit,
  retryAfter,
  type Rule,
  type Store,
  type ThrottleOptions,
  xRateLimit,
} from "../../mod.ts";
import { warnAboutRules } from "../../src/throttle/warnings.ts";
import { byJwt } from "../../src/auth/mod.ts";
import { prepareRules } from "../../src/rules/prepare_rules.ts";
import { writtenDuring } from "../harness/console.ts";

/** The lines on the console meanwhile. */
const said = (act: () => void): readonly string[] => writtenDuring(act, "warn").lines;

describe("advice at start", () => {
  const store = (): Store => memoryStore();

  it("names rules that never apply, as nobody finds out the identity that they count by", () => {
    for (const key of [byUser(), byJwt(), compose(byIp(), byUser())]) {
      const name = `idle-${key.keyName}`;
      const [sentence] = said(() => createThrottle({ name, rate: "1/min", key }));
      assertStringIncludes(sentence, `Rules that never apply: "${name}"`);
    }
    const authenticate = () => null;
    assertEquals(
      said(() => createThrottle(["1/min", { rate: "1/min", key: byUser() }], { authenticate })),
      [],
    );
  });

  it("says where throttles on one store share a counter that no `name` asks them to share", () => {
    const shared = store();
    const twice = (name?: string) => prepareRules({ rate: "7/min", ...(name === undefined ? {} : { name }) });
    assertEquals(said(() => warnAboutRules(twice(), null, shared)), []);
    const [sentence] = said(() => warnAboutRules(twice(), null, shared));
    assertStringIncludes(sentence, '"ip.7-per-1min"');
    assertEquals(said(() => warnAboutRules(twice("mine"), null, shared)), []);
    assertEquals(said(() => warnAboutRules(twice("mine"), null, shared)), []);
    assertEquals(said(() => warnAboutRules(twice(), null, store())), []);
  });

  it("names rules that leave authentication open to guessing", () => {
    const rule = { name: "open-to-guessing", rate: "1/min", key: byUser() };
    const [sentence] = said(() => createThrottle(rule, { authenticate: () => null }));
    assertStringIncludes(sentence, "Nothing limits how often a client may try to authenticate");
  });

  const silent: HeaderFormat = { fields: () => ({}) };
  const rule: Rule = { name: "own", rate: "1/min" };
  const quiet: [title: string, rules: Rule | Rule[], options: ThrottleOptions][] = [
    ["the default", rule, {}],
    ["retryAfter among others", rule, { headers: [rateLimit(), retryAfter({ ms: true })] }],
    [
      "retryAfter of one rule, which speaks for all",
      [{ ...rule, headers: [retryAfter()] }, "2/min"] as Rule[],
      {
        headers: [xRateLimit()],
      },
    ],
    ["an empty list", rule, { headers: [] }],
    ["a format that says nothing of itself", rule, { headers: [xRateLimit(), silent] }],
    ["no headers at all", rule, { headers: [xRateLimit()], sendHeaders: "never" }],
    ["rules that never refuse", { ...rule, mode: "shadow" }, { headers: [xRateLimit()] }],
  ];
  for (const [title, rules, options] of quiet) {
    it(`says nothing of waits with ${title}`, () => {
      assertEquals(said(() => createThrottle(rules, options)), []);
    });
  }

  it("says, once a process, where headers leave out when to come back", () => {
    const tables: [Rule, ThrottleOptions][] = [
      [rule, { headers: [rateLimit()] }],
      [{ ...rule, headers: [xRateLimit()] }, { headers: [] }],
    ];
    const sentences = tables.flatMap(([rules, options]) => said(() => createThrottle(rules, options)));
    assertEquals(sentences.length, 1);
    assertStringIncludes(sentences[0], "No header tells refused clients when to come back");
    assertStringIncludes(sentences[0], "Add retryAfter()");
  });
});
