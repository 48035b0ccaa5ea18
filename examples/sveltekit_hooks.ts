/** `node scripts/test_frameworks.mjs examples/sveltekit_hooks.ts`: SvelteKit, in `src/hooks.server.ts`. */
import { building } from "$app/environment";
import type { Handle } from "@sveltejs/kit";
import { withThrottle } from "@weir/throttle";

/** The visitor, and whether a `load` of this app asks for the page of that visitor. */
interface Caller {
  ip: string;
  isSubRequest: boolean;
}

const limit = withThrottle(
  (_request: Request, _caller: Caller, next: () => Response | Promise<Response>) => next(),
  [
    { rate: "20/min", unless: ({ platform: [caller] }) => (caller as Caller).isSubRequest },
    { name: "login", rate: "5/15min", on: "POST /login" },
  ],
);

export const handle: Handle = ({ event, resolve }) => {
  if (building) return resolve(event); // prerendering has no address
  const { isSubRequest } = event;
  return limit(event.request, { ip: event.getClientAddress(), isSubRequest }, () => resolve(event));
};
