/** Objects that are handed to a throttle in the place of a Request. */
import { assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import express from "express";
import { Hono } from "hono";
import { createServer, type IncomingMessage, request as ask, type RequestListener } from "node:http";
import { describe, it } from "node:test";
import { toNodeHandler } from "srvx/node";
import { createThrottle, throttleOf, withThrottle } from "../../mod.ts";
import { throttle as honoThrottle } from "../../src/hono/mod.ts";

const client = { address: () => "192.0.2.1" };
const rule = { name: "all", rate: "1/min", on: "/*" };

/** A request as given, of no class. */
const shaped = (): Request => ({ url: "http://a/", method: "GET", headers: new Headers() }) as Request;

/** The answer to a client that asks a server of node:http. */
async function answerOf(listener: RequestListener, path = "/"): Promise<{ status: number; text: string }> {
  const server = createServer(listener);
  await new Promise<void>((listening) => void server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as { port: number };
  try {
    return await new Promise((answered, failed) => {
      const asked = ask({ host: "127.0.0.1", port, path, agent: false }, (response) => {
        let text = "";
        response.on("data", (chunk) => text += chunk);
        response.on("end", () => answered({ status: response.statusCode!, text }));
      });
      // A hang is what must not be: nothing here waits for anything.
      asked.setTimeout(10_000, () => asked.destroy(new Error("no answer"))).on("error", failed).end();
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** An Express app that shows its errors' messages. */
function expressWith(...middleware: unknown[]): RequestListener {
  const app = express();
  for (const one of middleware) app.use(one as express.RequestHandler);
  app.use((_request: unknown, response: express.Response) => void response.send("inside"));
  app.use((error: Error, _request: unknown, response: express.Response, _next: unknown) =>
    void response.status(500).send(error.message)
  );
  return app;
}

const STRANGERS: readonly (readonly [what: string, value: unknown, seen: string])[] = [
  ["nothing", undefined, "undefined"],
  ["null", null, "null"],
  ["text", "http://a/", '"http://a/"'],
  ["a URL", new URL("http://a/"), "of the class URL"],
  ["a function", () => {}, "a function"],
  ["a Response", new Response("late"), "of the class Response"],
  [
    "an event of SvelteKit",
    { request: shaped(), locals: {} },
    "an object with request, locals. It has one as `request`",
  ],
  [
    "an event of h3",
    { req: shaped(), url: new URL("http://a/") },
    "an object with req, url. It has one as `req`",
  ],
  ["a Request without headers", { url: "http://a/" }, "an object with url"],
  [
    "node's message, as it is",
    { url: "/", method: "GET", headers: { cookie: "secret" } },
    "an object with url, method, headers",
  ],
  [
    "an object with url of no text",
    { url: new URL("http://a/"), headers: new Headers() },
    "an object with url, headers",
  ],
  ["an object without a prototype", Object.create(null), "an object with nothing in it"],
];

describe("an object that is no Request", () => {
  for (const [what, value, seen] of STRANGERS) {
    it(`is refused, in a sentence that names it and says what to pass: ${what}`, () => {
      const throttle = createThrottle(rule, { client });
      const wrapped = throttle.wrap(() => new Response("inside"));
      // Known requests before it make no difference.
      wrapped(new Request("http://a/"));
      const given = value as Request;
      const ways: Record<string, () => unknown> = {
        "a wrapped handler": () => wrapped(given),
        check: () => throttle.check(given),
        peek: () => throttle.peek(given),
        ...typeof value === "string" ? {} : {
          usage: () => throttle.usage("all", given),
          reset: () => throttle.reset("all", given),
        },
        throttleOf: () => throttleOf(given),
      };
      for (const [way, run] of Object.entries(ways)) {
        const { message } = assertThrows(run, TypeError, "must be a Request", way);
        assertStringIncludes(message, `current value is ${seen}`, way);
        assertMatch(message, /`event\.request`.*`c\.req\.raw`.*toNodeHandler.*getRequestListener/, way);
        assertEquals(message.includes("secret"), false);
      }
    });
  }

  it("is Hono's context or its request, of which the Request itself is named", async () => {
    const throttle = createThrottle(rule, { client });
    const app = new Hono();
    const messageOf = (value: unknown) =>
      assertThrows(() => throttle.check(value as Request), TypeError).message;
    app.get("/", (c) => c.json([messageOf(c), messageOf(c.req)]));
    const [ofContext, ofRequest] = await (await app.request("/")).json();
    assertStringIncludes(ofContext, "It has one as `req.raw`.");
    assertStringIncludes(ofRequest, "It has one as `raw`.");
  });

  it("fails loudly as middleware of Express, from the first request on", async () => {
    const pass = (_request: unknown, _response: unknown, next: () => unknown) => next();
    const listeners = {
      withThrottle: expressWith(withThrottle(pass as never, rule, { client })),
      check: expressWith(
        async (request: IncomingMessage, _response: unknown, next: (error?: unknown) => void) => {
          await createThrottle(rule, { client }).check(request as never);
          next();
        },
      ),
      hono: expressWith(honoThrottle(rule, { client })),
    };
    for (const [way, listener] of Object.entries(listeners)) {
      const { status, text } = await answerOf(listener);
      assertEquals(status, 500, way);
      assertStringIncludes(text, "must be a Request", way);
      assertMatch(text, /toNodeHandler.*getRequestListener/, way);
    }
  });

  it("is none behind a bridge that makes Requests of node's messages", async () => {
    const handler = toNodeHandler(
      withThrottle(() => new Response("inside"), { ...rule, rate: "1/min" }, { client }),
    );
    const listener = expressWith(handler);
    assertEquals(await answerOf(listener), { status: 200, text: "inside" });
    assertEquals((await answerOf(listener)).status, 429);
  });
});

describe("an object with the shape of a Request", () => {
  it("is one, whatever its class", async () => {
    class Own extends Request {}
    const seen: number[] = [];
    const handler = withThrottle(() => new Response("inside"), { ...rule, rate: "3/min" }, { client });
    for (const request of [shaped(), new Own("http://a/"), new Request("http://a/"), shaped()]) {
      seen.push((await handler(request)).status);
    }
    assertEquals(seen, [200, 200, 200, 429]);
  });

  it("makes no Request of other objects without a class", async () => {
    const { check } = createThrottle(rule, { client });
    await check(shaped());
    assertThrows(() => check({ url: "http://a/" } as Request), TypeError, "an object with url");
  });
});
