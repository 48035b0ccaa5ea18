import { tryPlatform } from "./cases.ts";

tryPlatform(
  "Vercel edge functions, in edge-runtime",
  "node scripts/platform.mjs edge-runtime tests/platforms/entries/edge_runtime.ts",
  {
    address: "203.0.113.9",
    headers: { "x-vercel-forwarded-for": "203.0.113.9", "x-forwarded-for": "192.0.2.66" },
  },
);
