import { tryPlatform } from "./cases.ts";

const command = "deno run --allow-net --allow-env tests/platforms/entries/deno.ts";
tryPlatform("Deno.serve", command, { address: "127.0.0.1" });
