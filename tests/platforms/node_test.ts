import { tryPlatform } from "./cases.ts";

const start = "node scripts/platform.mjs node tests/platforms/entries";
tryPlatform("Node with @hono/node-server", `${start}/node.ts`, { address: "127.0.0.1" });
tryPlatform("Node with srvx", `${start}/srvx.ts`, { address: "127.0.0.1" });
