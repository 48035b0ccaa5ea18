/** `node scripts/platform.mjs workerd examples/cloudflare_worker.ts`: a Worker; its instances share counts in Redis. */
import { type Handler, withThrottle } from "@weir/throttle";
import { upstashStore } from "@weir/throttle/upstash";

interface Env {
  UPSTASH_REDIS_REST_URL: string;
  UPSTASH_REDIS_REST_TOKEN: string;
}
interface ExecutionContext {
  waitUntil(work: Promise<unknown>): void;
}

let handler: Handler<[Env, ExecutionContext]> | undefined;

function throttled({ UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token }: Env) {
  return withThrottle(
    (_request: Request, _env: Env, _context: ExecutionContext) => new Response("hello\n"),
    ["60/min", "1000/day"],
    { client: { platform: "cloudflare" }, store: upstashStore({ url, token }) },
  );
}

export default {
  fetch(request: Request, env: Env, context: ExecutionContext): Response | Promise<Response> {
    handler ??= throttled(env); // once per instance: a Worker has its variables only from the first request on
    return handler(request, env, context);
  },
};
