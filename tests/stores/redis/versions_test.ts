/** This build and an earlier one on one Redis, as during a deploy. */
import { assert, assertEquals, assertLess } from "@std/assert";
import { resolve } from "node:path";
import { beforeEach, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import {
  type Algorithm,
  byGlobal,
  createThrottle,
  fixedWindow,
  gcra,
  slidingLog,
  type Store,
  type Throttle,
} from "../../../mod.ts";
import { redisStore } from "../../../src/stores/redis/mod.ts";
import { withoutRedis } from "../../harness/redis.ts";
import { suiteRedis } from "../../harness/suite_redis.ts";

/** The part of a build that this test uses. */
interface Build {
  createThrottle(rules: unknown, options: unknown): Pick<Throttle, "check" | "rules">;
  redisStore(options: { client: unknown; timeoutMs: number }): Store;
  fixedWindow(): Algorithm;
  gcra(): Algorithm;
  slidingLog(): Algorithm;
}

const THIS: Build = { createThrottle, redisStore, fixedWindow, gcra, slidingLog } as Build;

const EARLIER = ["57fc96d"];
const buildOf = (commit: string): Promise<Build> =>
  import(pathToFileURL(resolve(`tests/stores/redis/builds/${commit}.mjs`)).href);

const LIMIT = 20;
/** Rounds of a measurement. */
const ROUNDS = 60;
const NAMES = ["login", "api", "search"];

describe("two versions on one Redis", { skip: withoutRedis }, () => {
  const { command, client } = suiteRedis();
  beforeEach(() => command("FLUSHALL"));

  for (const commit of EARLIER) {
    for (const name of ["fixedWindow", "gcra", "slidingLog"] as const) {
      it(`hold a limit each, asked in turns, and neither fails: ${commit}, ${name}`, async () => {
        const throttles = [await buildOf(commit), THIS].map((build) => {
          const algorithm = build[name]();
          const rate = { limit: LIMIT, window: 3600 };
          return build.createThrottle(NAMES.map((name) => ({ name, rate, key: byGlobal(), algorithm })), {
            store: build.redisStore({ client, timeoutMs: 60_000 }),
          });
        });
        const passed = [0, 0];
        for (let i = 0; i < 3 * LIMIT; i++) {
          for (const [build, throttle] of throttles.entries()) {
            const { allowed, decisions } = await throttle.check(new Request("https://api.example/"));
            for (const { source } of decisions) assert(["store", "deny-cache"].includes(source), source);
            if (allowed) passed[build]++;
          }
        }
        assertEquals(passed, [LIMIT, LIMIT]);
      });
    }
  }

  /**
   * Redis's own time per decision, in µs, each in a call of its own. It is the least of several rounds, as other programs
   * lengthen a round; on a busy machine it takes more of them, until it is `enough`.
   */
  async function costs(
    builds: readonly Build[],
    algorithm: "fixedWindow" | "gcra",
    rules: number,
    enough: (least: readonly number[]) => boolean,
  ): Promise<number[]> {
    const least = builds.map(() => Infinity);
    const stores = builds.map((build) => {
      const checks = NAMES.slice(0, rules).map((name) => ({
        name,
        rate: "1000000/hour",
        algorithm: build[algorithm](),
      }));
      const store = build.redisStore({ client, timeoutMs: 60_000 });
      const { rules: compiled } = build.createThrottle(checks, { store });
      return (key: number) =>
        store.decide(compiled.map((rule) => ({
          key: `${rule.name}:${key}`,
          policy: { name: rule.name, limit: rule.limit!, windowMs: rule.windowMs!, mode: rule.mode },
          ...{ algorithm: rule.implementation, cost: 1, since: null },
        })));
    });
    for (let round = 0; round < ROUNDS || (round < 10 * ROUNDS && !enough(least)); round++) {
      for (const [build, decide] of stores.entries()) {
        await command("CONFIG", "RESETSTAT");
        for (let key = 0; key < 100; key++) await decide(key);
        const stats = String(await command("INFO", "commandstats"));
        const [, calls, spent] = /cmdstat_evalsha:calls=(\d+),usec=(\d+)/.exec(stats) ?? [];
        least[build] = Math.min(least[build], Number(spent) / Number(calls));
      }
    }
    return least;
  }

  for (const rules of [1, 3]) {
    for (const algorithm of ["fixedWindow", "gcra"] as const) {
      it(`take less of Redis's time: ${rules} of ${algorithm}`, async () => {
        const builds = [await buildOf("57fc96d"), THIS];
        const isLess = ([before, now]: readonly number[]) => now < 0.78 * before;
        const [before, now] = await costs(builds, algorithm, rules, isLess);
        assertLess(now, 0.78 * before);
      });
    }
  }
});
