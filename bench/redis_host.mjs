/** A Redis, and Upstash's protocol in front of it, for the section "redis". Run by Bun, which reads the tests' harness as it is. */
import { createServer } from "node:http";
import process from "node:process";
import { startBridge } from "../tests/harness/bridge.ts";
import { startRedis } from "../tests/harness/redis.ts";

const redis = await startRedis();
const bridge = await startBridge({ host: redis.host, port: redis.port });
// Asked how many HTTP requests there were.
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
