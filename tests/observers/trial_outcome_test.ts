import { assertEquals } from "@std/assert";
import { describe, it } from "node:test";
import type { Decision } from "../../mod.ts";
import { trialOutcomes } from "../../src/observers/trial_outcome.ts";

const decision = (rule: string, allowed: boolean, more: Partial<Decision> = {}): Decision => ({
  ...{ rule, allowed, limit: 1, windowMs: 1000, cost: 1, mode: "enforce", remaining: 0, resetAfterMs: 0 },
  ...{ retryAfterMs: 0, blockedMs: 0, source: "store", at: 0 },
  ...more,
});
const trial = (allowed: boolean): Decision =>
  decision("api+trial", allowed, { mode: "shadow", trialOf: "api" });

describe("the outcome of a trial", () => {
  for (
    const [live, tried, outcome] of [
      [true, true, "neither"],
      [false, true, "liveOnly"],
      [true, false, "trialOnly"],
      [false, false, "both"],
    ] as const
  ) {
    it(`is ${outcome} where the rule ${live ? "allows" : "refuses"} and its trial ${tried ? "allows" : "refuses"}`, () => {
      const expected = [{ rule: "api", outcome }];
      const own = [decision("api", live), trial(tried)];
      assertEquals(trialOutcomes(own), expected);
      assertEquals(trialOutcomes([decision("other", true), ...own]), expected);
      const shadow = decision("watched", false, { mode: "shadow" });
      assertEquals(trialOutcomes([...own, shadow]), expected);
    });
  }

  it("is none where another rule refuses, whatever the two say", () => {
    for (const live of [true, false]) {
      assertEquals(trialOutcomes([decision("other", false), decision("api", live), trial(false)]), []);
    }
  });

  it("takes a rule that left the request out for one that allows", () => {
    assertEquals(trialOutcomes([trial(false)]), [{ rule: "api", outcome: "trialOnly" }]);
  });

  it("compares a rule in shadow mode with its trial all the same", () => {
    const live = decision("api", false, { mode: "shadow" });
    assertEquals(trialOutcomes([live, trial(true)]), [{ rule: "api", outcome: "liveOnly" }]);
  });
});
