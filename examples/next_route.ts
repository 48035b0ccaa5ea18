/** `node scripts/test_frameworks.mjs examples/next_route.ts`: Next, a limit for one route, in `app/login/route.ts`. */
import { withThrottle } from "@weir/throttle";

export const POST = withThrottle(
  async (request: Request) => {
    const { password } = await request.json();
    return password === "open sesame"
      ? new Response("welcome\n")
      : new Response("wrong password\n", { status: 401 });
  },
  { name: "login", rate: "5/15min", count: "failures" },
  { client: { trustedProxies: 1 } }, // as in next_proxy.ts
);
