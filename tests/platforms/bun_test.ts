import { tryPlatform } from "./cases.ts";

const traits = { address: "127.0.0.1" };
tryPlatform("Bun.serve with fetch", "bun tests/platforms/entries/bun.ts", traits);
tryPlatform("Bun.serve with routes", "bun tests/platforms/entries/bun_routes.ts", traits);
