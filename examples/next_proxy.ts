/** `node scripts/test_frameworks.mjs examples/next_proxy.ts`: Next, a limit for the whole app, in `proxy.ts`. */
import { withThrottle } from "@weir/throttle";
import { NextResponse } from "next/server";

export const proxy = withThrottle(() => NextResponse.next(), "20/min", {
  client: { trustedProxies: 1 }, // Next passes no address: this is safe behind one proxy; on Vercel use { platform: "vercel" }
});

export const config = {
  matcher: ["/((?!_next/static|_next/image|favicon.ico).*)"], // files in public/ are limited too
};
