/** Statistics from the requests of a throttle. */
import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "node:test";
import { byUser, stats } from "../../mod.ts";
import { Hono } from "hono";
import { dashboard } from "../../src/dashboard/mod.ts";
import { fixSeed } from "../harness/fixed_seed.ts";
import { as, authenticate, identify, SOMEBODY, START, throttled } from "../harness/throttled.ts";

fixSeed();

const json = async (response: Response) => await response.json();

describe("statistics of a throttle", () => {
  it("count this hour's requests, refusals and clients, with the top lists and the endpoints", async () => {
    const statistics = stats({ showAddresses: true, clock: () => START });
    const { statuses } = throttled({ rate: "2/min", on: "/items/:id" }, { observers: [statistics] });
    await statuses(5, "/items/7");
    await statuses(1, "/items/8", { from: "192.0.2.9" });
    const report = await statistics.read();
    const { total_requests, throttled_requests, unique_ips } = report.current_hour;
    assertEquals([total_requests, throttled_requests, unique_ips], [6, 3, 2]);
    assertEquals(report.top_throttled_ips, [{ ip: SOMEBODY, refused: 3 }]);
    assertEquals(report.top_throttled_endpoints, [{ endpoint: "/items/:id", refused: 3 }]);
    assertEquals(report.by_endpoint["/items/:id"].requests, 6);
  });

  it("list the users that are refused most, by rule, hashed unless keys are revealed", async () => {
    const read = async (revealKeys: boolean) => {
      const statistics = stats({ revealKeys, clock: () => START });
      const options = { authenticate, observers: [statistics] };
      const { statuses } = throttled({ name: "burst", rate: "2/min", key: byUser() }, options);
      await statuses(5, "/", as("ann"));
      await statuses(3, "/", as("ben"));
      return (await statistics.read()).top_throttled_keys;
    };
    assertEquals(await read(true), [
      { rule: "burst", key: "ann", refused: 3 },
      { rule: "burst", key: "ben", refused: 1 },
    ]);
    const hashed = await read(false);
    assertEquals(hashed.map(({ refused }) => refused), [3, 1]);
    for (const { key } of hashed) assertMatch(key, /^[0-9a-f]{16}$/);
  });

  it("are served below any path, to those alone who may see them", async () => {
    const statistics = stats();
    const { throttle, statuses } = throttled("1/min", { observers: [statistics] });
    await statuses(2);
    const authorize = (request: Request) => identify(request)?.staff === true;
    const admin = dashboard<Hono>({ throttle, stats: statistics, authorize });
    const app = new Hono().route("/api/admin/throttle-stats", admin);
    assertEquals((await app.request("/api/admin/throttle-stats/stats", as("ann"))).status, 403);
    const report = await json(await app.request("/api/admin/throttle-stats/stats", as("staff")));
    assertEquals(report.current_hour.throttled_requests, 1);
  });
});
