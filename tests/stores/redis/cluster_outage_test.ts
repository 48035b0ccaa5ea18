import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { createThrottle, fixedWindow, type Store } from "../../../mod.ts";
import { stateName } from "../../../src/algorithms/state.ts";
import { type RedisClient, redisStore } from "../../../src/stores/redis/mod.ts";
import { slotOf } from "../../../src/stores/redis/cluster_slot.ts";
import { CLUSTER_CLIENTS } from "../../harness/clients.ts";
import { type RedisCluster, startCluster } from "../../harness/cluster.ts";
import { inTime } from "../../harness/in_time.ts";
import { type Redis, withoutRedis } from "../../harness/redis.ts";
import { pause } from "../../harness/until.ts";

/**
 * A node of a real cluster stops under load. WEIR_TABLE=1 measures the default deadline alone on a machine, and stops it for
 * ten seconds; beside other tests even a good answer may take longer.
 */
const IS_MEASURED = Boolean(process.env.WEIR_TABLE);
const OUTAGE_MS = IS_MEASURED ? 10_000 : 2500;
const TIMEOUT_MS = IS_MEASURED ? 250 : 1000;

/** As many as open the breaker: what is under way when the node stops has to wait in any case. */
const WORKERS = 5;
const KEYS = 60;
const LIMIT = 100;

/** The name of the rule's states, and the partition of a key that it begins. */
const STATES = stateName("quota", fixedWindow(), 3_600_000);
const partitionOf = (key: string): string => key.slice(STATES.length + 1);

/** The fate of one request. */
interface Answer {
  readonly key: string;
  readonly begun: number;
  readonly ms: number;
  readonly source: string;
  readonly allowed: boolean;
}

interface Kind {
  readonly how: string;
  begin(node: Redis): unknown;
  end(node: Redis): unknown;
}

const KINDS: readonly Kind[] = [
  { how: "frozen", begin: (node) => node.signal("SIGSTOP"), end: (node) => node.signal("SIGCONT") },
  { how: "killed", begin: (node) => node.kill(), end: (node) => node.restart() },
];

/** The slowest of 99 in 100, in ms. */
function p99(answers: readonly Answer[]): number {
  const sorted = answers.map(({ ms }) => ms).sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.99) - 1];
}

/** Waits for it. A master that starts again takes two seconds until it accepts writes. */
async function patiently(isSo: () => boolean): Promise<void> {
  for (const endsAt = performance.now() + 20_000; performance.now() < endsAt && !isSo();) await pause(20);
  assert(isSo(), "It never came to be so");
}

