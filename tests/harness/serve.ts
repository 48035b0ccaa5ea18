import { KEPT_MS } from "./kept.ts";
import { runtime } from "./runtime.ts";

/** A handler that receives a request and the server's arguments. */
// deno-lint-ignore no-explicit-any -- each server passes something else
export type Handler = (request: Request, ...platform: any[]) => Response | Promise<Response>;

/** A server that listens. */
export interface Served {
  /** Its URL, without a slash at the end: "http://127.0.0.1:40123". */
  readonly url: string;
  /** Stops it now, with all its connections. */
  close(): Promise<void>;
}

const HOSTNAME = "127.0.0.1";

/**
 * Serves a handler on a free port of 127.0.0.1 with the runtime's own HTTP server, which passes its usual
 * argument after the request: Deno.serve its info, Bun.serve its server, @hono/node-server { incoming,
 * outgoing }.
 */
export const serve: (handler: Handler) => Promise<Served> =
  { deno: onDeno, bun: onBun, node: onNode }[runtime];

/** The used part of the runtimes' globals: no runtime's types work on all three. */
interface Globals {
  Deno: {
    serve(
      options: { hostname: string; port: number; signal: AbortSignal; onListen(): void },
      handler: Handler,
    ): { addr: { port: number }; finished: Promise<void> };
  };
  Bun: {
    serve(options: { hostname: string; port: number; idleTimeout: number; fetch: Handler }): {
      port: number;
      stop(closeConnections: boolean): Promise<void>;
    };
  };
}
const globals = globalThis as unknown as Globals;

function onDeno(handler: Handler): Promise<Served> {
  const ending = new AbortController();
  const server = globals.Deno.serve(
    { hostname: HOSTNAME, port: 0, signal: ending.signal, onListen() {} },
    handler,
  );
  return Promise.resolve({
    url: `http://${HOSTNAME}:${server.addr.port}`,
    close() {
      ending.abort();
      return server.finished;
    },
  });
}

/** Bun ends a connection after so many seconds without a byte, 10 by default, as if a machine that stands still were a client. */
const MAX_IDLE_S = 255;

function onBun(handler: Handler): Promise<Served> {
  const server = globals.Bun.serve({
    ...{ hostname: HOSTNAME, port: 0, idleTimeout: MAX_IDLE_S },
    fetch: handler,
  });
  return Promise.resolve({ url: `http://${HOSTNAME}:${server.port}`, close: () => server.stop(true) });
}

/** The same with srvx, on Node. */
export async function onSrvx(handler: Handler): Promise<Served> {
  const { serve } = await import("srvx");
  const server = serve({
    port: 0,
    hostname: HOSTNAME,
    silent: true,
    gracefulShutdown: false,
    node: { keepAliveTimeout: KEPT_MS },
    fetch: handler,
  });
  await server.ready();
  return { url: server.url!.replace(/\/$/, ""), close: async () => void await server.close(true) };
}

async function onNode(handler: Handler): Promise<Served> {
  const { createAdaptorServer } = await import("@hono/node-server");
  const { createServer } = await import("node:http");
  const server = createAdaptorServer({
    ...{ fetch: handler, createServer },
    serverOptions: { keepAliveTimeout: KEPT_MS },
  }) as ReturnType<typeof createServer>;
  await new Promise<void>((listening, failed) => {
    server.once("error", failed).listen(0, HOSTNAME, listening);
  });
  const { port } = server.address() as { port: number };
  return {
    url: `http://${HOSTNAME}:${port}`,
    close: () =>
      new Promise((closed, failed) => {
        server.close((error) => error ? failed(error) : closed());
        server.closeAllConnections();
      }),
  };
}
