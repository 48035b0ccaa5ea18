import { Hono } from "hono";
import {
  byGlobal,
  concurrency,
  createThrottle,
  gcra,
  memoryStore,
  type Rule,
  type Stats,
  stats,
  type Store,
  type Throttle,
} from "../../mod.ts";
import { dashboard } from "../../src/dashboard/mod.ts";

/** The mount path of the dashboard. */
export const MOUNT = "/admin/throttle";

/** The longest name of a rule. */
export const LONGEST_NAME = "orders-of-each-customer.POST-api-v2-customers-id-orders.20-per-h";

/** A rule of every kind that the dashboard shows differently. */
const RULES: readonly Rule[] = [
  { name: "everybody", rate: "200/min", key: byGlobal() },
  { name: "each", rate: "20/min", trial: { rate: "5/min", algorithm: gcra() } },
  { name: "login", rate: "5/15min", on: "POST /login", block: { after: 3, window: "15min", for: "1h" } },
  { name: "search", rate: "30/min", on: "GET /search/:words", algorithm: gcra({ burst: 5 }) },
  { name: LONGEST_NAME, rate: "20/hour", on: ["POST /api/v2/customers/:id/orders", "PUT /orders/:id"] },
  { name: "exports", rate: { limit: 2 }, on: "/export", algorithm: concurrency({ lease: "1min" }) },
  { name: "plan", rate: () => "100/min", on: "/api/*" },
  { name: "planned", rate: "2/min", on: "/api/*", mode: "shadow" },
];

/** 23:40 UTC, so that a day's chart contains midnight, with labels at its edges. */
const NOW = Date.UTC(2027, 0, 15, 23, 40, 30);
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** A site with a dashboard and its own clock. */
export interface Scene {
  readonly app: Hono;
  readonly clock: { now: number };
  readonly throttle: Throttle;
  readonly statistics: Stats;
  /** Sends a day of traffic to the app, with an attack in its last hour. */
  playDay(): Promise<void>;
}

/** The settings of a scene. */
export interface SceneOptions {
  readonly rules?: readonly Rule[];
  /** Creates the store on the scene's clock. Default: a memory store. */
  readonly store?: (clock: () => number) => Store;
  /** Default: addresses are visible. */
  readonly showAddresses?: boolean;
  /** A replacement for the statistics of the dashboard. */
  readonly shown?: (statistics: Stats) => Stats;
}

/** Creates a site; the header "x-from" is the client's address. */
export function dashboardScene(
  {
    rules = RULES,
    store = (clock) => memoryStore({ clock }),
    showAddresses = true,
    shown = (statistics) => statistics,
  }: SceneOptions = {},
): Scene {
  const clock = { now: NOW };
  const statistics = stats({ showAddresses, clock: () => clock.now });
  const throttle = createThrottle(rules, {
    store: store(() => clock.now),
    client: { address: (request) => request.headers.get("x-from") ?? "192.0.2.1" },
    observers: [statistics],
  });
  const handle = throttle.wrap(({ url }) =>
    new Response(null, { status: url.endsWith("/login") ? 401 : url.endsWith("/missing") ? 404 : 204 })
  );
  const app = new Hono();
  app.route(MOUNT, dashboard({ throttle, stats: shown(statistics), authorize: () => true }));
  app.all("*", (c) => handle(c.req.raw));

  const paths = ["/", "/search/shoes", "/api/items", "/api/v2/customers/7/orders", "/missing", "/export"];
  // Without sockets: thousands of HTTP requests would take longer than the test itself.
  const send = (path: string, init: RequestInit) => app.request(path, init);
  /** Some requests in one minute; few clients send most of them. */
  async function visit(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, (_, i) => {
      const client = Math.floor(60 / (1 + i % 37));
      const path = paths[(i * 7 + client) % paths.length];
      const from = client % 5 === 0 ? `2001:db8:0:${client}::1` : `203.0.113.${client}`;
      return send(path, {
        headers: { "x-from": from },
        method: path.endsWith("orders") ? "POST" : "GET",
      });
    }));
  }

  async function playDay(): Promise<void> {
    const attack = { method: "POST", headers: { "x-from": "198.51.100.23" } };
    const end = clock.now;
    for (let hour = 23; hour > 0; hour--) {
      clock.now = end - hour * HOUR_MS;
      await visit(Math.round(90 + 70 * Math.sin((hour - 4) / 4)));
    }
    for (let minute = 59; minute >= 0; minute--) {
      clock.now = end - minute * MINUTE_MS;
      await visit(4 + minute * 5 % 11);
      if (minute > 24 || minute < 14) continue;
      await Promise.all(Array.from({ length: 20 }, () => send("/login", attack)));
    }
    clock.now = end;
  }

  return { app, clock, throttle, statistics, playDay };
}
