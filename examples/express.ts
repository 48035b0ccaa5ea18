/** `node scripts/platform.mjs node examples/express.ts`: Express, with a limit for the app and one for a route. */
import { createThrottle, type Throttle } from "@weir/throttle";
import express, { type RequestHandler } from "express";
import process from "node:process";
import { NodeRequest, sendNodeResponse } from "srvx/node";

/** Express extends the request and reply of node:http: srvx converts them to a Request and from a Response. */
function limit(throttle: Throttle): RequestHandler {
  return async (req, res, next) => {
    const outcome = await throttle.check(new NodeRequest({ req, res }), req); // req: its socket has the address
    if (outcome.response !== null) return sendNodeResponse(res, outcome.response);
    res.setHeaders(outcome.headers);
    // `count` refunds and slots are released after the reply.
    res.once("close", () => outcome.label(new Response(null, { status: res.statusCode })));
    next();
  };
}

const app = express();
app.use(limit(createThrottle("20/min")));

const logins = createThrottle({ name: "login", rate: "5/15min", count: "failures" });
app.post("/login", limit(logins), express.json(), (req, res) => {
  const right = req.body?.password === "open sesame";
  res.status(right ? 200 : 401).send(right ? "welcome\n" : "wrong password\n");
});
app.get("/", (_req, res) => {
  res.send("hello\n");
});

const server = app.listen(Number(process.env.PORT ?? 3000), () => {
  console.log("Listening on http://localhost:" + (server.address() as { port: number }).port);
});
