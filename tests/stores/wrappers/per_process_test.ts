import { describe, it } from "node:test";
import { assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import cluster from "node:cluster";
import { createThrottle, memoryStore } from "../../../mod.ts";
import { PLATFORMS } from "../../../src/client/platforms.ts";
import { type Surroundings, surroundings } from "../../../src/runtime.ts";
import { checkSafety } from "../../../src/stores/wrappers/per_process.ts";
import { writtenDuring } from "../../harness/console.ts";

interface Facts {
  readonly variables?: Readonly<Record<string, string>>;
  readonly globals?: readonly string[];
  readonly userAgent?: string;
  readonly isClusterWorker?: boolean;
  readonly isDenoTest?: boolean;
}

function place({ variables = {}, globals = [], userAgent, ...facts }: Facts): Surroundings {
  return {
    env: (name) => variables[name],
    has: (name) => globals.includes(name),
    userAgent,
    isClusterWorker: facts.isClusterWorker ?? false,
    isDenoTest: facts.isDenoTest ?? false,
  };
}

/** How a store of one process is refused there. */
function refused(facts: Facts): string {
  return assertThrows(() => checkSafety(memoryStore(), "error", place(facts)), TypeError).message;
}

/** The lines on console.warn meanwhile. */
const warnings = (run: () => void): readonly string[] => writtenDuring(run, "warn").lines;

const PLACES: readonly (readonly [string, Facts])[] = [
  ["on Vercel", { variables: { VERCEL: "1", AWS_LAMBDA_FUNCTION_NAME: "f" } }],
  ["on Vercel", { globals: ["EdgeRuntime"] }],
  ["on Netlify", { variables: { NETLIFY: "true" } }],
  ["on Netlify", { variables: { AWS_LAMBDA_FUNCTION_NAME: "f" }, globals: ["Netlify"] }],
  ["on AWS Lambda", { variables: { AWS_LAMBDA_FUNCTION_NAME: "f" } }],
  ["on Cloudflare Workers", { userAgent: "Cloudflare-Workers" }],
  ["on Cloudflare Workers", { globals: ["WebSocketPair"] }],
  ["on Deno Deploy", { variables: { DENO_DEPLOYMENT_ID: "x" } }],
  ["on Deno Deploy", { variables: { DENO_DEPLOY: "1" } }],
  ["under PM2", { variables: { pm_id: "0", instances: "4" } }],
  ["under PM2", { variables: { pm_id: "0" } }],
  ["in a cluster", { isClusterWorker: true }],
  ["under `deno serve --parallel`", { variables: { DENO_JOBS: "4" }, globals: ["Deno"] }],
  ["on Cloud Run", { variables: { K_SERVICE: "api", K_REVISION: "api-1" } }],
  ["on App Engine", { variables: { GAE_SERVICE: "default" } }],
  ["on Azure Functions", { variables: { FUNCTIONS_WORKER_RUNTIME: "node", WEBSITE_INSTANCE_ID: "a1" } }],
  ["on Azure App Service", { variables: { WEBSITE_INSTANCE_ID: "a1" } }],
  ["on Azure Container Apps", {
    variables: { CONTAINER_APP_NAME: "api", KUBERNETES_SERVICE_HOST: "10.0.0.1" },
  }],
  ["on Fly", { variables: { FLY_APP_NAME: "api" } }],
  ["on Render", { variables: { RENDER: "true", KUBERNETES_SERVICE_HOST: "10.0.0.1" } }],
  ["on Railway", { variables: { RAILWAY_ENVIRONMENT_NAME: "production" } }],
  ["on Heroku", { variables: { DYNO: "web.1" } }],
  ["on Koyeb", { variables: { KOYEB_APP_NAME: "api" } }],
  ["on Amazon ECS", { variables: { ECS_CONTAINER_METADATA_URI_V4: "http://169.254.170.2/v4/x" } }],
  ["on Kubernetes", { variables: { KUBERNETES_SERVICE_HOST: "10.0.0.1" } }],
];

const ALONE: readonly (readonly [string, Facts])[] = [
  ["a single process", {}],
  ["PM2 with one instance", { variables: { pm_id: "0", instances: "1" } }],
  ["Node, as navigator says it", { userAgent: "Node.js/24" }],
  ["Bun", { userAgent: "Bun/1.4.5", globals: ["Bun"] }],
  ["Deno", { userAgent: "Deno/2.9.5", globals: ["Deno"] }],
  ["Deno with one thread", { variables: { DENO_JOBS: "1" }, globals: ["Deno"] }],
  ["Deno's tests, on several threads", {
    variables: { DENO_JOBS: "4" },
    globals: ["Deno"],
    isDenoTest: true,
  }],
  ["Node beside a Deno of many threads", { variables: { DENO_JOBS: "4" } }],
];

/** Where a warning was given already. */
const warned = new Set<string>();

describe("a store that counts for one process alone", () => {
  it('warns once, with what to do; "error" refuses, "ignore" is silent', () => {
    const around = place({ variables: { VERCEL: "1" } });
    const said = warnings(() => {
      checkSafety(memoryStore(), "warn", around);
      checkSafety(memoryStore(), "warn", around);
      checkSafety(memoryStore(), "ignore", around);
    });
    assertEquals(said.length, 1);
    warned.add("on Vercel");
    assertMatch(
      said[0],
      /^@weir\/throttle: A throttle .* on Vercel .* N times the limit .*upstashStore, redisStore.* unsafeStore: "ignore"/,
    );
    assertThrows(
      () => checkSafety(memoryStore(), "error", around),
      TypeError,
      "Cannot create a throttle as its store counts for this process alone",
    );
  });

  for (const [where, facts] of PLACES) {
    it(`is refused by "error", and warned of once, ${where}: ${JSON.stringify(facts)}`, () => {
      assertStringIncludes(refused(facts), ` ${where} `);
      const said = warnings(() => checkSafety(memoryStore(), "warn", place(facts)));
      assertEquals(said.length, warned.has(where) ? 0 : 1);
      warned.add(where);
    });
  }
  for (const [where, facts] of ALONE) {
    it(`is refused by "error" even where nothing tells of other processes, and not warned of: ${where}`, () => {
      assertStringIncludes(
        refused(facts),
        "as its store counts for this process alone. Give it a shared store",
      );
      assertEquals(warnings(() => checkSafety(memoryStore(), "warn", place(facts))), []);
    });
  }

  it("knows no place that is not tried here", () => {
    const known = Object.values(PLATFORMS).flatMap(({ location = [] }) => location);
    assertEquals(known.sort(), [...new Set(PLACES.map(([where]) => where))].sort());
  });

  it("a shared store is safe anywhere", () => {
    const store = { ...memoryStore(), shared: true };
    for (const [, facts] of [...PLACES, ...ALONE]) checkSafety(store, "error", place(facts));
  });

  it('createThrottle looks where it really is: nothing is said in a single process, and "error" refuses', () => {
    assertEquals(cluster.isWorker, false);
    assertEquals(surroundings.isClusterWorker, false);
    assertEquals(warnings(() => createThrottle("1/min")), []);
    assertThrows(
      () => createThrottle("1/min", { unsafeStore: "error" }),
      TypeError,
      "Cannot create a throttle as its store counts for this process alone",
    );
    createThrottle("1/min", { unsafeStore: "error", store: { ...memoryStore(), shared: true } });
  });
});
