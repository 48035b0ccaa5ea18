import { after, before } from "node:test";
import { type Redis, startRedis, withoutRedis } from "./redis.ts";
import { type Connection, connectTo, type Reply } from "./resp.ts";

/** The Redis of a suite, from its first test to its last. */
export interface SuiteRedis {
  readonly server: Redis;
  /** Sends a command over a connection, which the client sends over too. */
  readonly command: Connection["command"];
  /** A client for stores. */
  readonly client: { send(command: string, words: string[]): Promise<Reply> };
}

/** To be called where the suite is described, before its own `before`. */
export function suiteRedis(): SuiteRedis {
  let server: Redis;
  let connection: Connection;
  before(async () => {
    if (withoutRedis) return;
    server = await startRedis();
    connection = connectTo(server);
  });
  after(async () => {
    connection?.close();
    await server?.stop();
  });
  return {
    get server() {
      return server;
    },
    command: (...words) => connection.command(...words),
    client: { send: (command, words) => connection.command(command, ...words) },
  };
}
