import { tryPlatform } from "./cases.ts";

tryPlatform(
  "Cloudflare Workers, in workerd",
  "node scripts/platform.mjs workerd tests/platforms/entries/workerd.ts",
  { address: "2001:db8::9", headers: { "cf-connecting-ip": "2001:db8::9", "x-forwarded-for": "192.0.2.66" } },
);
