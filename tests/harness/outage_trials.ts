import { assertEquals, assertLessOrEqual } from "@std/assert";
import process from "node:process";
import { it } from "node:test";
import type { FailurePolicy, Store } from "../../mod.ts";
import { inTime } from "./in_time.ts";
import { lanes } from "./lanes.ts";
import { faultTable, LIMIT, type Observation, type Outage, runOutage, TRIED, USED } from "./outage.ts";

/** Outages as tests: one test per fault, for every policy, with one expectation of them all. */

/**
 * WEIR_TABLE=1 measures the default alone on a machine, and prints the table. Beside other tests a store that is well may take a
 * second to answer, which is no outage of it.
 */
export const IS_MEASURED = Boolean(process.env.WEIR_TABLE);
export const DEADLINE_MS = IS_MEASURED ? 250 : 3000;
const PROBE_MS = 1000;
/** How much longer something may take than it is to take: less than a second deadline, or a second probe, would. */
const SLACK_MS = IS_MEASURED ? 50 : 750;

export interface Expectation {
  /** May commands that were in the store's hands be charged although nobody heard the answer? */
  readonly mayCharge?: boolean;
  /** Does the store come back empty? */
  readonly isEmptied?: boolean;
  /** How long a client waits for a connection before it asks, in ms. Default: 0. */
  readonly connectMs?: number;
  /** May one outage look like two, as connections break one by one on a machine that may be busy? */
  readonly mayLookLikeTwo?: boolean;
}

/** A fault that is tried: how it is caused, on which stores, and what it may do. */
export interface OutageTrial {
  readonly fault: string;
  readonly expectation?: Expectation | undefined;
  /** Sets it up; gives the outage, a store for each policy, and how to clear up. */
  prepare(): Promise<{ outage: Outage; storeFor(policy: FailurePolicy): Store; clear?(): unknown }>;
}

const rows = new Map<string, readonly Observation[]>();
const unhandled: unknown[] = [];
process.on("unhandledRejection", (error) => unhandled.push(error));

/** The state of things after any outage. */
function expect(
  observations: readonly Observation[],
  { mayCharge = false, isEmptied = false, connectMs = 0, mayLookLikeTwo = false }: Expectation = {},
): void {
  const left = LIMIT - USED;
  const EXPECTED: Record<FailurePolicy, [number, string, number[]]> = {
    local: [left, "local", [429]],
    allow: [TRIED, "allowed-by-policy", []],
    deny: [0, "denied-by-policy", [503]],
  };
  for (const seen of observations) {
    const [admitted, source, statuses] = EXPECTED[seen.policy];
    assertEquals([seen.policy, seen.admitted, seen.sources, seen.statuses], [
      seen.policy,
      admitted,
      [source],
      statuses,
    ]);
    assertLessOrEqual(seen.p99, DEADLINE_MS + SLACK_MS, `p99 under ${seen.policy}`);
    assertLessOrEqual(
      seen.returned,
      PROBE_MS + DEADLINE_MS + connectMs + 2 * SLACK_MS,
      `return under ${seen.policy}`,
    );
    if (isEmptied) assertEquals(seen.admittedAfter, LIMIT);
    else if (mayCharge) assertLessOrEqual(seen.admittedAfter, left);
    else assertEquals(seen.admittedAfter, left, `${seen.policy}: a fault charges nothing`);
    const outage = ["failing", "healed"];
    const isTwo = mayLookLikeTwo && seen.states.length > outage.length;
    const expected = isTwo ? [...outage, ...outage] : outage;
    assertEquals(seen.states, expected, seen.policy);
  }
}

async function run({ fault, expectation, prepare }: OutageTrial): Promise<void> {
  const { outage, storeFor, clear } = await prepare();
  try {
    const observations = await runOutage(outage, storeFor);
    rows.set(fault, observations);
    expect(observations, expectation);
    assertEquals(unhandled, [], "unhandled rejections");
  } finally {
    await clear?.();
  }
}

/**
 * One test per trial.
 *
 * @param atOnce How many go on at once, as nearly all of a trial is waiting for the breaker's probe; one where times are measured.
 */
export function itWithstands(trials: readonly OutageTrial[], atOnce: number): void {
  const inLane = lanes(IS_MEASURED ? 1 : atOnce);
  // A machine that pauses for longer than a deadline is an outage of its own.
  const tests = trials.map((trial) => inLane(() => inTime(() => run(trial))));
  trials.forEach(({ fault }, i) => it(`${fault}: one path, whatever the policy`, tests[i]));
}

/** Prints the table of the trials of this file where it is asked for. */
export function printOutages(): void {
  if (IS_MEASURED && rows.size > 0) console.log(`\n${faultTable([...rows])}\n`);
}
