/** Handlers and options as people write them: that this file compiles is what it tests, beside what it runs. */
import { assertEquals } from "@std/assert";
import { describe, it } from "node:test";
import { createThrottle, type Handler, withThrottle } from "../../mod.ts";

/** As much of Bun's server as an upgrade takes. */
interface UpgradingServer {
  upgrade(request: Request): boolean;
  requestIP(request: Request): { address: string } | null;
}

/** The handlers that Bun.serve and Deno.serve take. */
type BunFetch = (
  request: Request,
  server: UpgradingServer,
) => Response | undefined | Promise<Response | undefined>;
type DenoFetch = (
  request: Request,
  info: { remoteAddr: { hostname: string } },
) => Response | Promise<Response>;

const server = (upgrades: boolean): UpgradingServer => ({
  upgrade: () => upgrades,
  requestIP: () => ({ address: "192.0.2.1" }),
});

describe("a handler that answers with nothing, as it upgraded the connection", () => {
  const given = {
    "at once": withThrottle(
      (request, server: UpgradingServer) => server.upgrade(request) ? undefined : new Response("no"),
      "2/min",
    ),
    "later": withThrottle(
      async (request, server: UpgradingServer) =>
        await server.upgrade(request) ? undefined : new Response("no"),
      "2/min",
    ),
    "without a word": createThrottle("2/min").wrap((request, server: UpgradingServer) => {
      if (server.upgrade(request)) return;
      return new Response("no");
    }),
  } satisfies Record<string, BunFetch>;
  for (const [how, handler] of Object.entries(given)) {
    it(`is a handler of Bun's, and counted: ${how}`, async () => {
      const request = () => new Request("https://example.com/");
      assertEquals(await handler(request(), server(true)), undefined);
      assertEquals((await handler(request(), server(false)))?.status, 200);
      assertEquals((await handler(request(), server(true)))?.status, 429);
    });
  }
});

describe("a throttled handler", () => {
  class Own extends Response {}

  it("answers with a Response where the handler does, whatever its class and however late", async () => {
    const handlers: DenoFetch[] = [
      withThrottle(() => new Own("own"), "1/min"),
      withThrottle(async () => await new Own("own"), "1/min"),
      withThrottle(
        () => Math.random() < 2 ? new Response("at once") : Promise.resolve(new Response("later")),
        "1/min",
      ),
      withThrottle<[{ remoteAddr: { hostname: string } }]>(
        (_request, _info) => new Response("told"),
        "1/min",
      ),
    ];
    const info = { remoteAddr: { hostname: "192.0.2.1" } };
    for (const handler of handlers) {
      assertEquals((await handler(new Request("https://example.com/"), info)).status, 200);
    }
    const typed: Handler<[]> = withThrottle(() => new Response("typed"), "1/min");
    assertEquals(typeof typed, "function");
  });

  it("takes a framework's own kind of Request, and no other afterwards", async () => {
    class FrameworkRequest extends Request {
      readonly params = { id: "7" };
    }
    const byParams = (request: FrameworkRequest) => new Response(request.params.id);
    const request = new FrameworkRequest("https://example.com/");
    const client = { address: () => "192.0.2.1" };
    for (
      const handler of [
        withThrottle(byParams, "1/min", { client }),
        createThrottle("1/min", { client }).wrap(byParams),
      ]
    ) {
      assertEquals(await (await handler(request)).text(), "7");
      const _plain = () => {
        // @ts-expect-error The handler reads `params`.
        handler(new Request("https://example.com/"));
      };
    }
    // A server that has such requests gives the handler's parameter its type.
    const _route: (request: FrameworkRequest) => Response | Promise<Response> = withThrottle(
      (request) => new Response(request.params.id),
      "1/min",
    );
    // @ts-expect-error An object is no Request.
    withThrottle((request: { id: string }) => new Response(request.id), "1/min");
  });

  it("is refused by the compiler where it answers with something else", () => {
    // @ts-expect-error Text is no answer.
    withThrottle(() => "text", "1/min");
    // @ts-expect-error Deno.serve wants a Response in any case.
    const _fetch: DenoFetch = withThrottle(() => undefined as Response | undefined, "1/min");
  });
});

describe("client.address", () => {
  interface RequestEvent {
    getClientAddress(): string;
  }

  it("may say what its server passes beside the request", async () => {
    const throttle = createThrottle("1/min", {
      client: { address: (_request, event: RequestEvent) => event.getClientAddress() },
    });
    const event = { getClientAddress: () => "192.0.2.1" };
    const request = new Request("https://example.com/");
    const { decisions } = await throttle.check(request, event);
    assertEquals(decisions.map(({ remaining }) => remaining), [0]);
    assertEquals((await throttle.usage(throttle.rules[0].name, "192.0.2.1")).allowed, false);
  });

  it("may take no notice of it, and is refused by the compiler for anything but text or null", () => {
    createThrottle("1/min", { client: { address: (request) => request.headers.get("x-own") } });
    // @ts-expect-error A number is no address.
    createThrottle("1/min", { client: { address: () => 1 } });
  });
});
