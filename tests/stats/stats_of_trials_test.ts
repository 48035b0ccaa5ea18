import { assert, assertEquals, assertGreater, assertMatch } from "@std/assert";
import { after, before, describe, it } from "node:test";
import parse from "parse-prometheus-text-format";
import { createThrottle, memoryStore, type Rule, type Stats, stats, type StatsOptions } from "../../mod.ts";
import { prometheusText } from "../../src/stats/prometheus.ts";
import { redisStore } from "../../src/stores/redis/mod.ts";
import { CLIENTS, type OpenClient } from "../harness/clients.ts";
import { inTime } from "../harness/in_time.ts";
import { type Redis, startRedis, withoutRedis } from "../harness/redis.ts";

const HOUR_MS = 3_600_000;
const NOW = 500_000 * HOUR_MS;

/** Statistics of rules, and requests to them. */
function counted(rules: Rule | readonly Rule[], options: StatsOptions = {}) {
  const clock = { now: NOW };
  const statistics: Stats = stats({ clock: () => clock.now, ...options });
  const throttle = createThrottle(rules, {
    store: memoryStore({ clock: () => clock.now }),
    observers: [statistics],
    client: { address: (request) => request.headers.get("x-from") },
  });
  async function send(requests: number, from = "192.0.2.1", path = "/") {
    for (let i = 0; i < requests; i++) {
      await throttle.check(new Request(`https://example.com${path}`, { headers: { "x-from": from } }));
    }
  }
  return { statistics, send, clock };
}

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe("the statistics of a trial", () => {
  it("count which of a rule and its trial refuse, whichever is tighter", async () => {
    const tighter = counted({ name: "api", rate: "4/hour", trial: "3/hour" });
    await tighter.send(6);
    assertEquals((await tighter.statistics.read()).by_rule.api.trial, {
      both: 2,
      liveOnly: 0,
      trialOnly: 1,
      neither: 3,
    });
    const looser = counted({ name: "api", rate: "2/hour", trial: "5/hour" });
    await looser.send(7);
    assertEquals((await looser.statistics.read()).by_rule.api.trial, {
      both: 2,
      liveOnly: 3,
      trialOnly: 0,
      neither: 2,
    });
  });

  it("leave out what another rule refuses, and have no trial where there is none", async () => {
    const { statistics, send } = counted([
      { name: "api", rate: "9/hour", trial: "2/hour" },
      { name: "other", rate: "3/hour" },
    ]);
    await send(8);
    const { by_rule } = await statistics.read();
    assertEquals(by_rule.api.trial, { both: 0, liveOnly: 0, trialOnly: 1, neither: 2 });
    assert(!("trial" in by_rule.other) && !("trial" in by_rule["api+trial"]));
    assertEquals([by_rule["api+trial"].limit, by_rule["api+trial"].mode], [2, "shadow"]);
  });

  it("name the clients and the routes that only the trial would refuse, and forget them with their hour", async () => {
    const { statistics, send, clock } = counted([
      { name: "api", rate: "9/hour", trial: "2/hour", on: ["/items/:id", "/search"] },
      { name: "all", rate: "99/hour", trial: "5/hour" },
    ], { showAddresses: true });
    await send(4, "192.0.2.1", "/items/1");
    await send(3, "2001:db8::1", "/search");
    await send(7, "192.0.2.3");
    const report = await statistics.read();
    assertEquals(report.top_trial_only_ips, [
      { rule: "all", ip: "192.0.2.3", requests: 2 },
      { rule: "api", ip: "192.0.2.1", requests: 2 },
      { rule: "api", ip: "2001:db8::/64", requests: 1 },
    ]);
    assertEquals(report.top_trial_only_endpoints, [
      { rule: "all", endpoint: "*", requests: 2 },
      { rule: "api", endpoint: "/items/:id", requests: 2 },
      { rule: "api", endpoint: "/search", requests: 1 },
    ]);
    assertEquals([report.top_throttled_ips, report.top_throttled_endpoints], [[], []]);
    clock.now += 25 * HOUR_MS;
    const later = await statistics.read();
    assertEquals([later.top_trial_only_ips, later.by_rule], [[], plain({})]);
    assertEquals(later.instance.by_rule.api.trial?.trialOnly, 3);
  });

  it("call clients by hashes unless addresses are shown", async () => {
    const { statistics, send } = counted({ name: "api", rate: "9/hour", trial: "1/hour" });
    await send(2);
    assertMatch((await statistics.read()).top_trial_only_ips[0].ip, /^[0-9a-f]{16}$/);
  });

  it("are in each minute and hour", async () => {
    const { statistics, send, clock } = counted({ name: "api", rate: "9/hour", trial: "1/hour" });
    await send(2);
    clock.now += 60_000;
    await send(1);
    const { minutes, hours } = await statistics.read();
    assertEquals(minutes.slice(-2).map(({ by_rule }) => by_rule.api.trial?.trialOnly), [1, 1]);
    assertEquals(hours.at(-1)?.by_rule.api.trial, { both: 0, liveOnly: 0, trialOnly: 2, neither: 1 });
  });

  it("are what Prometheus reads", async () => {
    const { statistics, send } = counted({ name: "api", rate: "4/hour", trial: "3/hour" });
    await send(6);
    const families = parse(prometheusText(await statistics.read()));
    const family = families.find(({ name }: { name: string }) => name === "weir_trial_outcomes_total");
    assertEquals(
      family?.metrics.map(({ labels, value }: { labels?: Record<string, string>; value?: string }) => [
        labels?.rule,
        labels?.outcome,
        value,
      ]),
      [
        ["api", "both", "2"],
        ["api", "live-only", "0"],
        ["api", "trial-only", "1"],
        ["api", "neither", "3"],
      ],
    );
    const none = counted({ name: "api", rate: "4/hour" });
    await none.send(1);
    assert(!prometheusText(await none.statistics.read()).includes("trial"));
  });

  describe("of several instances", { skip: withoutRedis }, () => {
    let redis: Redis;
    let client: OpenClient;
    before(async () => {
      redis = await startRedis();
      client = await CLIENTS[0].open(redis);
    });
    after(async () => {
      await client.close();
      await redis.stop();
    });

    /** Redis must answer within the deadline of statistics. */
    const showTheSum = (showAddresses: boolean) =>
      inTime(async () => {
        await redis.command("FLUSHALL");
        const options = { store: redisStore({ client: client.client, timeoutMs: 10_000 }), showAddresses };
        const rule: Rule = { name: "api", rate: "4/hour", trial: "3/hour" };
        const [one, two] = [counted(rule, options), counted(rule, options)];
        await one.send(6);
        await two.send(4);
        await one.statistics.flush();
        for (const { statistics } of [two, one]) {
          const report = await statistics.read({ minutes: 5 });
          assertEquals(report.scope, "shared");
          assertEquals(report.by_rule.api.trial, { both: 2, liveOnly: 0, trialOnly: 2, neither: 6 });
          assertEquals(report.top_trial_only_endpoints, [{ rule: "api", endpoint: "*", requests: 2 }]);
          const [{ rule, ip, requests }] = report.top_trial_only_ips;
          assertEquals([rule, requests, ip === "192.0.2.1"], ["api", 2, showAddresses]);
        }
        const keys = await redis.command("KEYS", "*trial*") as string[];
        assertGreater(keys.length, 1);
        for (const key of keys) assertGreater(Number(await redis.command("TTL", key)), 0);
        if (!showAddresses) assert(!JSON.stringify(keys).includes("addresses"));
      });

    it("show the sum, in each of them, and no address unless that is asked for", async () => {
      for (const showAddresses of [false, true]) await showTheSum(showAddresses);
    });
  });
});
