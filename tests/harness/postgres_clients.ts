import { PGlite } from "@electric-sql/pglite";
import { neon, neonConfig } from "@neondatabase/serverless";
import { Client, Pool } from "pg";
import connect from "postgres";
import type { PostgresClient } from "../../src/stores/postgres/mod.ts";
import { startNeonBridge } from "./neon_bridge.ts";
import type { Postgres } from "./postgres.ts";
import { runtime } from "./runtime.ts";

/** A client and its shutdown. */
export interface OpenPostgresClient {
  readonly client: PostgresClient;
  close(): unknown;
}

/** A kind of client. */
export interface PostgresClientKind {
  readonly name: string;
  open(server: Pick<Postgres, "url">): Promise<OpenPostgresClient>;
}

/** A connection that breaks reports an error; without this listener, the error would also end the process. */
const ignored = (): void => {};

/** How long a client may take to connect, in ms, on a machine that may be busy. */
const CONNECT_MS = 10_000;

/** The clients that speak to a server. */
export const POSTGRES_CLIENTS: readonly PostgresClientKind[] = [
  {
    name: "a Pool of pg",
    open({ url }) {
      const client = new Pool({ connectionString: url, max: 3, connectionTimeoutMillis: CONNECT_MS }).on(
        "error",
        ignored,
      );
      return Promise.resolve({ client, close: () => client.end() });
    },
  },
  {
    name: "a Client of pg",
    async open({ url }) {
      const client = new Client({ connectionString: url }).on("error", ignored);
      await client.connect();
      return { client, close: () => client.end() };
    },
  },
  {
    name: "postgres",
    open({ url }) {
      const client = connect(url, {
        ...{ max: 3, connect_timeout: CONNECT_MS / 1000, onnotice: ignored, backoff: () => 0.1 },
        // Where a connection breaks while it asks for types, the client of version 3.4.9 lets that end the process.
        fetch_types: false,
      });
      return Promise.resolve({ client, close: () => client.end() });
    },
  },
  {
    name: "Neon's neon(), over HTTP",
    async open({ url }) {
      const bridge = await startNeonBridge(url);
      // A server of Neon's has a name by which the driver finds it.
      const client = neon("postgres://user:secret@db.example/postgres");
      neonConfig.fetchEndpoint = () => bridge.endpoint;
      return { client, close: bridge.close };
    },
  },
  ...(runtime === "bun" ? [ofBun()] : []),
];

/** The part of Bun's globals that is used here. */
interface BunGlobal {
  readonly Bun: {
    readonly SQL: new (options: { url: string; max: number; prepare: boolean }) => {
      unsafe(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
      close(): Promise<void>;
    };
  };
}

/** Bun's own client. */
function ofBun(): PostgresClientKind {
  return {
    name: "Bun's SQL",
    open({ url }) {
      const client = new (globalThis as unknown as BunGlobal).Bun.SQL({ url, max: 3, prepare: false });
      return Promise.resolve({ client, close: () => client.close() });
    },
  };
}

/** Postgres in WebAssembly, in memory. */
export async function openPglite(): Promise<OpenPostgresClient> {
  const client = await PGlite.create();
  return { client, close: () => client.close() };
}
