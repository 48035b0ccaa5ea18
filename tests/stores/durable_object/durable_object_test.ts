import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { after, before, describe, it } from "node:test";
import { durableObjectStore } from "../../../src/stores/durable_object/mod.ts";
import { storeBehaviours } from "../../../src/testing/mod.ts";
import { lanes } from "../../harness/lanes.ts";
import { describeOnNode } from "../../harness/runtime.ts";
import { until } from "../../harness/until.ts";
import { startWorkerd, type Workerd } from "../../harness/workerd.ts";

// The objects are in workerd, whichever runtime runs this file.
describeOnNode("durableObjectStore, in workerd", () => {
  let workerd: Workerd;
  before(async () => {
    workerd = await startWorkerd("tests/stores/durable_object/worker.ts", {
      THROTTLE: "ThrottleObject",
      LIMITS: "Limits",
    });
  });
  after(() => workerd.stop());

  async function get<T>(path: string, words: Record<string, unknown> = {}): Promise<T> {
    const texts = Object.entries(words).map(([name, value]) =>
      [name, typeof value === "string" ? value : JSON.stringify(value)] as [string, string]
    );
    const response = await fetch(`${workerd.url}/${path}?${new URLSearchParams(texts)}`);
    const answer = await response.json();
    assert(response.ok, answer);
    return answer;
  }
  const ask = (words: Record<string, unknown>) =>
    get<{ passed: number; sources: string[]; calls: number; errors: string[] }>("ask", words);
  const stored = (user: string) => get<{ keys: string[]; alarm: number | null }>("stored", { user });

  describe("shows each behaviour of a store", () => {
    // Time is real there, so some wait at once.
    const inLane = lanes(8);
    const tests = storeBehaviours.map((_, index) =>
      inLane(async () => assertEquals(await get("behaviour", { index }), "shown"))
    );
    storeBehaviours.forEach(({ name }, i) => it(name, tests[i]));
  });

  it("asks one object, once, for all rules of one key, and all objects at once for rules of several", async () => {
    const rules = [{ name: "a", rate: "5/min" }, { name: "b", rate: "9/min" }, { name: "c", rate: "9/day" }];
    assertEquals(await ask({ rules, user: "ann" }), { passed: 1, sources: ["store"], calls: 1, errors: [] });
    const all = [...rules, { name: "all", rate: "7/min", global: true }];
    assertEquals(await ask({ rules: all, user: "ann" }), {
      passed: 1,
      sources: ["store"],
      calls: 2,
      errors: [],
    });
  });

  it("gives back what one object charged where another one refuses", async () => {
    const rules = [{ name: "own", rate: "5/min" }, { name: "few", rate: "2/min", global: true }];
    assertEquals((await ask({ rules, user: "bob", times: 20 })).passed, 2);
    assertEquals((await ask({ rules: rules.slice(0, 1), user: "bob", times: 20 })).passed, 3);
  });

  it("lets exactly the limit pass of 1,000 requests at once from two Workers' requests", async () => {
    const rules = [{ name: "hot", rate: "100/hour" }, { name: "roomy", rate: "5000/hour" }];
    const answers = await Promise.all([1, 2].map(() => ask({ rules, user: "hot", times: 500 })));
    assertEquals(answers.reduce((sum, { passed }) => sum + passed, 0), 100);
    assertEquals(answers.flatMap(({ sources }) => sources), ["store", "store"]);
  });

  it("keeps its counts when workerd is killed and started again", async () => {
    const rules = [{ name: "day", rate: "10/day" }];
    assertEquals((await ask({ rules, user: "carl", times: 7 })).passed, 7);
    await workerd.restart();
    assertEquals((await ask({ rules, user: "carl", times: 7 })).passed, 3);
  });

  it("runs algorithms of the class's own, and fails a rule whose algorithm fails alone", async () => {
    const rules = [{ name: "once", rate: "1/min", mine: "once" }, { name: "five", rate: "5/min" }];
    assertEquals((await ask({ rules, user: "dora", times: 9 })).passed, 1);
    for (
      const [mine, reason] of [["failing", "this algorithm always fails"], ["mute", "it gave no reason"]]
    ) {
      const fails = { name: "fails", rate: "1/min", mine, mode: "shadow" };
      const { passed, sources, errors } = await ask({
        rules: [{ name: "five", rate: "5/min" }, fails],
        user: "dora",
      });
      assertEquals([passed, sources.sort()], [1, ["denied-by-policy", "store"]]);
      assertEquals(errors, [`The step of rule "fails" failed: ${reason}`]);
    }
  });

  it("refuses a rule whose algorithm the object does not have when the throttle is made", async () => {
    const { known, unknown } = await get<{ known: (string | null)[]; unknown: string }>("prepared");
    assertEquals(known, known.map(() => null));
    assertMatch(unknown, /Cannot use rule "rule" as .* own .*: current value is "once"$/);
  });

  it("stores a row per rule with an alarm, and after the window nothing", async () => {
    const rules = [{ name: "short", rate: "3/sec" }, { name: "brief", rate: "3/2s" }];
    for (let tries = 1;; tries++) {
      const user = `eve ${tries}`;
      const begun = Date.now();
      await ask({ rules, user });
      const { keys, alarm } = await stored(user);
      // A machine that is busy may look too late: the window may be over then.
      const isLate = Date.now() - begun >= 1000;
      if (!isLate) {
        assertEquals(keys.length, 2);
        assert(alarm !== null && alarm - Date.now() < 5000, `${alarm}`);
      }
      await until(async () => (await stored(user)).keys.length === 0);
      assertEquals(await stored(user), { keys: [], alarm: null });
      if (!isLate) return;
      assert(tries < 10, "This machine is too busy to look within a second");
    }
  });
});

describe("durableObjectStore", () => {
  it("names the option that cannot be used", () => {
    assertThrows(
      () => durableObjectStore({ namespace: {} as never }),
      TypeError,
      "namespace must be the binding of a class of Durable Objects",
    );
  });
});
