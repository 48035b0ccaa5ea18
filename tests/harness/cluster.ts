import { type Redis, startRedis } from "./redis.ts";
import { pause } from "./until.ts";

/** A Redis Cluster of three masters on loopback. */
export interface RedisCluster {
  /** Its masters, in the order of their slots. */
  readonly nodes: readonly Redis[];
  /** Stops all of them. */
  stop(): Promise<void>;
}

const SLOTS = 16_384;
const MASTERS = 3;

/** A node that another has not heard for this long fails, in ms, and one that is new is forgotten: longer than a machine pauses. */
const NODE_TIMEOUT_MS = 15_000;

/**
 * Starts three masters that share the slots evenly; resolves when each reports a healthy cluster. If one
 * fails, the others keep serving their slots.
 */
export async function startCluster(): Promise<RedisCluster> {
  const flags = ["--cluster-enabled", "yes", "--cluster-node-timeout", String(NODE_TIMEOUT_MS)];
  flags.push("--cluster-require-full-coverage", "no");
  const nodes = await Promise.all(Array.from({ length: MASTERS }, () => startRedis(flags)));
  const [first, ...others] = nodes;
  await Promise.all(nodes.map((node, i) => {
    const from = Math.ceil(i * SLOTS / MASTERS);
    const to = Math.ceil((i + 1) * SLOTS / MASTERS) - 1;
    return node.command("CLUSTER", "ADDSLOTSRANGE", from, to);
  }));
  // Nodes that start with the same epoch take seconds to agree.
  await Promise.all(nodes.map((node, i) => node.command("CLUSTER", "SET-CONFIG-EPOCH", i + 1)));
  for (const { host, port } of others) await first.command("CLUSTER", "MEET", host, port);
  await Promise.all(nodes.map(untilWell));
  return {
    nodes,
    async stop() {
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
}

async function untilWell(node: Redis): Promise<void> {
  for (let tries = 0; tries < 2400; tries++) {
    const info = String(await node.command("CLUSTER", "INFO"));
    if (info.includes("cluster_state:ok") && info.includes(`cluster_known_nodes:${MASTERS}`)) return;
    await pause(25);
  }
  throw new Error(
    `A node of the cluster is not well after a minute: ${await node.command("CLUSTER", "NODES")}`,
  );
}
