import { byGlobal, createThrottle } from "../../mod.ts";
import { routers, type Runs } from "../harness/routers.ts";

/** The report of a server's program on a request: how it was handed over, and who took it for which path. */
export interface PathReport {
  readonly url: string;
  readonly method: string;
  /** The rules that count it, by the path of their pattern. */
  readonly counted: readonly string[];
  /** By router: the path whose handler ran; null where none did, an error's text where the router cannot be used. */
  readonly ran: Readonly<Record<string, string | null>>;
}

/** The paths that handlers and rules have here. */
export const PATHS = ["/login", "/trpc/login", "/files/*"];

/** The handler that runs all routers on each request, beside a throttle with the same paths. */
export function reporter(): (request: Request) => Promise<Response> {
  const throttles = PATHS.map((on) =>
    createThrottle({ rate: "1000000000/min", key: byGlobal(), on }, { unsafeStore: "ignore" })
  );
  const made = new Map<string, Runs | string>();
  function runsOf(name: string, path: string, make: () => Runs): Runs | string {
    const id = `${name} ${path}`;
    let runs = made.get(id);
    if (runs === undefined) {
      try {
        runs = make();
      } catch (error) {
        runs = String(error);
      }
      made.set(id, runs);
    }
    return runs;
  }
  return async (request) => {
    const outcomes = await Promise.all(throttles.map((throttle) => throttle.check(request)));
    const counted = PATHS.filter((_, i) => outcomes[i].decisions.length > 0);
    const ran: Record<string, string | null> = {};
    for (const { name, routes, make } of routers) {
      for (const path of PATHS) {
        if (routes[path] === undefined) continue;
        const runs = runsOf(name, path, () => make(routes[path]));
        ran[name] ??= typeof runs === "string" ? runs : await Promise.resolve().then(() => runs(request))
          .then((did) => did ? path : null, (error) => String(error));
      }
    }
    return Response.json({ url: request.url, method: request.method, counted, ran } satisfies PathReport);
  };
}
