import { assert, assertEquals, assertMatch, assertNotEquals, assertThrows } from "@std/assert";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import {
  byGlobal,
  byHeader,
  createThrottle,
  memoryStore,
  type Observer,
  type Rule,
  type ThrottleEvent,
  throttleOf,
  type ThrottleOptions,
} from "../../mod.ts";
import { START } from "../harness/algorithms.ts";
import { writtenDuring } from "../harness/console.ts";
import { pause } from "../harness/until.ts";

/** A throttled handler that is watched, on a clock that stands still. */
function watched(rules: Rule | readonly Rule[], options: ThrottleOptions = {}) {
  const events: ThrottleEvent[] = [];
  const throttle = createThrottle(rules as Rule[], {
    store: memoryStore({ clock: () => START }),
    client: { address: () => "192.0.2.1" },
    observers: [(event) => events.push(event)],
    ...options,
  });
  const handler = throttle.wrap(async (request) => {
    const used = request.headers.get("x-used");
    if (used !== null) await throttleOf(request)?.settle("r", Number(used));
    return new Response("inside");
  });
  return {
    events,
    throttle,
    async send(path = "/", init?: RequestInit): Promise<number> {
      return (await handler(new Request(`https://example.com${path}`, init))).status;
    },
  };
}

const types = (events: readonly ThrottleEvent[]) => events.map(({ type }) => type);

