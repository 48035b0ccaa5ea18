import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import type { Identity } from "../../src/context.ts";
import type { Context } from "../../src/context.ts";
import { compose, firstOf } from "../../src/keys/compose.ts";
import { byGlobal } from "../../src/keys/global.ts";
import { byHeader } from "../../src/keys/header.ts";
import { byIp, type ByIpOptions } from "../../src/keys/ip.ts";
import { type Key, keyOf } from "../../src/keys/key.ts";
import { codePoints } from "../harness/code_points.ts";

const somebody: Identity = { id: "7" };

function context(
  address: string | null,
  headers: Record<string, string> = {},
  identity: Identity | null = null,
): Context {
  const request = new Request("https://example.com/", { headers });
  return { request, address, identity, route: null, platform: [] };
}

/** A key that is always this. */
const fixed = (value: string | null, keyName?: string): Key =>
  keyName === undefined ? () => value : keyOf(keyName, "before-auth", () => value);
const nobody = context(null);

describe("byIp", () => {
  const TABLE: readonly (readonly [ByIpOptions, address: string, key: string])[] = [
    [{}, "203.0.113.9", "203.0.113.9"],
    [{}, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    [{}, "::1", "::/64"],
    [{}, "::1.2.3.4", "::/64"],
    [{}, "unix:/a", "unix:/a"],
    [{ ipv4Prefix: 24 }, "203.0.113.9:443", "203.0.113.9:443"],
    [{ ipv4Prefix: 24 }, "203.0.113.9", "203.0.113.0/24"],
    [{ ipv6Prefix: 56 }, "2001:db8:1:2ff::1", "2001:db8:1:200::/56"],
    [{ ipv6Prefix: 128 }, "2001:db8::1", "2001:db8::1/128"],
    [{ ipv6Prefix: 48, ipv4Prefix: 8 }, "10.1.2.3", "10.0.0.0/8"],
  ];
  for (const [options, address, key] of TABLE) {
    it(`${JSON.stringify(options)} of ${address} is ${key}`, () => {
      assertEquals(byIp(options)(context(address)), key);
    });
  }

  it("refuses options that cannot be used, with the value", () => {
    for (const ipv4Prefix of [0, 33, 1.5, NaN, -1]) {
      assertThrows(() => byIp({ ipv4Prefix }), RangeError, `${ipv4Prefix}`);
    }
    for (const ipv6Prefix of [0, 129, 1.5, NaN]) {
      assertThrows(() => byIp({ ipv6Prefix }), RangeError, `${ipv6Prefix}`);
    }
    assertThrows(
      () => byIp({ onMissing: "ignore" as "skip" }),
      TypeError,
      `Cannot make byIp() as onMissing must be one of "error", "skip", "deny": current value is "ignore"`,
    );
  });

  it("without an address is an error that says what to configure, unless another outcome is chosen", () => {
    assertThrows(
      () => byIp()(nobody),
      TypeError,
      "Cannot throttle by address as its context has none. byIp({ onMissing:",
    );
    for (const onMissing of ["skip", "deny"] as const) {
      const key = byIp({ onMissing });
      assertEquals([key(nobody), key.refusesNull === true], [null, onMissing === "deny"]);
      assertEquals(key(context("192.0.2.1")), "192.0.2.1");
    }
  });

  it("runs before authentication, or after it for anonymous requests only", () => {
    assertEquals([byIp().stage, byIp().keyName], ["before-auth", "ip"]);
    const key = byIp({ anonymousOnly: true });
    assertEquals(key.stage, "after-auth");
    assertEquals(key(context("192.0.2.1")), "192.0.2.1");
    assertEquals(key(context("192.0.2.1", {}, somebody)), null);
    assertEquals(key(context(null, {}, somebody)), null);
    // Null means skip then: those with an identity must not be refused.
    assert(!byIp({ anonymousOnly: true, onMissing: "deny" }).refusesNull);
  });
});

describe("byHeader", () => {
  it("is the header's value, any case of its name", () => {
    const key = byHeader("X-Tenant");
    assertEquals([key.stage, key.keyName], ["before-auth", "header-x-tenant"]);
    assertEquals(key(context(null, { "x-tenant": "acme" })), "acme");
    assertEquals(key(context(null, { "X-TENANT": "  acme " })), "acme");
  });

  it("is null where the header is absent or empty", () => {
    assertEquals(byHeader("x-tenant")(nobody), null);
    assertEquals(byHeader("x-tenant")(context(null, { "x-tenant": "" })), null);
    assertEquals(byHeader("x-tenant")(context(null, { "x-tenant": "  " })), null);
  });

  it("refuses what is no header's name", () => {
    for (const name of ["", "a b", "a:b", "é", "a\n", 5, null, undefined]) {
      assertThrows(() => byHeader(name as string), TypeError, "its name must be a header name");
    }
  });
});

describe("byGlobal", () => {
  it("is one and the same for everyone", () => {
    const key = byGlobal();
    assertEquals(key(context("192.0.2.1")), key(context("198.51.100.7", { a: "b" }, somebody)));
    assertEquals([key.stage, key.keyName], ["before-auth", "global"]);
    assert(key(nobody) !== null);
  });
});

describe("compose", () => {
  const composed = (parts: readonly (string | null)[]) =>
    compose(...parts.map((part) => fixed(part)))(nobody);

  it("keeps a + bc and ab + c apart", () => {
    assertNotEquals(composed(["a", "bc"]), composed(["ab", "c"]));
    assertNotEquals(composed(["a|b", "c"]), composed(["a", "b|c"]));
    assertNotEquals(composed(["a\\", "b"]), composed(["a", "\\b"]));
    assertNotEquals(composed(["a\\|b", ""]), composed(["a\\", "b|"]));
    assertNotEquals(composed(["", "a"]), composed(["a", ""]));
  });

  it("is injective, whatever the parts hold", () => {
    const part = fc.oneof(fc.string(), fc.stringMatching(/^[a|\\]{0,6}$/), fc.string({ unit: codePoints }));
    const parts = fc.integer({ min: 1, max: 4 }).chain((length) =>
      fc.tuple(...[0, 1].map(() => fc.array(part, { minLength: length, maxLength: length })))
    );
    fc.assert(
      fc.property(parts, ([a, b]) => {
        assertEquals(composed(a) === composed(b), JSON.stringify(a) === JSON.stringify(b));
      }),
      { numRuns: 2000 },
    );
  });

  it("is injective when composed again", () => {
    const nested = (a: string, b: string, c: string) =>
      compose(compose(fixed(a), fixed(b)), fixed(c))(nobody);
    const part = fc.stringMatching(/^[a|\\]{0,4}$/);
    fc.assert(
      fc.property(fc.tuple(part, part, part), fc.tuple(part, part, part), (a, b) => {
        assertEquals(nested(...a) === nested(...b), JSON.stringify(a) === JSON.stringify(b));
      }),
      { numRuns: 2000 },
    );
  });

  it("is null as soon as one part is null", () => {
    assertEquals(composed(["a", null]), null);
    assertEquals(composed([null, "a"]), null);
    assertEquals(composed([null]), null);
    assertEquals(composed(["", ""]) === null, false);
  });

  it("is here at once when its parts are, else later", async () => {
    assertEquals(typeof compose(fixed("a"), fixed("b"))(nobody), "string");
    const late = compose(fixed("a"), () => Promise.resolve("b"));
    assert(late(nobody) instanceof Promise);
    assertEquals(await late(nobody), composed(["a", "b"]));
    assertEquals(await compose(fixed("a"), () => Promise.resolve(null))(nobody), null);
  });
});

describe("firstOf", () => {
  it("is the first that is not null, marked with its key's name", () => {
    const key = firstOf(byHeader("x-tenant"), byIp());
    assertEquals(key(context("192.0.2.1", { "x-tenant": "acme" })), "header-x-tenant:acme");
    assertEquals(key(context("192.0.2.1")), "ip:192.0.2.1");
    assertEquals([key.stage, key.keyName], ["before-auth", "header-x-tenant-or-ip"]);
    assertEquals(firstOf(fixed(null), fixed(null))(nobody), null);
  });

  it("asks no further than needed", () => {
    const never: Key = () => {
      throw new Error("asked");
    };
    assertEquals(firstOf(fixed("a", "x"), never)(nobody), "x:a");
  });

  it("keeps what one key gives apart from what any other gives", () => {
    const names = [undefined, "a", "a:b", "0", "1", "2", ""];
    const value = fc.constantFrom("", "x", "b:x", ":x", "1:x", "a:x", "0:b:x");
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...names), { minLength: 2, maxLength: 4 }),
        fc.tuple(fc.nat(3), value),
        fc.tuple(fc.nat(3), value),
        (names, [i, x], [j, y]) => {
          const [p, q] = [i % names.length, j % names.length];
          const at = (place: number, value: string) =>
            firstOf(...names.map((name, n) => fixed(n === place ? value : null, name)))(nobody);
          assertEquals(at(p, x) === at(q, y), p === q && x === y);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("waits for keys that come later", async () => {
    const key = firstOf(() => Promise.resolve(null), fixed("b", "x"));
    assert(key(nobody) instanceof Promise);
    assertEquals(await key(nobody), "x:b");
  });
});

describe("keys of keys", () => {
  const later = keyOf("user", "after-auth", () => "7");

  it("run at the latest stage that a part needs", () => {
    for (const make of [compose, firstOf]) {
      assertEquals(make(byIp(), byGlobal()).stage, "before-auth");
      assertEquals(make(byIp(), later).stage, "after-auth");
      assertEquals(make(later, byIp()).stage, "after-auth");
      assertEquals(make(() => "plain").stage, "before-auth");
    }
  });

  it("refuse no key, and what is no function", () => {
    for (const [name, make] of [["compose", compose], ["firstOf", firstOf]] as const) {
      assertThrows(() => make(), TypeError, `Cannot make ${name}() as it needs at least one key`);
      assertThrows(() => make("ip" as unknown as Key), TypeError, 'current value is "ip"');
      assertThrows(() => make(null as unknown as Key), TypeError, "current value is null");
    }
  });

  it("refuse rather than skip where a part does", () => {
    const deny = byIp({ onMissing: "deny" });
    for (const make of [compose, firstOf]) {
      assert(make(byHeader("x-a"), deny).refusesNull);
      assert(!make(byHeader("x-a"), byIp({ onMissing: "skip" })).refusesNull);
    }
  });

  it("never count strangers together as undefined", async () => {
    const none = (() => undefined) as unknown as Key;
    const number = keyOf("account", "before-auth", () => 42 as unknown as string);
    for (const make of [compose, firstOf]) {
      assertThrows(
        () => make(none, byGlobal())(nobody),
        TypeError,
        "must give a string or null: current value is undefined",
      );
      assertThrows(() => make(number)(nobody), TypeError, "Cannot use the key account of");
      const late = make((() => Promise.resolve(undefined)) as unknown as Key);
      await assertRejects(() => Promise.resolve(late(nobody)), TypeError, "current value is undefined");
    }
  });
});

describe("keyOf", () => {
  it("refuses what is no function, with the value", () => {
    for (const derive of [null, undefined, "x-tenant", 5, {}]) {
      assertThrows(
        () => keyOf("tenant", "before-auth", derive as unknown as Key),
        TypeError,
        "Cannot make a key as derive must be a function: current value is",
      );
    }
  });
});
