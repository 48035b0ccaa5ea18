/** `bun examples/bun_routes.ts`: one throttle over the routes of Bun.serve, and a stricter one for logins. */
import { createThrottle } from "@weir/throttle";

const throttle = createThrottle(["60/min", { rate: "5/15min", on: "POST /login" }]);

const server = Bun.serve({
  routes: {
    "/": throttle.wrap(() => new Response("hello\n")),
    "/login": { POST: throttle.wrap(() => new Response("welcome\n")) },
  },
  // Requests without a route are counted too.
  fetch: throttle.wrap(() => new Response("not here\n", { status: 404 })),
});
console.log(`Listening on ${server.url}`);