describe("an observer", () => {
  it("gets each verdict once, with the method, the route's pattern, the time and the decisions", async () => {
    const { events, send } = watched({ name: "r", rate: "1/min", on: "/users/:id" });
    assertEquals([await send("/users/7?token=x"), await send("/users/8", { method: "POST" })], [200, 429]);
    assertEquals(types(events), ["allowed", "denied"]);
    const [allowed, denied] = events;
    assertEquals([allowed.at, allowed.method, allowed.route], [START, "GET", "/users/:id"]);
    assertEquals(
      allowed.decisions.map(({ rule, allowed, remaining }) => ({ policy: rule, allowed, remaining })),
      [
        { policy: "r", allowed: true, remaining: 0 },
      ],
    );
    assertEquals([denied.method, denied.route, denied.rule], ["POST", "/users/:id", "r"]);
    assertEquals(denied.decisions[0].retryAfterMs, 60_000);
  });

  it("learns from `denied` which rule was the first to refuse", async () => {
    const rules = [["a", 9], ["b", 1], ["c", 1]].map(([name, limit]): Rule => ({
      name: name as string,
      rate: `${limit}/min`,
    }));
    const { events, send } = watched(rules);
    await send();
    await send();
    assertEquals([events[1].type, events[1].rule], ["denied", "b"]);
    assertEquals(events[1].decisions.map(({ allowed }) => allowed), [true, false, false]);
  });

  it("gets events of shadow refusals, skipped rules, blocks and corrections", async () => {
    const shadow = watched([{ name: "s", rate: "1/min", mode: "shadow" }, { name: "r", rate: "9/min" }]);
    assertEquals([await shadow.send(), await shadow.send()], [200, 200]);
    assertEquals(types(shadow.events), ["allowed", "shadow-denied", "allowed"]);
    assertEquals([shadow.events[1].rule, shadow.events[1].decisions.length], ["s", 1]);

    const skipped = watched([{ name: "h", rate: "1/min", key: byHeader("x-tenant") }, {
      name: "r",
      rate: "9/min",
    }]);
    assertEquals(await skipped.send(), 200);
    assertEquals(types(skipped.events), ["skipped", "allowed"]);
    assertEquals(skipped.events[0].rule, "h");

    const blocked = watched({ name: "b", rate: "1/min", block: { after: 1, window: 60, for: 60 } });
    assertEquals([await blocked.send(), await blocked.send()], [200, 429]);
    assertEquals(types(blocked.events), ["allowed", "blocked", "denied"]);
    assertEquals([blocked.events[1].rule, blocked.events[1].decisions[0].blockedMs > 0], ["b", true]);

    const settled = watched({ name: "r", rate: "9/min" });
    assertEquals(await settled.send("/", { headers: { "x-used": "5" } }), 200);
    assertEquals(types(settled.events), ["allowed", "settled"]);
    assertEquals([settled.events[1].rule, settled.events[1].decisions.length], ["r", 1]);
  });

  it("gets one event when a full store begins to share quotas, and one when it need no longer", async () => {
    let now = START;
    const store = memoryStore({ maxKeys: 1, clock: () => now });
    const { events, send } = watched({ name: "r", rate: "1/min", key: byHeader("x-tenant") }, { store });
    const tenant = (name: string) => send("/", { headers: { "x-tenant": name } });
    assertEquals([await tenant("a"), await tenant("b"), await tenant("c")], [200, 200, 429]);
    now += 60_000;
    assertEquals([await tenant("d")], [200]);
    assertEquals(types(events), ["allowed", "store", "allowed", "denied", "store", "allowed"]);
    const [failing, healed] = events.filter(({ type }) => type === "store");
    assertEquals([failing.state, failing.method, failing.route, failing.decisions], [
      "failing",
      "",
      null,
      [],
    ]);
    assertMatch((failing.error as Error).message, /holds 1 keys with nothing left/);
    assertEquals(healed.state, "healed");
  });

  it("sees a short hash of the key, the same for the same key, unless keys are revealed", async () => {
    const rule: Rule = { name: "r", rate: "1/min" };
    const { events, send } = watched(rule);
    for (let i = 0; i < 3; i++) await send();
    const [, { key }, again] = events;
    assertMatch(key as string, /^[0-9a-f]{16}$/);
    assertEquals(again.key, key);

    const other = watched(rule);
    for (let i = 0; i < 2; i++) await other.send();
    // Keyed anew in every throttle: nobody can make a list of all addresses' hashes.
    assertNotEquals(other.events[1].key, key);

    const revealing = watched(rule, { revealKeys: true });
    for (let i = 0; i < 2; i++) await revealing.send();
    assertEquals(revealing.events[1].key, "192.0.2.1");
  });

  it("that logs events logs neither address, path nor header", async () => {
    const { events, send } = watched([{ name: "r", rate: "1/min", on: "/users/*" }, {
      name: "g",
      rate: "9/min",
      key: byGlobal(),
    }]);
    for (let i = 0; i < 2; i++) {
      await send("/users/secret?token=secret", { headers: { authorization: "secret" } });
    }
    const text = JSON.stringify(events) + events.map((event) => Object.values(event).join()).join();
    for (const raw of ["192.0.2.1", "secret"]) assert(!text.includes(raw), text);
  });

  it("that logs events as they are shows plain objects, whatever a minifier calls their class", async () => {
    const { events, send } = watched({ name: "r", rate: "1/min" });
    await send();
    assertMatch(inspect(events[0]), /^\{\s+type: ["']allowed["'],/);
    assertEquals(Object.keys(events[0]), ["type", "at", "method", "route", "decisions", "durationMs"]);
  });

  it("that changes an event changes no answer", async () => {
    const { send } = watched({ name: "r", rate: "1/min" }, {
      observers: [(event) => {
        Object.assign(event, { type: "allowed", rule: "other" });
        for (const decision of event.decisions) Object.assign(decision, { allowed: true, remaining: 9 });
      }],
    });
    assertEquals([await send(), await send(), await send()], [200, 429, 429]);
  });

  it("that throws, or rejects, is reported once and changes nothing", async () => {
    for (
      const fail of [
        () => {
          throw new Error("broken");
        },
        () => Promise.reject(new Error("broken")),
      ]
    ) {
      let told = 0;
      const observers: Observer[] = [() => (told++, fail() as unknown as void), () => void told++];
      const { send } = watched({ name: "r", rate: "2/min" }, { observers });
      const { calls } = await writtenDuring(async () => {
        assertEquals([await send(), await send(), await send()], [200, 200, 429]);
        await pause(5);
      }, "error");
      assertEquals(told, 6);
      assertEquals(calls.length, 1);
      assertMatch(String(calls[0][0]), /An observer of a throttle failed/);
      assertEquals((calls[0][1] as Error).message, "broken");
    }
  });

  it("is refused where it is no function", () => {
    for (const observer of [null, {}, "log"]) {
      assertThrows(
        () => createThrottle("1/min", { observers: [observer as unknown as Observer] }),
        TypeError,
        `observers must be a list of functions: current value is ${JSON.stringify([observer])}`,
      );
    }
  });
});
