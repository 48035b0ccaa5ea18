/** A request on its way: its exchanges with throttles, one after the other. */
import { assertEquals } from "@std/assert";
import { describe, it } from "node:test";
import { type Context, createThrottle, throttleOf } from "../../mod.ts";
import { client, requestTo, throttled } from "../harness/throttled.ts";

describe("a Request object that comes again", () => {
  it("is on its last check alone where one throttle checks it twice", async () => {
    const throttle = createThrottle("9/min", { client });
    const request = requestTo();
    await throttle.check(request);
    await throttle.check(request);
    assertEquals(throttleOf(request)!.decisions.map(({ remaining }) => remaining), [7]);
  });

  it("gets headers of its own on a response that all requests share", async () => {
    const shared = new Response("shared");
    const { send, clock } = throttled("9/min", {}, () => shared);
    const request = requestTo();
    const left = async () => (await send(request)).headers.get("x-ratelimit-remaining");
    assertEquals([await left(), await left()], ["8", "7"]);
    clock.now += 60_000;
    assertEquals(await left(), "8");
  });
});

describe("the decisions of a request", () => {
  it("are in rule order, whatever their stage", async () => {
    const rules = [{ name: "late", rate: "9/min", stage: "after-auth" }, {
      name: "early",
      rate: "9/min",
    }] as const;
    const { check } = createThrottle(rules, { client, authenticate: () => ({ id: "ann" }) });
    const { decisions } = await check(requestTo());
    assertEquals(decisions.map(({ rule }) => rule), ["late", "early"]);
  });
});

describe("the address of a request", () => {
  it("is asked for once, also where something is awaited", async () => {
    let asked = 0;
    const address = () => `192.0.2.${++asked}`;
    const key = async ({ address }: Context) => await Promise.resolve(address);
    const { send } = throttled([{ rate: "9/min" }, { rate: "8/min", key }], { client: { address } });
    assertEquals([(await send()).status, asked], [200, 1]);
  });

  it("that a client takes away by leaving is missed quietly after authentication too", async () => {
    const gone = new Request("https://api.example/", { signal: AbortSignal.abort() });
    const { send, events, served } = throttled(
      { rate: "9/min", stage: "after-auth" },
      { client: { address: () => null }, authenticate: () => Promise.resolve({ id: "ann" }) },
    );
    const { status } = await send(gone);
    assertEquals([status, served.length, events.filter(({ type }) => type === "error").length], [429, 0, 0]);
  });
});
