import { reporter } from "../path_report.ts";

type Fetch = ReturnType<typeof reporter>;
declare const Bun: {
  serve(
    options: { hostname: string; port: number; routes: Record<string, Fetch>; fetch: Fetch },
  ): { url: URL };
};

const report = reporter();

/** The handler of one of Bun's own routes; of all routers only that one is told of. */
const routeOf = (path: string | null): Fetch => async (request) =>
  Response.json({ ...await (await report(request)).json(), ran: { "Bun's routes": path } });

const routes = { "/login": routeOf("/login"), "/files/*": routeOf("/files/*") };
const server = Bun.serve({ hostname: "127.0.0.1", port: 0, routes, fetch: routeOf(null) });
console.log(`Listening on ${server.url}`);
