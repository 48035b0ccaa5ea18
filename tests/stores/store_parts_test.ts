import { assert, assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "node:test";
import {
  type Check,
  createThrottle,
  type Decision,
  memoryStore,
  type Store,
  type ThrottleEvent,
} from "../../mod.ts";
import { RuleError } from "../../src/stores/rule_error.ts";
import type { StorePart } from "../../src/stores/store.ts";
import { pauseAwake } from "../harness/awake.ts";
import { writtenDuring } from "../harness/console.ts";
import { until } from "../harness/until.ts";

/** A store of two parts, "a" and "b", each of which can fail by itself; and what operators read meanwhile. */

type Name = "a" | "b" | "c";

const client = { address: () => "192.0.2.1" };
const request = new Request("https://example.com/");
const down = (): never => {
  throw new Error("no route to host");
};

/** Rules are kept on the part that their name begins with, unless they have moved. */
function parted(canBeProbed = false) {
  const time = { now: 1_000_000 };
  const memory = memoryStore({ clock: () => time.now });
  const calls: Record<string, number> = { a: 0, b: 0, c: 0 };
  const probes: string[] = [];
  const moved = new Map<string, Name>();
  const faults = new Map<Name, (checks: readonly Check[], spend: boolean) => unknown>();
  const partOf = ({ policy: { name } }: Check): Name => moved.get(name) ?? name[0] as Name;
  const parts = new Map(["a", "b", "c"].map((name): [string, StorePart] => [name, {
    name,
    ...(canBeProbed
      ? {
        async probe() {
          probes.push(name);
          await faults.get(name as Name)?.([], true);
        },
      }
      : {}),
  }]));
  const store = {
    shared: true,
    denyCache: false,
    clock: () => time.now,
    deadlineMs: 20,
    partOf: (check: Check) => parts.get(partOf(check))!,
    async decide(checks: readonly Check[], spend = true): Promise<readonly Decision[]> {
      const [name, ...others] = new Set(checks.map(partOf));
      assertEquals(others, [], "one part a call");
      calls[name]++;
      await faults.get(name)?.(checks, spend);
      return memory.decide(checks, spend) as readonly Decision[];
    },
  } satisfies Store;
  return { time, memory, store, calls, probes, moved, faults };
}

function throttled(store: Store, names: readonly string[], limit = 1000) {
  const events: string[] = [];
  const throttle = createThrottle(names.map((name) => ({ name, rate: `${limit}/hour` })), {
    client,
    store,
    observers: [({ type, state, part }: ThrottleEvent) => {
      if (type === "store") events.push(`${state} ${part}`);
    }],
  });
  const sources = async (): Promise<string> =>
    (await throttle.check(request)).decisions.map(({ source }) => source).join();
  return { throttle, events, sources };
}

describe("a store that fails in parts", () => {
  it("is asked as ever about what is on its other parts, and not at all about the failing one", async () => {
    const { store, calls, faults } = parted();
    const { events, sources } = throttled(store, ["a", "b"]);
    faults.set("a", down);
    for (let i = 0; i < 40; i++) assertEquals(await sources(), "local,store");
    assertEquals(calls, { a: 5, b: 40, c: 0 });
    assertEquals(events, ["failing a"]);
  });

  it("tells one end of each part's outage, and asks the part again", async () => {
    const { store, time, faults } = parted();
    const { events, sources } = throttled(store, ["a", "b"]);
    for (const part of ["a", "b"] as const) faults.set(part, down);
    for (let i = 0; i < 10; i++) assertEquals(await sources(), "local,local");
    faults.delete("b");
    time.now += 1000;
    for (let i = 0; i < 10; i++) await sources();
    faults.delete("a");
    time.now += 1000;
    for (let i = 0; i < 10; i++) assertEquals(await sources(), "store,store");
    assertEquals(events, ["failing a", "failing b", "healed b", "healed a"]);
  });

  it("charges the other parts nothing for a request that the stand-in of one refuses", async () => {
    const { store, faults } = parted();
    const throttle = createThrottle([{ name: "a", rate: "3/hour" }, { name: "b", rate: "100/hour" }], {
      client,
      store,
    });
    faults.set("a", down);
    const passed = [];
    for (let i = 0; i < 10; i++) passed.push((await throttle.check(request)).allowed);
    assertEquals(passed.filter(Boolean).length, 3);
    assertEquals((await throttle.usage("b", "192.0.2.1")).remaining, 97);
  });

  it("gives back what it charged for a request that another part refuses", async () => {
    const { store } = parted();
    const throttle = createThrottle([{ name: "a", rate: "9/hour" }, { name: "b", rate: "2/hour" }], {
      client,
      store,
    });
    for (let i = 0; i < 8; i++) await throttle.check(request);
    const { decisions } = await throttle.check(request);
    assertEquals(decisions.map(({ allowed, remaining }) => [allowed, remaining]), [[true, 7], [false, 0]]);
    assertEquals((await throttle.usage("a", "192.0.2.1")).remaining, 7);
  });

  it("ends the outage of a part whose keys have gone to another one", async () => {
    const { store, faults, moved, calls } = parted();
    const { events, sources } = throttled(store, ["a", "b"]);
    faults.set("a", down);
    for (let i = 0; i < 10; i++) await sources();
    moved.set("a", "c");
    assertEquals(await sources(), "store,store");
    await until(() => events.length === 2);
    assertEquals(events, ["failing a", "healed a"]);
    assertEquals(calls.a, 5);
  });

  it("tells no end of an outage to a throttle that was made during it", async () => {
    const { store, time, faults } = parted();
    const first = throttled(store, ["a"]);
    faults.set("a", down);
    await first.sources();
    const second = throttled(store, ["a"]);
    await second.sources();
    faults.clear();
    time.now += 1000;
    await second.sources();
    assertEquals(first.events, ["failing a", "healed a"]);
    assertEquals(second.events, []);
    faults.set("a", down);
    for (let i = 0; i < 20; i++) await second.sources();
    assertEquals([first.events.slice(2), second.events], [["failing a"], ["failing a"]]);
  });

  it("whose part cannot be found is asked as a whole, and goes by the rules' policies where that fails", async () => {
    for (const fault of [down, () => Promise.reject(new Error("no route to host")), () => undefined]) {
      const { store, time, faults } = parted();
      let isFound = false;
      const partOf = (check: Check): StorePart =>
        isFound ? store.partOf(check) : fault() as unknown as StorePart;
      const { events, sources } = throttled({ ...store, partOf }, ["a"]);
      assertEquals(await sources(), "store");
      faults.set("a", down);
      for (let i = 0; i < 10; i++) assertEquals(await sources(), "local");
      assertEquals(events, ["failing undefined"]);
      faults.clear();
      isFound = true;
      time.now += 1000;
      for (let i = 0; i < 2; i++) assertEquals(await sources(), "store");
      await until(() => events.length === 2);
      assertEquals(events, ["failing undefined", "healed undefined"]);
    }
  });
});

describe("a part that can be probed", () => {
  it("is probed beside the requests: none of them waits once its breaker is open", async () => {
    const { store, time, faults, calls, probes } = parted(true);
    const { events, sources } = throttled(store, ["a"]);
    faults.set("a", () => new Promise(() => {}));
    for (let i = 0; i < 5; i++) assertEquals(await sources(), "local");
    assertEquals(calls.a, 5);
    for (let second = 0; second < 3; second++) {
      time.now += 1000;
      for (let i = 0; i < 5; i++) assertEquals(await sources(), "local");
      // The store's clock stands still, so the probe's own deadline ends it.
      await pauseAwake(100);
    }
    assertEquals([calls.a, probes.length], [5, 3]);
    faults.delete("a");
    time.now += 1000;
    await sources();
    await until(() => events.length === 2);
    assertEquals(await sources(), "store");
    assertEquals(events, ["failing a", "healed a"]);
  });

  it("that only reads is healed neither by refusals nor by peeks, but by what it writes", async () => {
    const { store, time, faults, probes, memory } = parted(true);
    const { throttle, events } = throttled(store, ["a"], 2);
    for (let i = 0; i < 2; i++) await throttle.check(request);
    const onReplica = (checks: readonly Check[], spend: boolean): void => {
      const writes = checks.length === 0 ||
        spend && (memory.decide(checks, false) as Decision[]).every(({ allowed }) => allowed);
      if (writes) throw new Error("READONLY You can't write against a read only replica.");
    };
    faults.set("a", onReplica);
    const others = createThrottle({ name: "a", rate: "1000/hour", key: () => "others" }, { store });
    for (let i = 0; i < 40; i++) {
      await others.check(request);
      assertEquals((await throttle.check(request)).allowed, false);
      await throttle.peek(request);
    }
    for (let second = 0; second < 5; second++) {
      time.now += 1000;
      for (let i = 0; i < 5; i++) await throttle.check(request);
    }
    await until(() => probes.length > 0);
    assertEquals(events, ["failing a"]);
    faults.delete("a");
    time.now += 1000;
    await throttle.check(request);
    await until(() => events.length === 2);
    assertEquals(events, ["failing a", "healed a"]);
  });

  it("is probed again if its probe was lost with the request that it belonged to", async () => {
    const { store, time, faults, probes } = parted(true);
    const { sources } = throttled(store, ["a"]);
    faults.set("a", down);
    for (let i = 0; i < 5; i++) await sources();
    faults.set("a", () => new Promise(() => {}));
    const real = globalThis.setTimeout;
    // As on a platform that ends what a request left behind: neither answer nor deadline comes.
    globalThis.setTimeout = (() => 0) as unknown as typeof setTimeout;
    time.now += 1000;
    await sources();
    globalThis.setTimeout = real;
    assertEquals(probes.length, 1);
    time.now += 1000;
    await sources();
    assertEquals(probes.length, 1);
    time.now += 20;
    await sources();
    assertEquals(probes.length, 2);
  });

  it("keeps a platform alive until it has answered", async () => {
    const { store, time, faults } = parted(true);
    const { throttle } = throttled(store, ["a"]);
    faults.set("a", down);
    for (let i = 0; i < 5; i++) await throttle.check(request);
    time.now += 1000;
    const work: Promise<unknown>[] = [];
    await throttle.check(request, { waitUntil: (promise: Promise<unknown>) => work.push(promise) });
    assertEquals(work.length, 1);
    await work[0];
  });
});

describe("a rule that fails by itself, on a store that is well", () => {
  function withBrokenRule() {
    const one = parted();
    const broken = new Set(["a2"]);
    one.faults.set("a", (checks) => {
      const failing = checks.find(({ policy }) => broken.has(policy.name));
      if (failing !== undefined) throw new RuleError(failing.policy.name, "attempt to index nil");
    });
    return { ...one, broken };
  }

  it("takes its policy alone: the rules beside it are decided by the store, each request once", async () => {
    const { store, calls } = withBrokenRule();
    const { throttle, events, sources } = throttled(store, ["a1", "a2", "a3"]);
    for (let i = 0; i < 20; i++) assertEquals(await sources(), "store,local,store");
    assertEquals(events, ['failing rule "a2"']);
    assertEquals(calls.a, 5 * 2 + 15, "asked about no more");
    assertEquals((await throttle.usage("a1", "192.0.2.1")).remaining, 980);
  });

  it("is asked about again, and its outage has one end", async () => {
    const { store, time, broken } = withBrokenRule();
    const { events, sources } = throttled(store, ["a1", "a2"]);
    for (let i = 0; i < 10; i++) await sources();
    broken.clear();
    time.now += 1000;
    assertEquals(await sources(), "store,store");
    assertEquals(events, ['failing rule "a2"', 'healed rule "a2"']);
  });

  it("does not pass where its policy is to deny, and the others are charged nothing", async () => {
    const { store } = withBrokenRule();
    const throttle = createThrottle([
      { name: "a1", rate: "5/hour" },
      { name: "a2", rate: "5/hour", onStoreFailure: "deny" },
    ], { client, store });
    for (let i = 0; i < 9; i++) assertEquals((await throttle.check(request)).response?.status, 503);
    assertEquals((await throttle.usage("a1", "192.0.2.1")).remaining, 5);
  });
});

describe("lines for operators", () => {
  const saidDuring = async (run: () => Promise<void>) => (await writtenDuring(run, "error")).lines;

  it("is one line when a store begins to fail and one when it works again, though nobody observes", async () => {
    const { store, time, faults } = parted();
    const { partOf: _, ...whole } = store;
    const named = { ...whole, name: "my store" };
    const said = await saidDuring(async () => {
      const throttle = createThrottle([{ name: "a", rate: "9/hour" }, {
        name: "a2",
        rate: "9/hour",
        onStoreFailure: "deny",
      }], { client, store: named });
      faults.set("a", () => Promise.reject(new Error("WRONGPASS invalid\n or missing auth token")));
      for (let i = 0; i < 50; i++) await throttle.check(request);
      faults.clear();
      time.now += 1000;
      for (let i = 0; i < 5; i++) await throttle.check(request);
    });
    assertEquals(said, [
      '@weir/throttle: my store cannot be used: WRONGPASS invalid or missing auth token. Until it can, onStoreFailure decides: "deny" or "local".',
      "@weir/throttle: my store works again, and decides again.",
    ]);
  });

  it("names the part, and is said once however many throttles use the store", async () => {
    const { store, faults } = parted();
    const said = await saidDuring(async () => {
      faults.set("a", down);
      const throttles = [1, 2, 3].map(() => throttled(store, ["a", "b"]).throttle);
      for (let i = 0; i < 5; i++) for (const throttle of throttles) await throttle.check(request);
    });
    assertEquals(said.length, 1);
    assertMatch(said[0], /^@weir\/throttle: the store \(a\) cannot be used: no route to host\. /);
  });

  it("is one line when a memoryStore is full of keys with nothing left", async () => {
    const { lines } = await writtenDuring(async () => {
      const throttle = createThrottle({ rate: "1/min", key: ({ request }) => request.url }, {
        store: memoryStore({ maxKeys: 3 }),
      });
      for (let i = 0; i < 20; i++) await throttle.check(new Request(`https://example.com/${i}`));
    }, "warn");
    assertEquals(lines.length, 1);
    assertMatch(
      lines[0],
      /memoryStore\(\) holds 3 keys with nothing left: new keys share one quota per rule$/,
    );
  });

  it("is a reason, whatever the store failed with", async () => {
    for (const thrown of [undefined, null, "text", 7, Object.create(null), new Error(""), Symbol("s")]) {
      const { store, faults } = parted();
      const said = await saidDuring(async () => {
        faults.set("a", () => Promise.reject(thrown));
        await throttled(store, ["a"]).throttle.check(request);
      });
      assertEquals(said.length, 1);
      assert(said[0].startsWith("@weir/throttle: the store (a) cannot be used: "), said[0]);
    }
  });
});
