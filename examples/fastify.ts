/** `node scripts/platform.mjs node examples/fastify.ts`: Fastify, with a limit for the app and one for a route. */
import { createThrottle, type Throttle } from "@weir/throttle";
import fastify, { type onRequestHookHandler } from "fastify";
import process from "node:process";
import { NodeRequest } from "srvx/node";

/** Fastify wraps the request and reply of node:http: srvx converts them to a Request and from a Response. */
function limit(throttle: Throttle): onRequestHookHandler {
  return async (request, reply) => {
    const { raw: req } = request;
    const outcome = await throttle.check(new NodeRequest({ req, res: reply.raw }), req); // req: its socket has the address
    if (outcome.response !== null) return reply.send(outcome.response);
    reply.headers(Object.fromEntries(outcome.headers));
    // `count` refunds and slots are released after the reply.
    reply.raw.once("close", () => outcome.label(new Response(null, { status: reply.statusCode })));
  };
}

const app = fastify();
app.addHook("onRequest", limit(createThrottle("20/min")));

const logins = createThrottle({ name: "login", rate: "5/15min", count: "failures" });
app.post<{ Body: { password?: string } }>("/login", { onRequest: limit(logins) }, (request, reply) => {
  const right = request.body?.password === "open sesame";
  return reply.code(right ? 200 : 401).send(right ? "welcome\n" : "wrong password\n");
});
app.get("/", () => "hello\n");

console.log(`Listening on ${await app.listen({ port: Number(process.env.PORT ?? 3000) })}`);
