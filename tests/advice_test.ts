/** What is said at start of rules that will not do what their author wants. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "node:test";
import { byIp, byUser, compose, createThrottle, memoryStore, type Store } from "../mod.ts";
import { adviseOn } from "../src/advice.ts";
import { byJwt } from "../src/jwt.ts";
import { prepareRules } from "../src/rule.ts";

/** What is said on the console meanwhile. */
function said(act: () => void): string[] {
  const sentences: string[] = [];
  const { warn } = console;
  console.warn = (sentence: string) => void sentences.push(sentence);
  try {
    act();
  } finally {
    console.warn = warn;
  }
  return sentences;
}

describe("advice at start", () => {
  const store = (): Store => memoryStore();

  it("lesson 53: names rules that never apply, as nobody finds out the identity that they count by", () => {
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

  it("lesson 28: says where throttles on one store share a counter without being told to", () => {
    const shared = store();
    const twice = (name?: string) => prepareRules({ rate: "7/min", ...(name === undefined ? {} : { name }) });
    assertEquals(said(() => adviseOn(twice(), null, shared)), []);
    const [sentence] = said(() => adviseOn(twice(), null, shared));
    assertStringIncludes(sentence, '"ip.7-per-1min"');
    assertEquals(said(() => adviseOn(twice("mine"), null, shared)), []);
    assertEquals(said(() => adviseOn(twice("mine"), null, shared)), []);
    assertEquals(said(() => adviseOn(twice(), null, store())), []);
  });

  it("names rules that leave authentication open to guessing", () => {
    const rule = { name: "open-to-guessing", rate: "1/min", key: byUser() };
    const [sentence] = said(() => createThrottle(rule, { authenticate: () => null }));
    assertStringIncludes(sentence, "Nothing limits how often a client may try to authenticate");
  });
});
