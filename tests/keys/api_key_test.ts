import { assert, assertEquals, assertMatch, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import type { Identity } from "../../src/context.ts";
import type { Context } from "../../src/context.ts";
import { hashFor } from "../../src/hash/digest.ts";
import { byApiKey, type ByApiKeyOptions } from "../../src/keys/api_key.ts";
import { byGlobal } from "../../src/keys/global.ts";
import { memoryStore } from "../../src/stores/memory/memory_store.ts";
import { createThrottle } from "../../src/throttle/throttle.ts";
import { codePoints } from "../harness/code_points.ts";
import { writtenDuring } from "../harness/console.ts";

const REAL = new Set(["key-of-alice", "key-of-bob"]);
const verify = (key: string) => REAL.has(key);

function context(key: string | null, changes: Partial<Context> = {}): Context {
  const headers: Record<string, string> = key === null ? {} : { "x-api-key": key };
  return {
    request: new Request("https://example.com/?api_key=key-of-alice", { headers }),
    identity: null,
    address: "192.0.2.1",
    route: null,
    platform: [],
    ...changes,
  };
}

async function keyOf(key: string | null, options: ByApiKeyOptions = { verify }, changes?: Partial<Context>) {
  return await byApiKey(options)(context(key, changes));
}

/** The warnings of `run`. */
const warnings = async (run: () => Promise<unknown>) => (await writtenDuring(run, "warn")).lines;

/** May it pass? Of each of these keys in turn, all from one address. */
async function passes(
  options: ByApiKeyOptions,
  keys: readonly (string | null)[],
  rate = "2/min",
): Promise<boolean[]> {
  const throttle = createThrottle({ rate, key: byApiKey(options) }, {
    client: { address: () => "192.0.2.1" },
    store: memoryStore({ clock: () => 0 }),
  });
  const passed: boolean[] = [];
  for (const key of keys) passed.push((await throttle.check(context(key).request)).allowed);
  return passed;
}

describe("byApiKey", () => {
  it("gives each real key a quota of its own", async () => {
    const [alice, bob] = ["key-of-alice", "key-of-bob"];
    assertEquals(await passes({ verify }, [alice, alice, alice, bob, bob, bob]), [
      true,
      true,
      false,
      true,
      true,
      false,
    ]);
  });

  it("lets nobody mint quotas: keys that are not real use their address's, together with requests without one", async () => {
    const made = Array.from({ length: 8 }, (_, i) => `made-up-${i}`);
    assertEquals(await passes({ verify }, [null, ...made, "key-of-alice"]), [
      ...[true, true],
      ...made.slice(1).map(() => false),
      true,
    ]);
  });

  it("reads the key from X-API-Key, or the header that it is given", async () => {
    const request = new Request("https://example.com/", { headers: { "X-Other": "key-of-alice" } });
    assertEquals(await keyOf(null, { verify }, { request }), "ip:192.0.2.1");
    assertEquals(await keyOf(null, { verify, header: "x-OTHER" }, { request }), await keyOf("key-of-alice"));
  });

  it("never reads it from the query string, which ends up in logs", async () => {
    assertEquals(await keyOf(null), "ip:192.0.2.1");
  });

  it("keeps a hash of full length, and never the key itself", async () => {
    assertMatch(await keyOf("key-of-alice") ?? "", /^api-key:[0-9a-f]{64}$/);
    const seen: unknown[] = [];
    const memory = memoryStore();
    const throttle = createThrottle({ rate: "2/min", key: byApiKey({ verify }) }, {
      client: { address: () => "192.0.2.1" },
      observers: [(event) => seen.push(event)],
      revealKeys: true,
      store: {
        ...memory,
        decide(checks, spend) {
          seen.push(checks.map(({ key }) => key));
          return memory.decide(checks, spend);
        },
      },
    });
    for (let i = 0; i < 3; i++) await throttle.check(context("key-of-alice").request);
    assert(!JSON.stringify(seen).includes("key-of-alice"), "The key is nowhere.");
  });

  it("hashes by HMAC with a secret, text or bytes", async () => {
    const plain = await keyOf("key-of-alice");
    const one = await keyOf("key-of-alice", { verify, secret: "pepper" });
    const other = await keyOf("key-of-alice", { verify, secret: "salt" });
    assertEquals(new Set([plain, one, other]).size, 3);
    assertEquals(await keyOf("key-of-alice", { verify, secret: new TextEncoder().encode("pepper") }), one);
  });

  it("gives the key of `otherwise` to a request without a valid one", async () => {
    assertEquals(await keyOf(null, { verify, otherwise: byGlobal() }), "global:all");
    assertEquals(await keyOf("made up", { verify, otherwise: () => "anything" }), "1:anything");
    assertEquals(await keyOf("made up", { verify, otherwise: () => null }), null);
  });

  it("asks verify with the key and the context, and takes its answer later too", async () => {
    const asked: unknown[] = [];
    const identity: Identity = { id: "alice" };
    const key = byApiKey({
      verify(key, context) {
        asked.push([key, context.identity]);
        return Promise.resolve(true);
      },
    });
    assertMatch(await key(context("any", { identity })) ?? "", /^api-key:/);
    assertEquals(asked, [["any", identity]]);
    await key(context(null));
    await key(context(""));
    assertEquals(asked.length, 1);
  });

  it("counts all keys of a customer together, where verify gives the customer", async () => {
    const owners = new Map([["a-1", "acme"], ["a-2", "acme"], ["g-1", "globex"]]);
    const byCustomer = (key: string) => owners.get(key);
    const asked = ["a-1", "a-2", "a-1", "g-1", "g-1", "g-1", "made-up", "made-up-too", null];
    const passed = [true, true, false, true, true, false, true, true, false];
    assertEquals(await passes({ verify: byCustomer }, asked), passed);
    assertEquals(await passes({ verify: (key) => Promise.resolve(byCustomer(key)) }, asked), passed);
    assertEquals(await keyOf("a-2", { verify: byCustomer }), "api-key:customer:acme");
  });

  it("takes no customer for a key, whatever the customer is called", async () => {
    const partition = await keyOf("key-of-alice") as string;
    for (const name of [partition, partition.replace("api-key:", ""), `customer:${partition}`]) {
      assertNotEquals(await keyOf("other", { verify: () => name }), partition);
    }
  });

  it("counts nobody where verify gives false, null or undefined", async () => {
    for (const nobody of [false, null, undefined]) {
      assertEquals(await keyOf("any", { verify: () => nobody }), "ip:192.0.2.1");
    }
  });

  it("refuses anything else that verify gives, without showing it", async () => {
    const others: [unknown, string][] = [
      [1, "of type number"],
      [0, "of type number"],
      ["", "empty"],
      [{ id: "acme", password: "hunter2" }, "of type object"],
      [["acme"], "of type object"],
    ];
    for (const [other, shown] of others) {
      const error = await assertRejects(
        () => keyOf("any", { verify: () => other as string }),
        TypeError,
        "Cannot use byApiKey() as verify must give the customer as text, true, false or null: current value is",
      );
      assert(error.message.endsWith(` is ${shown}`), error.message);
    }
  });

  it("takes of an Authorization header the key alone, without its scheme and the spaces around it", async () => {
    const seen: string[] = [];
    const read = async (value: string, header = "Authorization") => {
      const request = new Request("https://example.com/", { headers: { [header]: value } });
      return await keyOf(null, { header, verify: (key) => seen.push(key) > 0 }, { request });
    };
    const written = ["Bearer k-1", "bearer k-1", "BEARER   k-1", "Bearer\tk-1", "ApiKey k-1 ", "k-1"];
    const partitions = new Set<string | null>();
    for (const value of written) partitions.add(await read(value));
    partitions.add(await read("Bearer  k-1", "proxy-authorization"));
    assertEquals(partitions.size, 1);
    assertEquals(new Set(seen), new Set(["k-1"]));
    assertNotEquals(await read("Bearer k-2"), [...partitions][0]);
    // Any other header is the key itself.
    await read("Bearer k-1", "x-api-key");
    assertEquals(seen.at(-1), "Bearer k-1");
  });

  it("passes on the error that verify throws, as the error that it is", async () => {
    const error = new RangeError("mine");
    const failing = () => Promise.reject(error);
    await assertRejects(() => keyOf("any", { verify: failing }), RangeError, "mine");
  });

  it("runs after authentication, which may have refused unknown keys with 401", async () => {
    assertEquals(byApiKey().stage, "after-auth");
    let known = 0;
    const throttle = createThrottle(["9/min", { name: "key", rate: "2/min", key: byApiKey() }], {
      authenticate: ({ request }) =>
        verify(request.headers.get("x-api-key") ?? "")
          ? { id: `${known++}` }
          : new Response(null, { status: 401 }),
      client: { address: () => "192.0.2.1" },
    });
    const said = await warnings(async () => {
      const statuses = [];
      for (
        const key of ["made-up-1", "made-up-2", "key-of-alice", "made-up-3", "key-of-alice", "key-of-alice"]
      ) {
        statuses.push((await throttle.check(context(key).request)).response?.status ?? 200);
      }
      assertEquals(statuses, [401, 401, 200, 401, 200, 429]);
    });
    assertEquals(said, []);
  });

  it("warns, once, where it counts a key that nobody checked", async () => {
    const said = await warnings(async () => {
      assertEquals(await passes({ header: "x-api-key" }, ["a", "b", "a", "a"]), [true, true, true, false]);
    });
    assertEquals(said.length, 1);
    assertMatch(said[0], /unverified keys.+byApiKey\({ verify }\)/);
  });

  it("finds a quota by the key that it gives, or by a request", async () => {
    const throttle = createThrottle({ name: "key", rate: "5/min", key: byApiKey({ verify }) }, {
      client: { address: () => "192.0.2.1" },
    });
    const { request } = context("key-of-alice");
    await throttle.check(request);
    assertEquals((await throttle.usage("key", request)).remaining, 4);
    assertEquals((await throttle.usage("key", await keyOf("key-of-alice") as string)).remaining, 4);
    assertEquals((await throttle.usage("key", context("key-of-bob").request)).remaining, 5);
  });

  it("is refused for a mistake in its options, without showing a secret", () => {
    const mistakes: [unknown, string][] = [
      [{ header: "x api key" }, "must be a header name"],
      [{ verify: REAL }, "verify must be a function"],
      [{ otherwise: "ip" }, "otherwise must be a function"],
      [{ secret: "" }, "secret must be text or bytes, at least one: current value is empty"],
      [
        { secret: () => "s" },
        "secret must be text or bytes, at least one: current value is of type function",
      ],
      [
        { secret: undefined },
        "secret must be text or bytes, at least one: current value is of type undefined",
      ],
      [{ secret: 12345 }, "secret must be text or bytes, at least one: current value is of type number"],
    ];
    for (const [mistake, sentence] of mistakes) {
      assertThrows(() => byApiKey(mistake as ByApiKeyOptions), TypeError, sentence);
    }
  });
});

describe("a hash", () => {
  it("is SHA-256, or HMAC-SHA-256, of the purpose and the text", async () => {
    const { createHash, createHmac } = await import("node:crypto");
    const secret = new Uint8Array([1, 2, 3]);
    await fc.assert(fc.asyncProperty(fc.string(), fc.string({ unit: codePoints }), async (purpose, text) => {
      const whole = JSON.stringify([purpose, text]);
      assertEquals(await hashFor(purpose, null)(text), createHash("sha256").update(whole).digest("hex"));
      assertEquals(
        await hashFor(purpose, secret)(text),
        createHmac("sha256", secret).update(whole).digest("hex"),
      );
    }));
  });

  it("is another for another purpose, wherever the one ends and the text begins", async () => {
    const parts = ["a", "ab", "b", "", '"', '","'];
    const hashes = new Set<string>();
    for (const purpose of parts) for (const text of parts) hashes.add(await hashFor(purpose, null)(text));
    assertEquals(hashes.size, parts.length ** 2);
  });

  it("is remembered for a while: then it comes without a promise, and is the same", async () => {
    const hash = hashFor("test", null);
    const first = await hash("a");
    assertEquals(hash("a"), first);
    for (let i = 0; i < 1000; i++) await hash(`other ${i}`);
    assert(hash("a") instanceof Promise, "Others have taken its place.");
    assertEquals(await hash("a"), first);
    assertNotEquals(await hash("b"), first);
  });
});
