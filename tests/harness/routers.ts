import { fetchRequestHandler } from "@trpc/server/adapters/fetch";
import { initTRPC } from "@trpc/server";
import { Elysia } from "elysia";
import { H3 } from "h3";
import { Hono } from "hono";
import { TrieRouter } from "hono/router/trie-router";
import { IttyRouter } from "itty-router";
import { matchRoutes } from "react-router";

/** Does a router run the handler of its only route for this request? */
export type Runs = (request: Request) => Promise<boolean>;

/** A router in process. Each route is in the router's own syntax. */
export interface Router {
  readonly name: string;
  /** The routes to test, by the pattern of the rule that must count them. */
  readonly routes: Readonly<Record<string, string>>;
  /** Creates it with one route. */
  make(route: string): Runs;
}

const ROUTES = { "/login": "/login", "/items/:id/edit": "/items/:id/edit", "/files/*": "/files/*" };

const RAN = "ran";
const ran = () => new Response(RAN);

/** Sends the request to a router with a fetch method. */
const asking = (fetch: (request: Request) => Response | Promise<Response>): Runs => async (request) => {
  const response = await fetch(request);
  return await response.text() === RAN;
};

function hono(name: string, options: () => ConstructorParameters<typeof Hono>[0]): Router {
  return {
    name,
    routes: {
      ...ROUTES,
      "/codes/:code{[A-Z]+}": "/codes/:code{[A-Z]+}",
      "/years/:year{[^.%]+}": "/years/:year{[^.%]+}",
    },
    make(route) {
      const app = new Hono(options());
      app.all(route, ran);
      return asking(app.fetch);
    },
  };
}

function elysia(name: string, aot: boolean): Router {
  return {
    name,
    routes: ROUTES,
    make(route) {
      const app = new Elysia({ aot }).all(route, () => RAN);
      return asking((request) => app.handle(request));
    },
  };
}

/** Routers from npm, and plain code without one. */
export const routers: readonly Router[] = [
  {
    name: "new URL",
    routes: { "/login": "/login" },
    make: (route) => (request) => Promise.resolve(new URL(request.url).pathname === route),
  },
  hono("Hono, strict", () => ({})),
  hono("Hono, not strict", () => ({ strict: false })),
  hono("Hono, TrieRouter", () => ({ router: new TrieRouter() })),
  {
    name: "h3 2",
    routes: { ...ROUTES, "/files/*": "/files/**" },
    make(route) {
      const app = new H3();
      app.all(route, () => RAN);
      return asking((request) => app.fetch(request));
    },
  },
  elysia("Elysia", true),
  elysia("Elysia, not compiled", false), // without code generation, as in workerd
  {
    name: "itty-router",
    routes: ROUTES,
    make(route) {
      const app = IttyRouter();
      app.all(route, ran);
      return asking(async (request) => await app.fetch(request) ?? new Response(null, { status: 404 }));
    },
  },
  {
    name: "React Router 7",
    routes: ROUTES,
    make: (route) => (request) =>
      Promise.resolve(matchRoutes([{ path: route }], new URL(request.url).pathname) !== null),
  },
  {
    name: "tRPC",
    routes: { "/trpc/login": "login" },
    make(route) {
      let runs = false;
      const t = initTRPC.create();
      const router = t.router({ [route]: t.procedure.query(() => void (runs = true)) });
      return async (request) => {
        runs = false;
        // Mounted as in tRPC's documentation: at any path below its endpoint.
        if (new URL(request.url).pathname.startsWith("/trpc/")) {
          await (await fetchRequestHandler({
            endpoint: "/trpc",
            req: request,
            router,
            createContext: () => ({}),
          }))
            .text();
        }
        return runs;
      };
    },
  },
];
