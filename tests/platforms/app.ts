import { Hono } from "hono";
import {
  byIp,
  clientAddress,
  type ClientOptions,
  compose,
  concurrency,
  createThrottle,
  type MaybePromise,
  type Rule,
  type Store,
  withThrottle,
} from "../../mod.ts";
import { throttle, type ThrottleVariables } from "../../src/hono/mod.ts";
import { byHeader } from "../../src/keys/header.ts";
import { upstashStore } from "../../src/stores/upstash/mod.ts";

/** Each case has a quota of its own, wherever it comes from. */
const key = compose(byIp(), byHeader("x-case"));

/** Three an hour. */
export const rule: Rule = { name: "three", rate: "3/hour", key };

/** One at a time; a slot that is not given back is missing for ten minutes. */
const alone: Rule = { name: "alone", rate: { limit: 1 }, algorithm: concurrency({ lease: "10min" }), key };

/** Slower than any machine that runs the tests, and still quick to a person who waits for a store that hangs. */
export const SHARED = { prefix: "platforms", timeoutMs: 10_000 };

/** A body that comes in pieces. */
function pieces(...texts: string[]): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      await new Promise((waited) => setTimeout(waited, 1));
      const text = texts.shift();
      if (text === undefined) controller.close();
      else controller.enqueue(encoder.encode(text));
    },
  });
}

type Handler = (request: Request, ...platform: unknown[]) => MaybePromise<Response>;

/**
 * The app that runs on every platform, by the first part of the path. All that needs no store is built at once, at module load,
 * where platforms allow the least.
 *
 * @param client How the platform tells its client.
 * @param storeOf Makes the shared store, of the first request that needs it.
 */
export function appOf(
  client: ClientOptions,
  storeOf: (...platform: unknown[]) => Store = () => upstashStore.fromEnv(SHARED),
): Handler {
  const options = { client, unsafeStore: "ignore" } as const;
  const hello: Handler = () => new Response("hello", { headers: { "content-type": "text/plain" } });
  const stream: Handler = () =>
    new Response(pieces("a", "b", "c"), { headers: { "content-type": "text/plain" } });

  const hono = new Hono<{ Variables: ThrottleVariables }>();
  hono.use(throttle(rule, options));
  hono.get(
    "/hono/:id",
    (c) => c.json({ id: c.req.param("id"), left: c.get("throttle").decisions[0].remaining }),
  );

  let shared: Handler | undefined;
  const sharedBy = (store: Store) =>
    withThrottle(
      (request) => request.url.endsWith("/stream") ? stream(request) : hello(request),
      [rule, { ...alone, on: "/shared/stream" }],
      { client, store },
    );

  const explained = createThrottle(rule, options);
  const handlers: Record<string, Handler> = {
    explain: async (request, ...platform) => Response.json(await explained.explain(request, ...platform)),
    memory: withThrottle(hello, rule, options),
    echo: withThrottle(async (request) => new Response(await request.text()), rule, options),
    stream: withThrottle(stream, alone, options),
    who: (request, ...platform) => Response.json(clientAddress(request, platform, client)),
    hono: (request, ...platform) => hono.fetch(request, platform[0] as object, platform[1] as undefined),
    shared: (request, ...platform) => (shared ??= sharedBy(storeOf(...platform)))(request, ...platform),
  };

  return (request, ...platform) => {
    const [, first] = new URL(request.url).pathname.split("/");
    return handlers[first]?.(request, ...platform) ?? new Response("nothing here", { status: 404 });
  };
}
