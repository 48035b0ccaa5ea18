/** `node scripts/test_frameworks.mjs examples/tanstack_start.ts`: TanStack Start, in `src/server.ts`. */
import handler, { createServerEntry } from "@tanstack/react-start/server-entry";
import { withThrottle } from "@weir/throttle";

export default createServerEntry({
  fetch: withThrottle((request: Request) => handler.fetch(request), [
    "20/min",
    { name: "login", rate: "5/15min", on: "POST /login" },
  ]),
});
