import { Buffer } from "node:buffer";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pauseAwake } from "./awake.ts";
import { KEPT_MS } from "./kept.ts";
import { type Address, type Connection, connectTo, type Reply } from "./resp.ts";

/**
 * The faults of a bridge. A status, `null` and garbage are sent without a call of Redis; a `late` answer
 * follows the command by so many ms in which this process was awake; `lost` runs the command and then resets the connection.
 */
export type BridgeFault =
  | { readonly kind: "status"; readonly status: number; readonly body?: string; readonly location?: string }
  | { readonly kind: "body"; readonly body: string }
  | { readonly kind: "hang" }
  | { readonly kind: "reset" }
  | { readonly kind: "lost" }
  | { readonly kind: "late"; readonly ms: number };

/** Upstash's REST protocol in front of a Redis, as in its documentation and its client. */
export interface Bridge {
  /** Its URL. */
  readonly url: string;
  /** The token that it accepts. */
  readonly token: string;
  /** The fault from now on; null: none. */
  fault: BridgeFault | null;
  /** HTTP requests so far, faulty ones too. */
  requests: number;
  /** Connections to it so far. */
  connections: number;
  /** Commands sent to Redis so far, by upper-case name. */
  readonly commands: Map<string, number>;
  /** Resets the counts. */
  resetCounts(): void;
  /** Closes it and its connections. */
  close(): Promise<void>;
}

type Word = string | number | boolean;
type Answer = { readonly result: unknown } | { readonly error: string };

/** Text in base64 if the client asked for it. "OK" stays unchanged, as at Upstash. */
function encoded(reply: Reply, base64: boolean): unknown {
  if (Array.isArray(reply)) return reply.map((part) => encoded(part as Reply, base64));
  if (typeof reply !== "string" || !base64 || reply === "OK") return reply;
  return Buffer.from(reply).toString("base64");
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk;
  return text;
}

/** Starts a bridge on a free port of 127.0.0.1. */
export async function startBridge(redis: Address, token = "a-token"): Promise<Bridge> {
  let connection: Connection | null = null;
  const commands = new Map<string, number>();

  function send(words: readonly Word[]): Promise<Reply> {
    const name = String(words[0]).toUpperCase();
    commands.set(name, (commands.get(name) ?? 0) + 1);
    connection ??= connectTo(redis);
    return connection.command(...words.map(String)).catch((error) => {
      // An error reply leaves the connection open; any other error has closed it.
      if (/connection/i.test(error.message) || "code" in error) connection = null;
      throw error;
    });
  }

  async function answerTo(words: readonly Word[], base64: boolean): Promise<Answer> {
    try {
      return { result: encoded(await send(words), base64) };
    } catch (error) {
      return { error: (error as Error).message };
    }
  }

  /** MULTI, the commands, EXEC: in one write, so that no other request's command is in between. */
  async function transaction(
    list: readonly (readonly Word[])[],
    base64: boolean,
  ): Promise<Answer | Answer[]> {
    const replies = [["MULTI"], ...list, ["EXEC"]].map(send);
    const outcomes = await Promise.allSettled(replies);
    const last = outcomes[outcomes.length - 1];
    if (last.status === "rejected") return { error: (last.reason as Error).message };
    return (last.value as readonly Reply[]).map((reply) =>
      reply instanceof Error ? { error: reply.message } : { result: encoded(reply, base64) }
    );
  }

  /** The status and the answer to a valid request. */
  async function respond(request: IncomingMessage, body: string): Promise<[number, unknown]> {
    if (request.headers.authorization !== `Bearer ${token}`) {
      return [401, { error: "WRONGPASS invalid or missing auth token" }];
    }
    const base64 = request.headers["upstash-encoding"] === "base64";
    const { pathname } = new URL(request.url ?? "/", "http://bridge");
    const path = pathname.split("/").slice(1).map(decodeURIComponent);
    if (path[0] === "pipeline") {
      const list = JSON.parse(body) as Word[][];
      return [200, await Promise.all(list.map((words) => answerTo(words, base64)))];
    }
    const answer = path[0] === "multi-exec"
      ? await transaction(JSON.parse(body) as Word[][], base64)
      : await answerTo(path[0] === "" ? JSON.parse(body) : body === "" ? path : [...path, body], base64);
    return ["error" in answer ? 400 : 200, answer];
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    bridge.requests++;
    const fault = bridge.fault;
    const body = await bodyOf(request);
    const write = (status: number, text: string, fields: Readonly<Record<string, string>> = {}): void => {
      response.writeHead(status, { "content-type": "application/json", ...fields }).end(text);
    };
    switch (fault?.kind) {
      case "hang":
        return;
      case "reset":
        return void request.socket.destroy();
      case "status":
        return write(
          fault.status,
          fault.body ?? JSON.stringify({ error: `ERR status ${fault.status}` }),
          fault.location === undefined ? {} : { location: fault.location },
        );
      case "body":
        return write(200, fault.body);
    }
    const [status, answer] = await respond(request, body);
    if (fault?.kind === "lost") return void request.socket.destroy();
    if (fault?.kind === "late") await pauseAwake(fault.ms);
    write(status, JSON.stringify(answer));
  }

  const server = createServer({ keepAliveTimeout: KEPT_MS }, (request, response) => {
    handle(request, response).catch((error) => {
      if (response.destroyed) return;
      response.writeHead(400, { "content-type": "application/json" }).end(
        JSON.stringify({ error: `ERR ${error.message}` }),
      );
    });
  });
  server.on("connection", () => bridge.connections++);
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;

  const bridge: Bridge = {
    url: `http://127.0.0.1:${port}`,
    token,
    fault: null,
    requests: 0,
    connections: 0,
    commands,
    resetCounts() {
      bridge.requests = bridge.connections = 0;
      commands.clear();
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      connection?.close();
    },
  };
  return bridge;
}
