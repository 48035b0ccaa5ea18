/** `bun examples/elysia.ts`: Elysia, with a limit for the app and one for a route. */
import { createThrottle } from "@weir/throttle";
import { Elysia } from "elysia";
import process from "node:process";

const throttle = createThrottle("20/min");
const logins = createThrottle({ name: "login", rate: "5/15min" });

const app = new Elysia()
  .onRequest(async ({ request, server, set }) => {
    const outcome = await throttle.check(request, server); // server: it has the address
    if (outcome.allowed) Object.assign(set.headers, Object.fromEntries(outcome.headers));
    return outcome.response ?? undefined;
  })
  .get("/", () => "hello\n")
  .post("/login", () => new Response("wrong password\n", { status: 401 }), {
    async beforeHandle({ request, server, set }) {
      const outcome = await logins.check(request, server);
      if (outcome.allowed) Object.assign(set.headers, Object.fromEntries(outcome.headers));
      return outcome.response ?? undefined;
    },
  })
  .listen(Number(process.env.PORT ?? 3000));
console.log(`Listening on ${app.server?.url}`);
