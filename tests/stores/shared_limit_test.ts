import { assert, assertEquals } from "@std/assert";
import { after, before, it } from "node:test";
import { type Bridge, startBridge } from "../harness/bridge.ts";
import { CONTENDED, type ContenderOptions, type ContenderReport } from "../harness/contender.ts";
import { type Contest, type Contestant, contestOf, reportsOf } from "../harness/contest.ts";
import { assertLivesEnd } from "../harness/lives.ts";
import { type Redis, startRedis, withoutRedis } from "../harness/redis.ts";
import { describeOnNode } from "../harness/runtime.ts";

const LIMIT = 100;
const REQUESTS = 1250;

const CONTENDERS: readonly (Pick<ContenderOptions, "client" | "skewMs"> & { readonly on: string })[] = [
  { on: "deno", client: "ioredis", skewMs: -5000 },
  { on: "bun", client: "Bun's RedisClient", skewMs: 5000 },
  { on: "node", client: "upstash", skewMs: 2500 },
  { on: "deno", client: "upstash", skewMs: 0 },
];

// The processes are of all three runtimes whichever of them runs this file.
describeOnNode(
  "one limit over four processes on Deno, Bun and Node, over TCP and HTTP, with clocks up to 10 s apart",
  { skip: withoutRedis },
  () => {
    let redis: Redis;
    let bridge: Bridge;
    let contest: Contest;
    let contenders: Contestant[] = [];

    before(async () => {
      redis = await startRedis();
      bridge = await startBridge(redis);
      contest = contestOf("tests/harness/contender.ts");
      const { host, port } = redis;
      const { url, token } = bridge;
      contenders = CONTENDERS.map(({ on, ...own }) =>
        contest.start(
          on,
          "contend",
          JSON.stringify({ host, port, url, token, requests: REQUESTS, limit: LIMIT, ...own }),
        )
      );
      assertEquals(await Promise.all(contenders.map(({ read }) => read())), contenders.map(() => "ready"));
    });
    after(async () => {
      contest?.end();
      await bridge?.close();
      await redis?.stop();
    });

    for (const name of Object.keys(CONTENDED)) {
      it(`of ${4 * REQUESTS} requests at once exactly ${LIMIT} pass: ${name}`, async () => {
        const reports = await reportsOf<ContenderReport>(contenders, name);
        const passed = reports.map(({ passed }) => passed);
        assertEquals(passed.reduce((sum, count) => sum + count, 0), LIMIT, `${passed}`);
        // Replies from different instances agree on the reset to 1 s.
        const resets = reports.map(({ resetAt }) => resetAt);
        assert(Math.max(...resets) - Math.min(...resets) < 1000, `${resets}`);
      });
    }

    it("leaves no key that outlives its state by more than a minute", () => assertLivesEnd(redis));
  },
);
