import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import process from "node:process";
import type { Duplex } from "node:stream";
import { createThrottle, type Throttle, throttleOf } from "../../mod.ts";
import { runnerOf } from "../../src/stores/redis/redis_clients.ts";
import { CLIENTS } from "./clients.ts";
import { clockedStore } from "./clocked_scripts.ts";
import { runtime } from "./runtime.ts";
import { type Handler, serve } from "./serve.ts";
import { socketRule } from "./socket_rule.ts";

/** A server of WebSockets that holds a slot for each that is open. */
export interface Room {
  readonly port: number;
  close(): Promise<unknown>;
}

/** A way to serve WebSockets on this runtime. */
export interface RoomKind {
  readonly name: string;
  open(throttle: Throttle): Promise<Room>;
}

const HOST = "127.0.0.1";
const portOf = (url: string): number => Number(new URL(url).port);

/** As much of the runtimes' globals as is used. */
interface Globals {
  readonly Deno: {
    upgradeWebSocket(request: Request): { readonly socket: WebSocket; readonly response: Response };
  };
  readonly Bun: {
    serve(options: object): { readonly port: number; stop(now: boolean): Promise<void> };
  };
}
const globals = globalThis as unknown as Globals;

async function onDeno(throttle: Throttle): Promise<Room> {
  const served = await serve(throttle.wrap((request: Request, _info: unknown) => {
    const { socket, response } = globals.Deno.upgradeWebSocket(request);
    socket.onclose = throttleOf(request)!.hold();
    return response;
  }) as Handler);
  return { port: portOf(served.url), close: served.close };
}

interface BunServer {
  upgrade(request: Request, options: { data: { free(): void } }): boolean;
}

function onBun(throttle: Throttle): Promise<Room> {
  const server = globals.Bun.serve({
    ...{ hostname: HOST, port: 0 },
    fetch: throttle.wrap((request: Request, server: BunServer) => {
      const free = throttleOf(request)!.hold();
      if (server.upgrade(request, { data: { free } })) return undefined;
      free();
      return new Response(null, { status: 426 });
    }),
    websocket: { message() {}, close: ({ data }: { data: { free(): void } }) => data.free() },
  });
  return Promise.resolve({ port: server.port, close: () => server.stop(true) });
}

/** Sends a Response on a socket that was to be upgraded. */
async function refuse(socket: Duplex, response: Response): Promise<void> {
  const { status, headers } = response;
  const text = await response.text();
  const fields = [...headers].map(([name, value]) => `${name}: ${value}\r\n`).join("");
  socket.end(`HTTP/1.1 ${status} Refused\r\n${fields}connection: close\r\n\r\n${text}`);
}

async function onNode(
  upgrade: (incoming: IncomingMessage, socket: Duplex, head: Uint8Array) => unknown,
): Promise<Room> {
  const server = createServer();
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket));
  server.on("upgrade", upgrade);
  await new Promise<void>((listening) => server.listen(0, HOST, listening));
  const { port } = server.address() as { port: number };
  return {
    port,
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((closed) => server.close(closed));
    },
  };
}

async function onWs(throttle: Throttle): Promise<Room> {
  const { WebSocketServer } = await import("ws");
  const room = new WebSocketServer({ noServer: true });
  const enter = throttle.wrap(
    (request: Request, incoming: IncomingMessage, socket: Duplex, head: Uint8Array) => {
      socket.once("close", throttleOf(request)!.hold());
      room.handleUpgrade(incoming, socket, head as never, () => {});
      return undefined;
    },
  );
  return await onNode(async (incoming, socket, head) => {
    const request = new Request(`http://localhost${incoming.url}`, {
      headers: incoming.headers as HeadersInit,
    });
    const refusal = await enter(request, incoming, socket, head);
    if (refusal !== undefined) await refuse(socket, refusal);
  });
}

interface Held {
  free?: () => void;
}

function hooksOf(throttle: Throttle) {
  const enter = throttle.wrap((request: Request, context: Held) => {
    context.free = throttleOf(request)!.hold();
    return undefined;
  });
  return {
    async upgrade(request: Request) {
      const context: Held = {};
      return await enter(request, context) ?? { context };
    },
    close: (peer: { readonly context: Held }) => peer.context.free?.(),
  };
}

