import { tryPlatform } from "./cases.ts";

const FILE = "tests/platforms/entries/workerd.ts";
const TRAITS = {
  address: "2001:db8::9",
  headers: { "cf-connecting-ip": "2001:db8::9", "x-forwarded-for": "192.0.2.66" },
};

tryPlatform("Cloudflare Workers, in workerd", `node scripts/platform.mjs workerd ${FILE}`, TRAITS);

// From this date on streams can be constructed, and `URL` is the standard's. A request's `cache` throws until 2024-11-11.
tryPlatform(
  "Cloudflare Workers with a compatibility date of 2022-11-30, in workerd",
  `node scripts/platform.mjs workerd-2022 ${FILE}`,
  TRAITS,
);
