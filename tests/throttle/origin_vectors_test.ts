import { assert, assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import type { Algorithm, Step } from "../../src/algorithms/algorithm.ts";
import { fixedWindow } from "../../src/algorithms/fixed_window.ts";
import { gcra } from "../../src/algorithms/gcra.ts";
import { slidingLog } from "../../src/algorithms/sliding_log.ts";
import { policyOf } from "../harness/algorithms.ts";

interface Recorded {
  t_ms: number;
  allowed: boolean;
  remaining?: number;
  /** Seconds. */
  reset?: number;
  /** Seconds, as the header had it. */
  retry_after?: string;
}

interface Trace {
  name: string;
  /** Null: lowered on the way, see below. */
  limit: number | null;
  window_s: number;
  steps: Recorded[];
}

const vectors: Record<string, Trace[]> = JSON.parse(
  readFileSync("tests/vectors/origin-decisions.json", "utf8"),
);

/** A trace without a limit began with 5, and went on with fewer after the last that passed. */
function limitOf({ limit, steps }: Trace, i: number, lowered: number): number {
  return limit ?? (i <= steps.findLastIndex(({ allowed }) => allowed) ? 5 : lowered);
}

/** Replays each trace and compares each step with what was recorded. */
function replay(
  algorithm: Algorithm,
  traces: Trace[],
  compare: (step: Step, recorded: Recorded, trace: Trace, at: string) => void,
): void {
  for (const trace of traces) {
    it(`${trace.name}: ${trace.steps.length} steps`, () => {
      for (const lowered of trace.limit === null ? [1, 2, 3, 4] : [0]) {
        let state: unknown = null;
        trace.steps.forEach((recorded, i) => {
          const policy = policyOf(limitOf(trace, i, lowered), trace.window_s * 1000);
          const step = algorithm.step(state, policy, recorded.t_ms, 1, null);
          state = step.state;
          const at = `step ${i}: ${JSON.stringify(recorded)}`;
          assertEquals(step.allowed, recorded.allowed, at);
          compare(step, recorded, trace, at);
        });
      }
    });
  }
}

describe("fixedWindow decides as django-modern-rest's SimpleRate did", () => {
  replay(fixedWindow(), vectors.fixedWindow, (step, { remaining, reset }, _, at) => {
    assertEquals([step.remaining, step.resetAfterMs / 1000], [remaining, reset], at);
    if (!step.allowed) assertEquals(step.retryAfterMs / 1000, reset, at);
  });
});

describe("gcra decides as django-modern-rest's LeakyBucket did", () => {
  replay(gcra(), vectors.gcra, (step, { allowed, remaining, reset }, { limit, window_s }, at) => {
    assertEquals(step.remaining, remaining, at);
    // The origin says the time of one unit whatever is owed: an upper bound of the wait.
    assertEquals(reset, Math.ceil(window_s / (limit as number)), at);
    if (!allowed) {
      assert(step.retryAfterMs > 0 && Math.ceil(step.retryAfterMs / 1000) <= (reset as number), at);
    }
  });
});

describe("slidingLog decides as Django REST Framework's SimpleRateThrottle did", () => {
  replay(slidingLog(), vectors.slidingLog, (step, { allowed, retry_after }, { limit }, at) => {
    if (allowed) assertEquals(retry_after, undefined, at);
    // With a lowered limit the origin has no answer, and ours is when enough has left.
    else if (limit === null) assert(step.retryAfterMs > 0 && step.retryAfterMs <= 60_000, at);
    else assertEquals(String(Math.ceil(step.retryAfterMs / 1000)), retry_after, at);
  });
});

describe("the recorded decisions", () => {
  it("are all there", () => {
    const steps = (name: string) => vectors[name].reduce((sum, trace) => sum + trace.steps.length, 0);
    assertEquals(["fixedWindow", "gcra", "slidingLog"].map(steps), [397, 397, 564]);
  });
});
