import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import type { Identity } from "../../src/context.ts";
import type { Context } from "../../src/context.ts";
import { byApiKey } from "../../src/keys/api_key.ts";
import { compose, firstOf } from "../../src/keys/compose.ts";
import { byHeader } from "../../src/keys/header.ts";
import { byIp } from "../../src/keys/ip.ts";
import { type Key, keyOf } from "../../src/keys/key.ts";
import { byUser, type ByUserOptions } from "../../src/keys/user.ts";
import { memoryStore } from "../../src/stores/memory/memory_store.ts";
import { createThrottle } from "../../src/throttle/throttle.ts";

/** A context in which somebody, or nobody, asks from an address. */
function context(identity: Identity | null, address: string | null = "192.0.2.1", headers = {}): Context {
  return {
    request: new Request("https://example.com/", { headers }),
    identity,
    address,
    route: null,
    platform: [],
  };
}

describe("byUser", () => {
  it("is the identity's id, and null where nobody is known", () => {
    assertEquals(byUser()(context({ id: "42" })), "42");
    assertEquals(byUser()(context(null)), null);
  });

  it("exempts staff and superusers, unless `exempt` says otherwise", () => {
    const people: Identity[] = [
      { id: "user" },
      { id: "staff", staff: true },
      { id: "superuser", superuser: true },
      { id: "neither", staff: false, superuser: false },
    ];
    const limited = (options?: ByUserOptions) =>
      people.map((person) => byUser(options)(context(person)) !== null);
    assertEquals(limited(), [true, false, false, true]);
    assertEquals(limited({ exempt: () => false }), [true, true, true, true]);
    assertEquals(limited({ exempt: ({ staff }) => staff }), [true, false, true, true]);
  });

  it("exempts the users that `exempt` names, such as premium users", () => {
    const key = byUser({ exempt: ({ tier }) => tier === "premium" });
    assertEquals(key(context({ id: "1", tier: "premium" })), null);
    assertEquals(key(context({ id: "2", tier: "free" })), "2");
  });

  it("runs after authentication and can be asked no sooner", () => {
    assertEquals(byUser().stage, "after-auth");
    const error = assertThrows(
      () => createThrottle({ name: "mine", rate: "1/min", key: byUser(), stage: "before-auth" }),
      TypeError,
    );
    assertEquals(
      error.message,
      'Cannot use rule "mine" as its key (user) needs an identity, so stage must be "after-auth": current value is "before-auth"',
    );
  });

  it("throws at an identity without an id, rather than let such share a quota or have none", () => {
    for (const id of ["", undefined, null, 42]) {
      const error = assertThrows(() => byUser()(context({ id } as unknown as Identity)), TypeError);
      assertMatch(
        error.message,
        /^Cannot throttle by user as the identity's id must be text, .+: current value is /,
      );
    }
  });

  it("throws at what is neither true nor false, rather than exempt whoever has the text false", () => {
    const wrong: readonly (readonly [Record<string, unknown>, ByUserOptions?])[] = [
      [{ staff: "false" }],
      [{ superuser: "no" }],
      [{ staff: 1 }],
      [{}, { exempt: () => "no" as unknown as boolean }],
    ];
    for (const [members, options] of wrong) {
      assertThrows(
        () => byUser(options)(context({ id: "1", ...members } as Identity)),
        TypeError,
        "Cannot throttle by user as staff, superuser and what exempt returns must be true or false: current value is ",
      );
    }
    for (const nothing of [0, "", null]) {
      assertEquals(byUser()(context({ id: "1", staff: nothing } as unknown as Identity)), "1");
    }
  });

  it("is refused for a mistake in its options", () => {
    const mistake = { exempt: "staff" } as unknown as ByUserOptions;
    assertThrows(() => byUser(mistake), TypeError, 'exempt must be a function: current value is "staff"');
  });

  it("gives each user a quota of their own, wherever they ask from", async () => {
    let who: Identity | null = null;
    let address = "192.0.2.1";
    const throttle = createThrottle(["1000/min", { name: "user", rate: "2/min", key: byUser() }], {
      authenticate: () => who,
      client: { address: () => address },
      store: memoryStore({ clock: () => 0 }),
    });
    const passes = async () => (await throttle.check(new Request("https://example.com/"))).allowed;
    who = { id: "alice" };
    assertEquals([await passes(), await passes(), await passes()], [true, true, false]);
    address = "192.0.2.2";
    assertEquals(await passes(), false);
    who = { id: "bob" };
    assertEquals(await passes(), true);
    who = { id: "carol", staff: true };
    assertEquals([await passes(), await passes(), await passes()], [true, true, true]);
  });
});

