import { createThrottle, type FailurePolicy, type Store } from "../../mod.ts";

/** Something that goes wrong with a store, and is put right again. */
export interface Outage {
  begin(): unknown;
  end(): unknown;
}

/** The figures of one outage under one policy. */
export interface Observation {
  readonly policy: FailurePolicy;
  /** Of {@link TRIED} requests of a client who had {@link USED} of {@link LIMIT}: how many passed while the store was away. */
  readonly admitted: number;
  /** Of twice the limit, once the store was back. */
  readonly admittedAfter: number;
  /** Where the answers of the outage came from. */
  readonly sources: readonly string[];
  /** Statuses of the answers that refused. */
  readonly statuses: readonly number[];
  /** Requests of other clients that were answered meanwhile. */
  readonly answered: number;
  /** The slowest of 99 in 100 of those answers, in ms, and the slowest of all. */
  readonly p99: number;
  readonly slowest: number;
  /** From the end of the outage to the first answer of the store, in ms. */
  readonly returned: number;
  /** The states that observers were told of. */
  readonly states: readonly (string | undefined)[];
}

export const LIMIT = 30;
export const USED = 10;
export const TRIED = 60;
export const POLICIES: readonly FailurePolicy[] = ["local", "allow", "deny"];

/** How many requests of others an outage sees at least. */
const LOAD = 60;
/** More than the failures that open the breaker, so that all of them fail at once. */
const WORKERS = 8;
const PAUSE_MS = 100;
/** The longest that the store may take to come back before the test gives up. */
const PATIENCE_MS = 10_000;

const pause = (ms: number) => new Promise((resume) => setTimeout(resume, ms));

interface Answer {
  readonly begun: number;
  readonly ms: number;
  readonly source: string;
}

/** Watches how late timers are: what the machine is late by is not the throttle's doing. */
export function watchTimers(): { lateBy(): number } {
  let worst = 0;
  let expected = performance.now() + 10;
  const timer = setInterval(() => {
    worst = Math.max(worst, performance.now() - expected);
    expected = performance.now() + 10;
  }, 10);
  return {
    lateBy() {
      clearInterval(timer);
      return worst;
    },
  };
}

/** The turns of an outage: the watched clients have used their part, it begins, they have tried, it has ended. */
interface Turns {
  ready(): void;
  readonly began: Promise<void>;
  readonly ended: Promise<void>;
  tried(): void;
}

/** One client who is watched, and the load of many others, under one policy. */
async function observe(store: Store, policy: FailurePolicy, turns: Turns): Promise<Observation> {
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
      const begun = performance.now();
      const { decisions } = await ask(`192.0.${worker}.${i % 250}`);
      const done = performance.now();
      answers.push({ begun, ms: done - begun, source: decisions[0].source });
      if (begun >= healedAt && decisions[0].source === "store") {
        returned = Math.min(returned, done - healedAt);
      }
      await pause(PAUSE_MS);
    }
  }

  // The first connection, or a machine that is busy with other things, may take longer than the deadline: once more, then.
  while ((await admitted(USED)).some(({ decisions }) => decisions[0].source !== "store")) {
    if (++client > 250) throw new Error("This machine is too busy to answer ten requests in a row in time");
    await pause(50);
  }
  states.length = 0;
  turns.ready();
  const load = Array.from({ length: WORKERS }, (_, worker) => work(worker));
  await turns.began;
  const beganAt = performance.now();
  const during = await admitted(TRIED);
  while (answers.filter(({ begun }) => begun >= beganAt).length < LOAD) await pause(10);
  turns.tried();
  await turns.ended;
  healedAt = performance.now();
  while (returned === Infinity && performance.now() - healedAt < PATIENCE_MS) await pause(5);
  isOver = true;
  await Promise.all(load);
  const after = await admitted(2 * LIMIT);

  const waits = answers.filter(({ begun }) => begun >= beganAt && begun < healedAt).map(({ ms }) => ms)
    .sort((a, b) => a - b);
  return {
    policy,
    admitted: during.filter(({ allowed }) => allowed).length,
    admittedAfter: after.filter(({ allowed }) => allowed).length,
    sources: [...new Set(during.map(({ decisions }) => decisions[0].source))],
    statuses: [...new Set(during.flatMap(({ response }) => response?.status ?? []))],
    answered: waits.length,
    p99: waits[Math.ceil(waits.length * 0.99) - 1],
    slowest: waits[waits.length - 1],
    returned,
    states,
  };
}

/**
 * Runs an outage under load, for each policy at once.
 *
 * @param storeFor A store of its own for each policy.
 */
export async function runOutage(
  outage: Outage,
  storeFor: (policy: FailurePolicy) => Store,
): Promise<Observation[]> {
  const [begun, ended] = [turn(), turn()];
  const [ready, tried] = [POLICIES.map(turn), POLICIES.map(turn)];
  const observations = Promise.all(POLICIES.map((policy, i) =>
    observe(storeFor(policy), policy, {
      ready: ready[i].take,
      began: begun.come,
      ended: ended.come,
      tried: tried[i].take,
    })
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
  // An observer that fails ends it, rather than being waited for.
  await Promise.race([observations, happen()]);
  return await observations;
}

function turn(): { readonly come: Promise<void>; readonly take: () => void } {
  let take = (): void => {};
  const come = new Promise<void>((resolve) => take = resolve);
  return { come, take };
}

const ms = (value: number): string => `${Math.round(value)} ms`;

/** The Markdown table of what was seen. */
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
