import { describe, it } from "node:test";
import { assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import cluster from "node:cluster";
import { createThrottle, memoryStore } from "../mod.ts";
import { type Surroundings, surroundings } from "../src/runtime.ts";
import { checkSafety } from "../src/stores/unsafe.ts";

interface Facts {
  readonly variables?: Readonly<Record<string, string>>;
  readonly globals?: readonly string[];
  readonly userAgent?: string;
  readonly isClusterWorker?: boolean;
}

function place({ variables = {}, globals = [], userAgent, isClusterWorker = false }: Facts): Surroundings {
  return {
    env: (name) => variables[name],
    has: (name) => globals.includes(name),
    userAgent,
    isClusterWorker,
  };
}

/** What a store of one process is told there; null when nothing is wrong. */
function told(facts: Facts): string | null {
  try {
    checkSafety(memoryStore(), "error", place(facts));
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** What is said on console.warn meanwhile. */
function warnings(run: () => void): string[] {
  const said: string[] = [];
  const real = console.warn;
  console.warn = (...words: unknown[]) => void said.push(words.join(" "));
  try {
    run();
  } finally {
    console.warn = real;
  }
  return said;
}

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
];

const SAFE: readonly (readonly [string, Facts])[] = [
  ["a single process", {}],
  ["PM2 with one instance", { variables: { pm_id: "0", instances: "1" } }],
  ["Node, as navigator says it", { userAgent: "Node.js/24" }],
  ["Bun", { userAgent: "Bun/1.4.5", globals: ["Bun"] }],
  ["Deno", { userAgent: "Deno/2.9.5", globals: ["Deno"] }],
];

describe("a store that counts for one process alone", () => {
  for (const [where, facts] of PLACES) {
    it(`is unsafe ${where}: ${JSON.stringify(facts)}`, () =>
      assertStringIncludes(told(facts) ?? "", ` ${where} `));
  }
  for (const [where, facts] of SAFE) {
    it(`is safe in ${where}`, () => assertEquals(told(facts), null));
  }

  it('warns once, with what to do; "error" refuses, "ignore" is silent', () => {
    const around = place({ variables: { VERCEL: "1" } });
    const said = warnings(() => {
      checkSafety(memoryStore(), "warn", around);
      checkSafety(memoryStore(), "warn", around);
      checkSafety(memoryStore(), "ignore", around);
    });
    assertEquals(said.length, 1);
    assertMatch(
      said[0],
      /on Vercel .* N times the limit .*upstashStore, redisStore.* unsafeStore: "ignore"/,
    );
    assertThrows(
      () => checkSafety(memoryStore(), "error", around),
      TypeError,
      "Cannot create a throttle as its store counts for this process alone",
    );
  });

  it("a shared store is safe anywhere", () => {
    const store = { ...memoryStore(), shared: true };
    for (const [, facts] of PLACES) checkSafety(store, "error", place(facts));
  });

  it("createThrottle looks where it really is, and this is a single process", () => {
    assertEquals(cluster.isWorker, false);
    assertEquals(surroundings.isClusterWorker, false);
    assertEquals(warnings(() => createThrottle("1/min", { unsafeStore: "error" })), []);
  });
});
