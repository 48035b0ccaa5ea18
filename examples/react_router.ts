/** `node scripts/test_frameworks.mjs examples/react_router.ts`: React Router as a framework, on a server of one's own. */
import { withThrottle } from "@weir/throttle";
import { createRequestHandler } from "react-router";
import { serve } from "srvx";
import { staticMiddleware } from "srvx/static";

// react-router-serve tells no address, and 404s do not reach `middleware`: this knows the address and counts them.
const app = createRequestHandler(() => import("./build/server/index.js"), "production");

const server = serve({
  middleware: [staticMiddleware({ dir: "build/client" })],
  fetch: withThrottle((request: Request) => app(request), [
    "20/min",
    // A navigation in the browser asks for the same route under another path.
    { name: "login", rate: "5/15min", on: ["POST /login", "POST /login.data"] },
  ]),
});
await server.ready();
console.log(`Listening on ${server.url}`);