describe("firstOf", () => {
  it("never lets a user named like an address use the address's quota", async () => {
    const key = firstOf(byUser(), byIp());
    await fc.assert(fc.asyncProperty(fc.string({ minLength: 1 }), fc.ipV4(), async (id, address) => {
      fc.pre(address !== "0.0.0.0");
      assertEquals(await key(context({ id }, address)) === await key(context(null, address)), false);
    }));
    assertEquals(key(context({ id: "192.0.2.1" })), "user:192.0.2.1");
    assertEquals(key(context(null)), "ip:192.0.2.1");
  });

  it("refuses a request without an address where byIp denies missing addresses", async () => {
    const throttle = createThrottle({
      rate: "9/min",
      key: firstOf(byHeader("x-tenant"), byIp({ onMissing: "deny" })),
    }, {
      client: { address: () => null },
    });
    const named = new Request("https://example.com/", { headers: { "x-tenant": "a" } });
    assertEquals((await throttle.check(named)).allowed, true);
    assertEquals((await throttle.check(new Request("https://example.com/"))).allowed, false);
  });
});

describe("exempt users", () => {
  const deny = byIp({ onMissing: "deny" });
  const staff: Identity = { id: "carol", staff: true };
  const late = (key: Key): Key =>
    keyOf("late", "after-auth", (context) => Promise.resolve().then(() => key(context)));
  const CHAINS: Readonly<Record<string, () => Key>> = {
    "byUser()": () => byUser(),
    "firstOf(byUser(), byIp())": () => firstOf(byUser(), byIp()),
    "firstOf(byUser(), byIp()), without an address": () => firstOf(byUser(), byIp()),
    'firstOf(byUser(), byIp({ onMissing: "deny" }))': () => firstOf(byUser(), deny),
    "firstOf(firstOf(byUser(), byHeader()), byIp())": () =>
      firstOf(firstOf(byUser(), byHeader("x-a")), byIp()),
    "firstOf of a key that comes later, byUser() and byIp()": () =>
      firstOf(late(() => null), byUser(), byIp()),
    "firstOf(compose(byUser(), byHeader()), byIp())": () =>
      firstOf(compose(byUser(), byHeader("x-a")), byIp()),
    "compose(byUser(), byIp())": () => compose(byUser(), byIp()),
    'compose(byUser(), byIp({ onMissing: "deny" }))': () => compose(byUser(), deny),
    "byApiKey({ otherwise: firstOf(byUser(), byIp()) })": () =>
      byApiKey({ otherwise: firstOf(byUser(), byIp()) }),
  };
  for (const [name, key] of Object.entries(CHAINS)) {
    it(`is counted under no key of ${name}, and uses up nobody's quota`, async () => {
      let who: Identity | null = staff;
      const throttle = createThrottle({ rate: "1/min", key: key() }, {
        authenticate: () => who,
        client: { address: () => name.endsWith("without an address") ? null : "192.0.2.1" },
        store: memoryStore({ clock: () => 0 }),
      });
      const ask = async () => (await throttle.check(new Request("https://example.com/"))).allowed;
      assertEquals([await ask(), await ask(), await ask()], [true, true, true]);
      assertEquals(await throttle.peek(new Request("https://example.com/")), []);
      // A caller of the key by hand gets null, as from any key that skips.
      assertEquals(await key()(context(staff)), null);
      if (name.endsWith("without an address")) return;
      who = null;
      const anonymous = [await ask(), await ask()];
      assertEquals(anonymous[0], name !== 'compose(byUser(), byIp({ onMissing: "deny" }))');
    });
  }

  it("under a key that comes first is counted by it", async () => {
    const key = firstOf(byHeader("x-tenant"), byUser(), byIp());
    assertEquals(await key(context(staff, "192.0.2.1", { "x-tenant": "a" })), "header-x-tenant:a");
  });
});

describe("compose", () => {
  it("never joins different parts into one key, whatever they hold", async () => {
    const part = fc.oneof(
      fc.string({ minLength: 1 }),
      fc.string({ unit: fc.constantFrom("|", "\\", ":", "a"), minLength: 1 }),
    );
    const key = compose(byUser(), (context) => context.route);
    await fc.assert(
      fc.asyncProperty(part, part, part, part, async (id, route, otherId, otherRoute) => {
        const [one, other] = [{ ...context({ id }), route }, {
          ...context({ id: otherId }),
          route: otherRoute,
        }];
        assertEquals(await key(one) === await key(other), id === otherId && route === otherRoute);
      }),
      { numRuns: 1000 },
    );
  });
});
