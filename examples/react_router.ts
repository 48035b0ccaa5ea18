/** `node scripts/test_frameworks.mjs examples/react_router.ts`: React Router as a framework. */
import { withThrottle } from "@weir/throttle";
import { createRequestHandler } from "react-router";
import { serve } from "srvx";
import { staticMiddleware } from "srvx/static";

// react-router-serve passes no address, and its 404s skip `middleware`: this server has the address and
// counts them.
const app = createRequestHandler(() => import("./build/server/index.js"), "production");

const server = serve({
  middleware: [staticMiddleware({ dir: "build/client" })],
  fetch: withThrottle((request: Request) => app(request), [
    "20/min",
    // A navigation in the browser requests the same route under another path.
    { name: "login", rate: "5/15min", on: ["POST /login", "POST /login.data"] },
  ]),
});
await server.ready();
console.log(`Listening on ${server.url}`);