async function onCrossws(throttle: Throttle): Promise<Room> {
  const hooks = hooksOf(throttle) as never;
  if (runtime === "node") {
    const { default: adapter } = await import("crossws/adapters/node");
    const ws = adapter({ hooks });
    return await onNode((incoming, socket, head) =>
      ws.handleUpgrade(incoming, socket as never, head as never)
    );
  }
  if (runtime === "deno") {
    const { default: adapter } = await import("crossws/adapters/deno");
    const ws = adapter({ hooks });
    const served = await serve((request, info) => ws.handleUpgrade(request, info));
    return { port: portOf(served.url), close: served.close };
  }
  const { default: adapter } = await import("crossws/adapters/bun");
  const ws = adapter({ hooks });
  const server = globals.Bun.serve({
    ...{ hostname: HOST, port: 0, websocket: ws.websocket },
    fetch: (request: Request, server: never) => ws.handleUpgrade(request, server),
  });
  return { port: server.port, close: () => server.stop(true) };
}

/** The ways of this runtime. */
export const ROOMS: readonly RoomKind[] = {
  deno: [{ name: "Deno.serve", open: onDeno }],
  bun: [{ name: "Bun.serve", open: onBun }],
  node: [{ name: "ws", open: onWs }],
}[runtime].concat([{ name: "crossws", open: onCrossws }]);

/** The answer to a handshake, and the connection. */
export interface Handshake {
  readonly status: number;
  /** Breaks the connection, or closes it as the protocol wants. */
  end(abruptly: boolean): void;
}

/** A masked close frame without a reason. */
const CLOSE = new Uint8Array([0x88, 0x80, 1, 2, 3, 4]);

/** Asks for a WebSocket, as a browser does. */
export function handshake(port: number): Promise<Handshake> {
  return new Promise((answered, failed) => {
    const socket = connect({ host: HOST, port });
    let text = "";
    socket.setEncoding("latin1").on("data", (chunk: string) => {
      text += chunk;
      const [, status] = /^HTTP\/1\.1 (\d{3}).*?\r\n\r\n/s.exec(text) ?? [];
      if (status === undefined) return;
      if (status !== "101") socket.destroy();
      answered({
        status: Number(status),
        end: (abruptly) => abruptly ? void socket.destroy() : void socket.end(CLOSE),
      });
    });
    socket.on("error", failed);
    socket.write(
      `GET / HTTP/1.1\r\nhost: ${HOST}:${port}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n` +
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n",
    );
  });
}

/** The argument of a room that is a process of its own. */
export interface RoomProcess {
  readonly host: string;
  readonly port: number;
  readonly limit: number;
  readonly lease: string;
}

/** The client of every room that is a process of its own. */
export const EVERYBODY = "192.0.2.1";

/** Opens a room whose slots are in Redis, by the clock of a test, and prints its port. */
async function main({ host, port, limit, lease }: RoomProcess): Promise<void> {
  const { client } = await CLIENTS[0].open({ host, port, url: `redis://${host}:${port}` });
  const throttle = createThrottle(socketRule(limit, lease), {
    client: { address: () => EVERYBODY },
    store: clockedStore(runnerOf(client), { timeoutMs: 10_000 }),
  });
  console.log(String((await ROOMS[0].open(throttle)).port));
}

/** Holds a slot for an hour, and has nothing else to do. */
async function holdForAnHour(): Promise<void> {
  const throttle = createThrottle(socketRule(1, "1h"), { client: { address: () => EVERYBODY } });
  await throttle.wrap((request) => {
    throttleOf(request)!.hold();
    return new Response(null);
  })(new Request("http://localhost/"));
  const { remaining } = await throttle.usage("sockets", EVERYBODY);
  console.log(remaining === 0 ? "held" : "free");
}

if (process.argv[2] === "hold") await holdForAnHour();
if (process.argv[2] === "room") await main(JSON.parse(process.argv[3]));
