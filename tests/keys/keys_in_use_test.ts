/** Keys as rules use them. */
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "node:test";
import {
  byApiKey,
  byHeader,
  byIp,
  byUser,
  createThrottle,
  rateLimit,
  retryAfter,
  withThrottle,
  xRateLimit,
} from "../../mod.ts";
import { byJwt } from "../../src/auth/mod.ts";
import { as, authenticate, throttled } from "../harness/throttled.ts";

describe("the key of a rule", () => {
  it("is the peer's address by default, before authentication", () => {
    const [rule] = createThrottle("1/min").rules;
    assertEquals([rule.name, rule.stage], ["ip.1-per-1min", "before-auth"]);
    assertEquals([byIp().keyName, byUser().keyName], ["ip", "user"]);
  });

  it("gives a string or null; anything else is an error of its function", async () => {
    const { send } = throttled({ rate: "1/min", key: () => undefined as never });
    let message = "";
    await send().catch((error: Error) => message = error.message);
    assert(message.includes("a string or null"), message);
  });

  it("is one of those that ship, as header formats are", () => {
    for (const key of [byIp(), byUser(), byHeader("x-a"), byApiKey(), byJwt()]) {
      assertEquals(typeof key, "function");
    }
    for (const format of [xRateLimit(), retryAfter(), rateLimit()]) {
      assertEquals(typeof format.fields, "function");
    }
  });

  it("is hashed whole where it is an API key, before it is kept", async () => {
    const seen: string[] = [];
    const { send } = throttled({ rate: "1/min", key: byApiKey({ verify: () => true }) }, {
      revealKeys: true,
      observers: [(event) => event.key && seen.push(event.key)],
    });
    for (let i = 0; i < 2; i++) await send("/", { headers: { "x-api-key": "secret-key" } });
    assert(/^api-key:[0-9a-f]{64}$/.test(seen[0]), seen[0]);
  });

  it("adds up with others: address rules for all, for anonymous requests, and user rules", async () => {
    const { statuses } = throttled([
      { name: "burst", rate: "7/min" }, // charged before the others are asked
      { name: "anon", rate: "2/min", key: byIp({ anonymousOnly: true }) },
      { name: "user", rate: "4/min", key: byUser() },
    ], { authenticate });
    assertEquals(await statuses(3), [200, 200, 429]);
    assertEquals(await statuses(5, "/", as("ann")), [200, 200, 200, 200, 429]);
  });

  it("does not follow a forged X-Forwarded-For, but the entry of the trusted proxy", async () => {
    const peer = { remoteAddr: { transport: "tcp", hostname: "10.0.0.1", port: 1 } };
    const ask = (handler: ReturnType<typeof withThrottle<[unknown]>>, forwarded: string) =>
      handler(new Request("https://api.example/", { headers: { "x-forwarded-for": forwarded } }), peer);
    const plain = withThrottle<[unknown]>(() => new Response(), "1/min");
    assertEquals([(await ask(plain, "6.6.6.6")).status, (await ask(plain, "7.7.7.7")).status], [200, 429]);
    const proxied = withThrottle<[unknown]>(() => new Response(), "1/min", {
      client: { trustedProxies: 1 },
    });
    const answers = ["6.6.6.6, 192.0.2.1", "7.7.7.7, 192.0.2.1", "6.6.6.6, 192.0.2.2"];
    const statuses: number[] = [];
    for (const forwarded of answers) statuses.push((await ask(proxied, forwarded)).status);
    assertEquals(statuses, [200, 429, 200]);
  });

  it("may be any function of the context, and is refused by the compiler for anything but text or null", () => {
    createThrottle({
      rate: "1/min",
      key: ({ request, identity }) => identity?.id ?? request.headers.get("a"),
    });
    createThrottle({ rate: "1/min", key: async ({ address }) => await address });
    // @ts-expect-error A number is no key.
    createThrottle({ rate: "1/min", key: () => 5 });
    // @ts-expect-error Nor is nothing.
    createThrottle({ rate: "1/min", key: () => undefined });
  });

  it("is asked once per request, and decides nothing", async () => {
    let asked = 0;
    const { statuses } = throttled({ rate: "2/min", key: () => `${++asked > 0}` });
    assertEquals(await statuses(3), [200, 200, 429]);
    assertEquals(asked, 3);
  });

  it("exempts staff, and counts others by the user rule", async () => {
    const { statuses } = throttled({ rate: "101/hour", key: byUser() }, { authenticate });
    assert((await statuses(200, "/", as("staff"))).every((status) => status === 200));
    assertEquals((await statuses(102, "/", as("ann"))).indexOf(429), 101);
  });

  it("never puts anonymous requests into one bucket: the user rule skips them, the address rule counts them", async () => {
    const { statuses } = throttled([
      { rate: "1/min", key: byUser(), on: "POST /" },
      { rate: "2/min", key: byIp({ anonymousOnly: true }), on: "POST /" },
    ], { authenticate });
    assertEquals(await statuses(3, "POST /", { from: "192.0.2.7" }), [200, 200, 429]);
    assertEquals(await statuses(1, "POST /", { from: "192.0.2.8" }), [200]);
  });
});