describe("one of three nodes of a cluster stops under load", { skip: withoutRedis }, () => {
  let cluster: RedisCluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.stop());

  /** The node that has a key's slot. */
  async function nodeOf(key: string): Promise<number> {
    const ranges = await cluster.nodes[0].command("CLUSTER", "SLOTS") as [number, number, [string, number]][];
    const slot = slotOf(`weir:${STATES}:${key}`);
    const [, , [, port]] = ranges.find(([from, to]) => slot >= from && slot <= to)!;
    return cluster.nodes.findIndex((node) => node.port === port);
  }

  for (const { name, skip, open } of CLUSTER_CLIENTS) {
    for (const { how, begin, end } of KINDS) {
      const test = async (diagnose: (figures: string) => void, client: RedisClient) => {
        for (const node of cluster.nodes) await node.command("FLUSHALL");
        const stopped = cluster.nodes[1];
        const keys = Array.from({ length: KEYS }, (_, i) => `198.51.100.${i}`);
        const homes = new Map<string, number>();
        for (const key of keys) homes.set(key, await nodeOf(key));
        const isOn = (key: string): boolean => homes.get(key) === 1;

        const inner = redisStore({ client, timeoutMs: TIMEOUT_MS });
        /** Questions about keys of the node that is to stop, which wait for its answer. */
        let waiting = 0;
        /** Those that waited when it answered for the last time. The breaker counts the silence of later ones alone. */
        let waitedThen = 0;
        /**
         * Questions about its keys that got no answer since it was told to stop: each of them can wait for the deadline. A node
         * on a busy machine may still answer some.
         */
        let unanswered = 0;
        let isStopped = false;
        const store: Store = {
          ...inner,
          denyCache: false,
          async decide(checks, spend) {
            if (!checks.some(({ key, since }) => since === null && isOn(partitionOf(key)))) {
              return inner.decide(checks, spend);
            }
            const counts = isStopped ? 1 : 0;
            waiting++;
            unanswered += counts;
            try {
              const decisions = await inner.decide(checks, spend);
              unanswered -= counts;
              waitedThen = waiting - 1;
              return decisions;
            } finally {
              waiting--;
            }
          },
        };
        const events: string[] = [];
        const throttle = createThrottle({ name: "quota", rate: `${LIMIT}/hour` }, {
          store,
          client: { address: (_request, key) => key as string },
          observers: [({ type, state, part }) => type === "store" && events.push(`${state} ${part}`)],
        });

        const answers: Answer[] = [];
        let isOver = false;
        async function work(): Promise<void> {
          while (!isOver) {
            const key = keys[Math.floor(Math.random() * KEYS)];
            const begun = performance.now();
            const { allowed, decisions } = await throttle.check(new Request("https://example.com/"), key);
            answers.push({ key, begun, ms: performance.now() - begun, source: decisions[0].source, allowed });
            await pause(4);
          }
        }
        // The first questions connect.
        for (const key of keys) await throttle.check(new Request("https://example.com/"), key);
        await patiently(() => events.length % 2 === 0);
        for (const node of cluster.nodes) await node.command("FLUSHALL");
        events.length = 0;

        const load = Array.from({ length: WORKERS }, work);
        await pause(500);
        const beganAt = performance.now();
        isStopped = true;
        let [askedDuring, mayAsk, endedAt] = [0, 0, 0];
        try {
          await begin(stopped);
          await pause(OUTAGE_MS);
          askedDuring = unanswered;
          mayAsk = waitedThen + WORKERS;
          await end(stopped);
          endedAt = performance.now();
          await patiently(() => events.length === 2);
          await patiently(() =>
            answers.some(({ key, begun, source }) => begun > endedAt && isOn(key) && source === "store")
          );
        } finally {
          isOver = true;
          await Promise.all(load);
        }
        // All that is left of the living nodes' quotas, of all keys side by side.
        await Promise.all(keys.map(async (key) => {
          for (let last = true; last;) {
            const begun = performance.now();
            const { allowed, decisions } = await throttle.check(new Request("https://example.com/"), key);
            answers.push({ key, begun, ms: 0, source: decisions[0].source, allowed: last = allowed });
          }
        }));

        const during = answers.filter(({ begun }) => begun >= beganAt && begun < endedAt);
        const others = during.filter(({ key }) => !isOn(key));
        const before = answers.filter(({ begun, key }) => begun < beganAt && !isOn(key));
        const waited = during.filter(({ ms }) => ms >= TIMEOUT_MS).length;
        const figures =
          `${how}, ${name}, ${
            OUTAGE_MS / 1000
          } s: ${during.length} requests, ${askedDuring} asked the stopped node, ` +
          `${waited} took ${TIMEOUT_MS} ms; p99 of the others ${p99(others).toFixed(1)} ms (before: ${
            p99(before).toFixed(1)
          } ms); ` +
          `events: ${events.join(", ")}`;
        diagnose(figures);
        if (IS_MEASURED) console.log(figures);

        assertLessOrEqual(askedDuring, mayAsk);
        const part = `${stopped.host}:${stopped.port}`;
        assertEquals(events, [`failing ${part}`, `healed ${part}`]);
        assert(others.length > 0 && others.every(({ source }) => source === "store"));
        for (const key of keys.filter((key) => !isOn(key))) {
          assertEquals(answers.filter((answer) => answer.key === key && answer.allowed).length, LIMIT, key);
        }
        for (const key of keys.filter(isOn)) {
          const passed = answers.filter((answer) => answer.key === key && answer.allowed).length;
          assert(passed >= LIMIT, `${key}: ${passed}`);
        }
      };

      it(`${how}, with ${name}: its keys alone are decided without it, and few requests wait for it`, {
        skip,
      }, (t) =>
        inTime(async () => {
          const { client, close } = await open(cluster);
          try {
            await test((figures) => t.diagnostic(figures), client);
          } finally {
            await close();
          }
        }));
    }
  }
});
