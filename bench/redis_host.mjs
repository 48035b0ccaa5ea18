/**
 * A Redis with a bridge of Upstash's protocol, for the section "redis". Bun runs it, since Bun reads the
 * tests' harness without a build.
 */
import { createServer } from "node:http";
import process from "node:process";
import { startBridge } from "../tests/harness/bridge.ts";
import { startRedis } from "../tests/harness/redis.ts";

const redis = await startRedis();
const bridge = await startBridge({ host: redis.host, port: redis.port });
// Answers the number of HTTP requests so far.
const control = createServer((_request, response) => response.end(String(bridge.requests)));
await new Promise((listening) => control.listen(0, "127.0.0.1", listening));

console.log(JSON.stringify({
  tcp: { host: redis.host, port: redis.port },
  http: {
    url: bridge.url,
    token: bridge.token,
    control: `http://127.0.0.1:${control.address().port}`,
  },
}));
process.stdin.resume().on("end", async () => {
  await bridge.close();
  await redis.stop();
  process.exit(0);
});
