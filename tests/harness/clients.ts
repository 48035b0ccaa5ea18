import { Redis as Ioredis } from "ioredis";
import { Redis as Valkey } from "iovalkey";
import { createClient, createCluster } from "redis";
import type { RedisClient } from "../../src/stores/redis/mod.ts";
import type { RedisCluster } from "./cluster.ts";
import type { Redis } from "./redis.ts";
import { runtime } from "./runtime.ts";
import { until } from "./until.ts";

/** A client and its shutdown. */
export interface OpenClient {
  readonly client: RedisClient;
  close(): unknown;
}

/** A kind of client with the documented settings for redisStore: it never resends a command. */
export interface ClientKind<Server> {
  readonly name: string;
  /** The reason to skip it on this runtime. */
  readonly skip: string | false;
  open(server: Server): Promise<OpenClient>;
}

const NOT_TWICE = { autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0 };

/** The part of Bun's globals that is used here. */
interface BunGlobal {
  readonly Bun: {
    readonly RedisClient: new (url: string) => {
      connect(): Promise<void>;
      send(command: string, words: string[]): Promise<unknown>;
      close(): void;
    };
  };
}

/** The failing command reports an error; without this listener, the error would also end the process. */
const ignored = (): void => {};

/** The client of ioredis, or of iovalkey, which was made from it. */
function ofOne(name: string, Client: typeof Ioredis): ClientKind<Pick<Redis, "host" | "port">> {
  return {
    name,
    skip: false,
    async open({ host, port }) {
      const client = new Client({ host, port, lazyConnect: true, ...NOT_TWICE }).on("error", ignored);
      await client.connect();
      return { client, close: () => client.disconnect() };
    },
  };
}

/** The clients of a single Redis. */
export const CLIENTS: readonly ClientKind<Pick<Redis, "host" | "port" | "url">>[] = [
  ofOne("ioredis", Ioredis),
  ofOne("iovalkey", Valkey as unknown as typeof Ioredis),
  {
    name: "node-redis",
    skip: false,
    async open({ url }) {
      const client = createClient({ url, disableOfflineQueue: true }).on("error", ignored);
      await client.connect();
      return { client, close: () => client.destroy() };
    },
  },
  ...(runtime === "bun" ? [ofBun()] : []),
];

/** Bun's own client. */
function ofBun(): ClientKind<Redis> {
  return {
    name: "Bun's RedisClient",
    skip: false,
    async open({ url }) {
      const client = new (globalThis as unknown as BunGlobal).Bun.RedisClient(url);
      await client.connect();
      return { client, close: () => client.close() };
    },
  };
}

/** Connects to each node: the client does so at a node's first command, and `retryDelayOnFailover: 0` gives it one try. */
async function reach(nodes: readonly { ping(): Promise<unknown> }[]): Promise<void> {
  await Promise.all(nodes.map((node) => until(() => node.ping().then(() => true, () => false))));
}

/** The cluster client of ioredis, or of iovalkey. */
function clusterOfOne(name: string, Cluster: typeof Ioredis.Cluster): ClientKind<RedisCluster> {
  return {
    name,
    skip: false,
    async open({ nodes }) {
      const client = new Cluster(nodes.map(({ host, port }) => ({ host, port })), {
        lazyConnect: true,
        redisOptions: NOT_TWICE,
        retryDelayOnFailover: 0,
      }).on("error", ignored);
      await client.connect();
      await reach(client.nodes("master"));
      return { client, close: () => client.disconnect() };
    },
  };
}

/** The clients of a Redis Cluster. */
export const CLUSTER_CLIENTS: readonly ClientKind<RedisCluster>[] = [
  clusterOfOne("ioredis Cluster", Ioredis.Cluster),
  clusterOfOne("iovalkey Cluster", Valkey.Cluster as unknown as typeof Ioredis.Cluster),
  {
    name: "node-redis cluster",
    skip: false,
    async open({ nodes }) {
      const client = createCluster({ rootNodes: nodes.map(({ url }) => ({ url })) }).on("error", ignored);
      await client.connect();
      return { client, close: () => client.destroy() };
    },
  },
];
