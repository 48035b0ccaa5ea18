/** `node scripts/test_frameworks.mjs examples/sveltekit_hooks.ts`: SvelteKit, in `src/hooks.server.ts`. */
import { building } from "$app/environment";
import type { Handle } from "@sveltejs/kit";
import { withThrottle } from "@weir/throttle";

const limit = withThrottle(
  (_request: Request, _client: { ip: string }, next: () => Response | Promise<Response>) => next(),
  ["20/min", { name: "login", rate: "5/15min", on: "POST /login" }],
);

export const handle: Handle = ({ event, resolve }) => {
  if (building) return resolve(event); // prerendering has no address
  return limit(event.request, { ip: event.getClientAddress() }, () => resolve(event));
};
