import { tryPlatform } from "./cases.ts";

tryPlatform(
  "Netlify edge functions, in @netlify/edge-functions-dev",
  "node scripts/platform.mjs netlify tests/platforms/entries/netlify.ts",
  { address: "127.0.0.1", headers: { "x-forwarded-for": "192.0.2.66" }, remembers: false },
);
