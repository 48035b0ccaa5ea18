/** Real servers over real sockets: what each of them says of its peer. */
import { createAdaptorServer } from "@hono/node-server";
import { assertEquals } from "@std/assert";
import { Hono } from "hono";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, get, type IncomingMessage, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { serve as serveSrvx } from "srvx";
import { clientAddress, type ClientOptions } from "../../src/client/client.ts";
import { hasLeft } from "../../src/client/peer.ts";
import { type Handler, serve } from "../harness/serve.ts";
import { runtime } from "../harness/runtime.ts";

const folder = mkdtempSync(join(tmpdir(), "weir-peer-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Where to listen or to connect: a path, or a port of 127.0.0.1. */
type Place = { socketPath: string } | { host: string; port: number };

let places = 0;
const unixPlace = () => ({ socketPath: join(folder, `${++places}.sock`) });

interface Listening {
  place: Place;
  close(): unknown;
}

/** The answer to one request. */
function ask(place: Place, headers: Record<string, string> = {}): Promise<string> {
  return new Promise((answered, failed) => {
    get({ ...place, path: "/", agent: false, headers }, (response) => {
      let text = "";
      response.on("data", (chunk) => text += chunk).on("end", () => answered(text));
    }).on("error", failed);
  });
}

async function listen(server: Server, path?: string, host: string = "127.0.0.1"): Promise<Listening> {
  await new Promise<void>((listening) =>
    path ? server.listen(path, listening) : server.listen(0, host, listening)
  );
  const place = path
    ? { socketPath: path }
    : { host: "127.0.0.1", port: (server.address() as { port: number }).port };
  return { place, close: () => server.close() };
}

const answering = (options?: ClientOptions): Handler => (request, ...platform) =>
  new Response(String(clientAddress(request, platform, options)));

/** `node:http` by hand, as people bridge it: the message is passed beside the request. */
const bridge = (handler: Handler) =>
  createServer(async (message: IncomingMessage, response) => {
    const request = new Request("http://localhost/", { headers: message.headers as Record<string, string> });
    response.end(await (await handler(request, message)).text());
  });

// It would put its own Response in the place of the global one, which Deno's and Bun's servers refuse.
const nodeServer = (handler: Handler) =>
  createAdaptorServer({ fetch: handler, createServer, overrideGlobalObjects: false }) as Server;

/** Hono's context is what a middleware of ours passes on. */
function honoOf(handler: Handler): Handler {
  const app = new Hono();
  app.get("/", (context) => handler(context.req.raw, context));
  return (request, ...rest) => app.fetch(request, ...rest as []);
}

async function native(handler: Handler): Promise<Listening> {
  const served = await serve(handler);
  return {
    place: { host: "127.0.0.1", port: Number(new URL(served.url).port) },
    close: () => served.close(),
  };
}

async function srvx(handler: Handler, trustProxy = false): Promise<Listening> {
  const server = serveSrvx({
    port: 0,
    hostname: "127.0.0.1",
    silent: true,
    gracefulShutdown: false,
    trustProxy,
    fetch: handler,
  });
  await server.ready();
  return {
    place: { host: "127.0.0.1", port: Number(new URL(server.url!).port) },
    close: () => server.close(true),
  };
}

/** The runtime's own server on a Unix socket; @hono/node-server on Node. */
function nativeUnix(handler: Handler): Promise<Listening> {
  const place = unixPlace();
  // deno-lint-ignore no-explicit-any -- no runtime's types are known to all three
  const { Deno, Bun } = globalThis as any;
  if (runtime === "node") return listen(nodeServer(handler), place.socketPath);
  const server = runtime === "deno"
    ? Deno.serve({ path: place.socketPath, onListen() {} }, handler)
    : Bun.serve({ unix: place.socketPath, fetch: handler });
  return Promise.resolve({ place, close: () => runtime === "deno" ? server.shutdown() : server.stop(true) });
}

const forged = {
  "x-forwarded-for": "203.0.113.9",
  "forwarded": "for=203.0.113.9",
  "x-real-ip": "203.0.113.9",
};

describe("the peer over TCP", () => {
  const servers: Record<string, (handler: Handler) => Promise<Listening>> = {
    "the runtime's own server": native,
    "the runtime's own server, in Hono": (handler) => native(honoOf(handler)),
    "@hono/node-server": (handler) => listen(nodeServer(handler)),
    "@hono/node-server, in Hono": (handler) => listen(nodeServer(honoOf(handler))),
    "a node:http bridge": (handler) => listen(bridge(handler)),
    "a node:http bridge on a dual-stack socket": (handler) => listen(bridge(handler), undefined, "::"),
    "srvx": srvx,
    "srvx, in Hono": (handler) => srvx(honoOf(handler)),
  };
  for (const [title, start] of Object.entries(servers)) {
    it(`${title} says it`, async () => {
      const server = await start(answering());
      assertEquals(await ask(server.place, forged), "127.0.0.1");
      await server.close();
    });

    it(`${title} is believed when it is a trusted proxy's`, async () => {
      const server = await start(answering({ trustedProxies: ["127.0.0.0/8"] }));
      assertEquals(await ask(server.place, forged), "203.0.113.9");
      await server.close();
    });
  }

  it("is what srvx made of it where srvx itself is set to trust proxies", async () => {
    const server = await srvx(answering(), true);
    assertEquals(await ask(server.place, forged), "203.0.113.9");
    await server.close();
  });

  it("is not taken from an `ip` that a framework's own kind of request has", () => {
    class FrameworkRequest extends Request {
      get ip(): string | null {
        return this.headers.get("x-forwarded-for");
      }
    }
    assertEquals(clientAddress(new FrameworkRequest("http://localhost/", { headers: forged }), []), null);
  });
});

describe("the peer on a Unix socket", () => {
  const servers: Record<string, (handler: Handler) => Promise<Listening>> = {
    "the runtime's own server": nativeUnix,
    "the runtime's own server, in Hono": (handler) => nativeUnix(honoOf(handler)),
    "@hono/node-server": (handler) => listen(nodeServer(handler), unixPlace().socketPath),
    "a node:http bridge": (handler) => listen(bridge(handler), unixPlace().socketPath),
  };
  for (const [title, start] of Object.entries(servers)) {
    it(`${title}: has no address, and is trusted only by name`, async () => {
      for (const [trustedProxies, answer] of [[["127.0.0.1"], "null"], [["unix"], "203.0.113.9"]] as const) {
        const server = await start(answering({ trustedProxies }));
        assertEquals(await ask(server.place, forged), answer);
        await server.close();
      }
    });
  }
});

describe("a client that has gone", () => {
  it("has no address any more, and is no trusted Unix peer", async () => {
    const found = await new Promise<unknown>((resolve) => {
      const server = bridge((request, message: IncomingMessage) => {
        message.socket.once("close", () => {
          server.close();
          resolve(
            [{}, { trustedProxies: ["unix"] }].map((options) => clientAddress(request, [message], options)),
          );
        });
        message.socket.destroy();
        return new Response();
      });
      listen(server).then(({ place }) => ask(place, forged)).catch(() => "it is reset");
    });
    assertEquals(found, [null, null]);
  });

  it("has left where Deno names nobody for it, with srvx and without, and where node has an end of it here alone", () => {
    const request = new Request("https://api.example/");
    const under = (runtime: unknown) => Object.assign(new Request("https://api.example/"), { runtime });
    const nobody = { remoteAddr: { transport: "tcp", hostname: "0.0.0.0", port: 0 } };
    const supabase = { remoteAddr: { ...nobody.remoteAddr, port: 9999 } };
    const somebody = { remoteAddr: { ...nobody.remoteAddr, hostname: "192.0.2.1" } };
    const known = [nobody, supabase, somebody];
    const reset = { socket: { destroyed: false, localAddress: "192.0.2.2" } };
    const madeUp = { socket: { destroyed: false, localAddress: "" } };
    const open = { socket: { ...reset.socket, remoteAddress: "192.0.2.1" } };
    assertEquals(known.map((info) => hasLeft(request, [info])), [true, false, false]);
    assertEquals(known.map((info) => hasLeft(under({ deno: { info } }), [])), [true, false, false]);
    assertEquals([reset, madeUp, open].map((incoming) => hasLeft(request, [{ incoming }])), [
      true,
      false,
      false,
    ]);
    assertEquals([reset, madeUp].map((req) => hasLeft(under({ node: { req } }), [{}])), [true, false]);
  });

  it("is not looked for in the signal on Deno, which prints a notice to whoever reads that", () => {
    const request = new Request("https://api.example/", { signal: AbortSignal.abort() });
    assertEquals([hasLeft(request, []), hasLeft(request, [{ remoteAddr: {} }])], [true, false]);
  });
});
