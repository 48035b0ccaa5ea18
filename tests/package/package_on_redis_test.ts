import { assert, assertEquals } from "@std/assert";
import { resolve } from "node:path";
import { it } from "node:test";
import { pathToFileURL } from "node:url";
import type { Algorithm } from "../../mod.ts";
import { withoutRedis } from "../harness/redis.ts";
import { describeOnNode } from "../harness/runtime.ts";
import { suiteRedis } from "../harness/suite_redis.ts";

/** The code of the npm package has its scripts without comments and most blanks: a Redis must read them all the same. */
describeOnNode("the package on a Redis", () => {
  const { client } = suiteRedis();
  const built = (file: string) => import(pathToFileURL(resolve("dist", file)).href);

  const names = ["fixedWindow", "gcra", "slidingLog", "slidingWindow", "concurrency"];
  for (const block of [undefined, { after: 3, window: "1min", for: "1min" }]) {
    it(`counts by every algorithm${block ? ", in a block" : ""}`, { skip: withoutRedis }, async () => {
      const { byGlobal, createThrottle, ...algorithms } = await built("mod.js");
      const { redisStore } = await built("src/stores/redis/mod.js");
      const store = redisStore({ client, timeoutMs: 60_000, prefix: `weir${block ? 1 : 0}` });
      for (const together of [...names.map((name) => [name]), names]) {
        const rules = together.map((name) => {
          const algorithm: Algorithm = algorithms[name](name === "concurrency" ? { lease: "1h" } : undefined);
          const rate = algorithm.window === undefined ? { limit: 2, window: 3600 } : { limit: 2 };
          return { name: `${name}-of-${together.length}`, rate, algorithm, block, key: byGlobal() };
        });
        const throttle = createThrottle(rules, { store });
        const passed = [];
        for (let i = 0; i < 3; i++) {
          const { allowed, decisions } = await throttle.check(new Request("https://api.example/"));
          for (const { source } of decisions) assert(["store", "deny-cache"].includes(source), `${source}`);
          passed.push(allowed);
        }
        assertEquals(passed, [true, true, false], `${together}`);
      }
    });
  }
});
