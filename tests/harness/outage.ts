import { createThrottle, type FailurePolicy, type Store } from "../../mod.ts";
import { type AwakeClock, awakeClock } from "./awake.ts";
import { pause } from "./until.ts";

/** A fault of a store that can be started and ended. */
export interface Outage {
  begin(): unknown;
  end(): unknown;
}

/** The observations of one outage under one policy. */
export interface Observation {
  readonly policy: FailurePolicy;
  /**
   * Of {@link TRIED} requests of a client with {@link USED} of {@link LIMIT} used: how many passed during the
   * outage.
   */
  readonly admitted: number;
  /** Of twice the limit, how many passed after the outage. */
  readonly admittedAfter: number;
  /** The sources of the decisions during the outage. */
  readonly sources: readonly string[];
  /** The statuses of the refusals. */
  readonly statuses: readonly number[];
  /** The number of responses to other clients during the outage. */
  readonly answered: number;
  /** The 99th percentile of their latencies, in ms in which this process was awake. */
  readonly p99: number;
  /** The longest of them, in ms. */
  readonly slowest: number;
  /** The time from the end of the outage to the first decision of the store, in ms in which this process was awake. */
  readonly returned: number;
  /** The store states in the observers' events. */
  readonly states: readonly (string | undefined)[];
}

export const LIMIT = 30;
export const USED = 10;
export const TRIED = 60;
const POLICIES: readonly FailurePolicy[] = ["local", "allow", "deny"];

/** The least number of requests of other clients during an outage. */
const LOAD = 60;
/** More than the failures that open the circuit breaker, so that all of them fail at once. */
const WORKERS = 8;
const PAUSE_MS = 100;
/** The longest recovery of the store before the test gives up, in ms. */
const PATIENCE_MS = 30_000;

interface Answer {
  /** Of the clock. */
  readonly begun: number;
  readonly ms: number;
  readonly tookMs: number;
  readonly source: string;
}

/**
 * The phases of an outage: the watched clients have used their quota, it starts, they have tried, it has
 * ended.
 */
interface Turns {
  ready(): void;
  readonly began: Promise<void>;
  readonly ended: Promise<void>;
  tried(): void;
}

/** One watched client, and the load of many others, under one policy. */
async function observe(
  store: Store,
  policy: FailurePolicy,
  turns: Turns,
  clock: AwakeClock,
): Promise<Observation> {
  const states: (string | undefined)[] = [];
  const throttle = createThrottle({ name: "quota", rate: `${LIMIT}/hour` }, {
    store,
    onStoreFailure: policy,
    client: { address: (_request, client) => client as string },
    observers: [({ type, state }) => type === "store" && states.push(state)],
  });
  let client = 0;
  const ask = (client: string) => throttle.check(new Request("https://example.com/"), client);
  const admitted = async (requests: number): Promise<Awaited<ReturnType<typeof ask>>[]> => {
    const outcomes = [];
    for (let i = 0; i < requests; i++) outcomes.push(await ask(`198.51.100.${client}`));
    return outcomes;
  };

  const answers: Answer[] = [];
  let isOver = false;
  let healedAt = Infinity;
  let returned = Infinity;
  async function work(worker: number): Promise<void> {
    for (let i = 0; !isOver; i++) {
      const begun = clock.ms();
      const begunAt = performance.now();
      const { decisions } = await ask(`192.0.${worker}.${i % 250}`);
      const done = clock.ms();
      const tookMs = performance.now() - begunAt;
      answers.push({ begun, ms: done - begun, tookMs, source: decisions[0].source });
      if (begun >= healedAt && decisions[0].source === "store") {
        returned = Math.min(returned, done - healedAt);
      }
      await pause(PAUSE_MS);
    }
  }

  // The first connection may take longer than the deadline, or the machine is busy: then try once more.
  while ((await admitted(USED)).some(({ decisions }) => decisions[0].source !== "store")) {
    if (++client > 250) throw new Error("This machine is too busy to answer ten requests in a row in time");
    await pause(50);
  }
  states.length = 0;
  turns.ready();
  const load = Array.from({ length: WORKERS }, (_, worker) => work(worker));
  await turns.began;
  const beganAt = clock.ms();
  const during = await admitted(TRIED);
  while (answers.filter(({ begun }) => begun >= beganAt).length < LOAD) await pause(10);
  turns.tried();
  await turns.ended;
  healedAt = clock.ms();
  while (returned === Infinity && clock.ms() - healedAt < PATIENCE_MS) await pause(5);
  isOver = true;
  await Promise.all(load);
  const after = await admitted(2 * LIMIT);

  const waited = answers.filter(({ begun }) => begun >= beganAt && begun < healedAt);
  const waits = waited.map(({ ms }) => ms).sort((a, b) => a - b);
  return {
    policy,
    admitted: during.filter(({ allowed }) => allowed).length,
    admittedAfter: after.filter(({ allowed }) => allowed).length,
    sources: [...new Set(during.map(({ decisions }) => decisions[0].source))],
    statuses: [...new Set(during.flatMap(({ response }) => response?.status ?? []))],
    answered: waits.length,
    p99: waits[Math.ceil(waits.length * 0.99) - 1],
    slowest: Math.max(...waited.map(({ tookMs }) => tookMs)),
    returned,
    states,
  };
}

/**
 * Runs an outage under load, for each policy at once.
 *
 * @param storeFor Creates a separate store for each policy.
 */
export async function runOutage(
  outage: Outage,
  storeFor: (policy: FailurePolicy) => Store,
): Promise<Observation[]> {
  const clock = awakeClock();
  const [begun, ended] = [turn(), turn()];
  const [ready, tried] = [POLICIES.map(turn), POLICIES.map(turn)];
  const observations = Promise.all(POLICIES.map((policy, i) =>
    observe(storeFor(policy), policy, {
      ready: ready[i].take,
      began: begun.come,
      ended: ended.come,
      tried: tried[i].take,
    }, clock)
  ));
  async function happen(): Promise<void> {
    await Promise.all(ready.map(({ come }) => come));
    await pause(150);
    await outage.begin();
    begun.take();
    await Promise.all(tried.map(({ come }) => come));
    await outage.end();
    ended.take();
  }
  try {
    // A failing observer ends the outage at once.
    await Promise.race([observations, happen()]);
    return await observations;
  } finally {
    clock.stop();
  }
}

function turn(): { readonly come: Promise<void>; readonly take: () => void } {
  let take = (): void => {};
  const come = new Promise<void>((resolve) => take = resolve);
  return { come, take };
}

const ms = (value: number): string => `${Math.round(value)} ms`;

/** The Markdown table of the observations. */
export function faultTable(rows: readonly (readonly [string, readonly Observation[]])[]): string {
  const lines = rows.flatMap(([fault, observations]) =>
    observations.map(({ policy, admitted, admittedAfter, p99, slowest, returned }) =>
      `| ${fault} | ${policy} | ${admitted} | ${admittedAfter} | ${ms(p99)} | ${ms(slowest)} | ${
        ms(returned)
      } |`
    )
  );
  return [
    `Limit ${LIMIT}, ${USED} used before the fault, ${TRIED} tried during it, ${2 * LIMIT} after it.`,
    "",
    "| fault | policy | admitted during | admitted after | p99 | slowest | back after |",
    "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ...lines,
  ].join("\n");
}
