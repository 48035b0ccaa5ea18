/** Rules for endpoints, methods, plans and load. */
import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "node:test";
import { byUser, concurrency, createThrottle, type Rate } from "../../mod.ts";
import { as, authenticate, throttled } from "../harness/throttled.ts";

describe("rules", () => {
  it("are bound to their endpoints when they are made: no handler can miss one", async () => {
    const { statuses } = throttled([
      { name: "order_create", rate: "1/hour", on: "POST /orders" },
      { name: "order_list", rate: "2/hour", on: "GET /orders" },
    ]);
    assertEquals(await statuses(2, "POST /orders"), [200, 429]);
    assertEquals(await statuses(3, "GET /orders"), [200, 200, 429]);
  });

  it("on one method leave the others alone", async () => {
    const { statuses } = throttled({ rate: "1/h", on: "GET /" });
    assertEquals([await statuses(2, "GET /"), await statuses(2, "POST /")], [[200, 429], [200, 200]]);
  });

  it("take the rate from the user's plan, and each user has one quota", async () => {
    const tiers: Record<string, Rate> = {
      free: "1/hour",
      basic: "2/hour",
      pro: "3/hour",
      enterprise: "4/hour",
    };
    const { statuses } = throttled({
      rate: ({ identity }) => tiers[identity?.tier ?? "free"] ?? "1/hour",
      key: byUser(),
    }, { authenticate });
    assertEquals(await statuses(2, "/", as("ann")), [200, 429]);
    assertEquals(await statuses(3, "/", as("ben", { "x-tier": "basic" })), [200, 200, 429]);
    assertEquals(await statuses(2, "/", as("ann", { "x-tier": "basic" })), [200, 429]);
  });

  it("with a rate that follows the server's load count at once, raised or lowered, and always say when to retry", async () => {
    let load = 50;
    const { statuses, send } = throttled({
      rate: () => load > 80 ? "2/hour" : load > 60 ? "4/hour" : "6/hour",
    });
    assertEquals(await statuses(4), [200, 200, 200, 200]);
    load = 90;
    const refused = await send();
    assertEquals([refused.status, refused.headers.get("x-ratelimit-remaining")], [429, "0"]);
    assertEquals(refused.headers.get("retry-after"), "3600");
    load = 10;
    assertEquals(await statuses(3), [200, 200, 429]);
  });

  it("are refused by the compiler where a member is misspelt or of another type", () => {
    // @ts-expect-error A rule has a rate.
    assertThrows(() => createThrottle({ on: "/login" }));
    // @ts-expect-error Methods and path are text.
    assertThrows(() => createThrottle({ rate: "1/min", on: /login/ }));
    // @ts-expect-error A mode is one of two words.
    assertThrows(() => createThrottle({ rate: "1/min", mode: "off" }));
    // @ts-expect-error A window is seconds or a text.
    assertThrows(() => createThrottle({ rate: { limit: 1, window: true } }));
  });

  it("are refused where they are made, not at the first request, if they hold a mistake", () => {
    assertThrows(() => createThrottle("5/15minn"));
    assertThrows(() => createThrottle({ rate: { limit: 1 } }));
    assertThrows(() => createThrottle({ rate: "1/min", algorithm: concurrency({ lease: "1min" }) }));
  });
});
