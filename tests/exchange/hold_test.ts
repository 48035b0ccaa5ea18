/** Slots that are held beyond the response. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import {
  concurrency,
  createThrottle,
  type Decision,
  memoryStore,
  type Rule,
  type Store,
  type Throttle,
  throttleOf,
} from "../../mod.ts";
import { faultyStore } from "../../src/testing/mod.ts";
import { withFakeTimers } from "../harness/fake_timers.ts";
import { inTime } from "../harness/in_time.ts";
import { describeOnStores } from "../harness/store_table.ts";
import { client, requestTo, SOMEBODY, START, throttled } from "../harness/throttled.ts";
import { pause, until } from "../harness/until.ts";

const slots = (limit: number, lease: string): Rule => ({
  ...{ name: "sockets", rate: { limit } },
  algorithm: concurrency({ lease }),
});

/** A handler whose requests hold their slots until `close` of the answer is called. */
function holder(rule: Rule, store?: Store) {
  const throttle = createThrottle(rule, { client, ...store === undefined ? {} : { store } });
  const open: (() => void)[] = [];
  const handle = throttle.wrap((request) => {
    open.push(throttleOf(request)!.hold());
    return undefined;
  });
  return { throttle, open, connect: async () => await handle(requestTo("/")) === undefined };
}

/** The same on a store that answers at once. */
function holderNow(rule: Rule, store: Store) {
  const throttle = createThrottle(rule, { client, store });
  const open: { end(): void; settle(): void }[] = [];
  const handle = throttle.wrap((request) => {
    const { hold, settle } = throttleOf(request)!;
    const end = hold();
    open.push({
      end,
      settle() {
        settle("sockets", 0);
        end();
      },
    });
    return undefined;
  });
  return { throttle, open, connect: () => handle(requestTo("/")) === undefined };
}

/** A store that counts its calls. */
function counted(inner: Store): { readonly store: Store; calls(): number } {
  let calls = 0;
  const store: Store = {
    shared: false,
    decide(checks, spend) {
      calls++;
      return inner.decide(checks, spend);
    },
  };
  return { store, calls: () => calls };
}

const used = async (throttle: Throttle, limit: number) =>
  limit - (await throttle.usage("sockets", SOMEBODY)).remaining;

describeOnStores("throttleOf(request).hold", ({ open: openStore, roundTrips }) => {
  it("keeps the slot after the response until it is ended, once", async () => {
    const { throttle, open, connect } = holder(slots(2, "1h"), openStore("kept"));
    const passed = [];
    for (let i = 0; i < 10; i++) passed.push(await connect());
    assertEquals(passed.filter((each) => each).length, 2);
    open[0]();
    open[0]();
    await until(async () => await used(throttle, 2) === 1);
    assertEquals([await connect(), await connect()], [true, false]);
    open.forEach((end) => end());
    await until(async () => await used(throttle, 2) === 0);
  });

  // On memory by a clock of the test's own, below.
  if (roundTrips() === null) return;

  it("renews the lease while the slot is held, and no longer", async () => {
    // A process that is busy for half of this loses its slots.
    const leaseMs = 4000;
    await inTime(async (tries) => {
      const { throttle, open, connect } = holder(slots(2, `${leaseMs}ms`), openStore(`renewed ${tries}`));
      try {
        assertEquals([await connect(), await connect()], [true, true]);
        for (const end = performance.now() + 1.1 * leaseMs; performance.now() < end; await pause(100)) {
          assertEquals(await used(throttle, 2), 2);
          assertEquals(await connect(), false);
        }
      } finally {
        open.forEach((close) => close());
      }
      await until(async () => await used(throttle, 2) === 0);
    });
  });
});

describe("slots that are held", () => {
  const LEASE_MS = 1000;
  const step = fc.record({
    kind: fc.constantFrom("open", "open", "open", "close", "wait", "wait", "settle"),
    which: fc.nat(20),
    ms: fc.constantFrom(0, 1, 7, 100, 249, 250, 251, 400, 1000, 3000),
  });

  for (const [limit, block] of [[3, false], [3, true], [100, false]] as const) {
    it(`are never more than the limit, and never fewer: limit ${limit}${block ? ", under a block" : ""}`, () => {
      const rule: Rule = {
        ...slots(limit, `${LEASE_MS}ms`),
        ...block ? { block: { after: 1000, window: "1h", for: "1h" } } : {},
      };
      fc.assert(
        fc.property(fc.array(step, { maxLength: 60 }), (steps) =>
          withFakeTimers(START, (time) => {
            const { throttle, open, connect } = holderNow(rule, memoryStore({ clock: () => time.now }));
            // A limit of 100 is met by some that never leave.
            for (let i = 0; i < limit - 3; i++) assertEquals(connect(), true);
            const kept = open.splice(0);
            for (const { kind, which, ms } of steps) {
              const isFree = open.length + kept.length < limit;
              if (kind === "open") assertEquals(connect(), isFree);
              else if (kind === "close") {
                open.splice(which % Math.max(1, open.length), 1).forEach(({ end }) => end());
              } else if (kind === "wait") time.advance(ms);
              else open.splice(which % Math.max(1, open.length), 1).forEach(({ settle }) => settle());
              const { remaining } = throttle.usage("sockets", SOMEBODY) as Decision;
              assertEquals(remaining, limit - kept.length - open.length);
            }
          })),
        { numRuns: 100 },
      );
    });
  }

  it("come free a lease after the last renewal where their process died", () => {
    withFakeTimers(START, (time) => {
      const store = memoryStore({ clock: () => time.now });
      const { connect } = holderNow(slots(1, `${LEASE_MS}ms`), store);
      assertEquals(connect(), true);
      time.advance(10 * LEASE_MS);
      assertEquals(connect(), false);
      // It died: its timers run no more.
      time.now += LEASE_MS - 1;
      assertEquals(connect(), false);
      time.now += 1;
      assertEquals(connect(), true);
    });
  });

  it("are renewed as often as a timer can be long where the lease is of a year", () => {
    withFakeTimers(START, (time) => {
      const { throttle, connect } = holderNow(slots(1, "365days"), memoryStore({ clock: () => time.now }));
      assertEquals(connect(), true);
      time.advance(2 ** 31 - 1);
      const { resetAfterMs } = throttle.usage("sockets", SOMEBODY) as Decision;
      assert(resetAfterMs > 365 * 86_400_000, String(resetAfterMs));
    });
  });

  it("are taken again as soon as their suspended process goes on, not a renewal later", () => {
    withFakeTimers(START, (time) => {
      const { store, calls } = counted(memoryStore({ clock: () => time.now }));
      const { throttle, connect } = holderNow(slots(1, `${LEASE_MS}ms`), store);
      assertEquals(connect(), true);
      time.now += 500 * LEASE_MS + 3;
      assertEquals((throttle.usage("sockets", SOMEBODY) as Decision).remaining, 1);
      const before = calls();
      time.advance(0);
      // The renewal that was due, and the one of now.
      assertEquals(calls() - before, 2);
      assertEquals((throttle.usage("sockets", SOMEBODY) as Decision).remaining, 0);
    });
  });

  it("are taken again by a process that was suspended, even beyond the limit, and are its own then", () => {
    withFakeTimers(START, (time) => {
      const store = memoryStore({ clock: () => time.now });
      const suspended = holderNow(slots(1, `${LEASE_MS}ms`), store);
      const { throttle, connect, open } = suspended;
      assertEquals(connect(), true);
      time.now += 5 * LEASE_MS + 3;
      assertEquals(connect(), true);
      time.advance(0);
      time.advance(10 * LEASE_MS);
      assertEquals(connect(), false);
      open[0].end();
      assertEquals(connect(), false);
      open[1].end();
      assertEquals((throttle.usage("sockets", SOMEBODY) as Decision).remaining, 1);
    });
  });
});

describe("throttleOf(request).hold", () => {
  const requests = (
    handler: (request: Request) => Response | Promise<Response>,
    rules: Rule[] = [slots(1, "1h")],
  ) => throttled(rules, {}, handler);

  it("ends with the response where it is ended before it", async () => {
    const body = new TransformStream<Uint8Array>();
    const { send, throttle } = requests((request) => {
      throttleOf(request)!.hold()();
      return new Response(body.readable);
    });
    const response = await send();
    assertEquals(await used(throttle, 1), 1);
    await Promise.all([body.writable.close(), response.text()]);
    assertEquals(await used(throttle, 1), 0);
  });

  it("outlasts a body that has ended", async () => {
    let end: (() => void) | undefined;
    const { send, throttle } = requests((request) => {
      end = throttleOf(request)!.hold();
      return new Response("hello");
    });
    await (await send()).text();
    assertEquals(await used(throttle, 1), 1);
    end!();
    assertEquals(await used(throttle, 1), 0);
  });

  it("ends where the handler throws, as nobody may be left to end it", async () => {
    let end: (() => void) | undefined;
    const { send, throttle } = requests((request) => {
      end = throttleOf(request)!.hold();
      throw new Error("before the upgrade");
    });
    await assertRejects(() => send());
    assertEquals(await used(throttle, 1), 0);
    end!();
    assertEquals(await used(throttle, 1), 0);
  });

  it("lasts until all have ended it, where several hold it", async () => {
    const ends: (() => void)[] = [];
    const { send, throttle } = requests((request) => {
      ends.push(throttleOf(request)!.hold(), throttleOf(request)!.hold());
      return new Response(null);
    });
    await send();
    ends[0]();
    ends[0]();
    assertEquals(await used(throttle, 1), 1);
    ends[1]();
    assertEquals(await used(throttle, 1), 0);
  });

  it("holds the slots of all throttles around the handler", async () => {
    const inner = createThrottle(slots(1, "1h"), { client });
    const outer = createThrottle({ ...slots(1, "1h"), name: "outer" }, { client });
    let end: (() => void) | undefined;
    const handle = outer.wrap(inner.wrap((request) => {
      end = throttleOf(request)!.hold();
      return new Response(null);
    }));
    await handle(requestTo("/"));
    const left = async () => [
      (await outer.usage("outer", SOMEBODY)).remaining,
      (await inner.usage("sockets", SOMEBODY)).remaining,
    ];
    assertEquals(await left(), [0, 0]);
    end!();
    assertEquals(await left(), [1, 1]);
  });

  it("holds nothing that was settled, and has nothing to do without a slot", async () => {
    const { send, throttle, events } = throttled(
      [{ name: "all", rate: "9/min" }, slots(1, "1h")],
      {},
      async (request) => {
        const end = throttleOf(request)!.hold();
        await throttleOf(request)!.settle("sockets", 0);
        end();
        return new Response(null);
      },
    );
    await send();
    assertEquals(await used(throttle, 1), 0);
    assertEquals(events.filter(({ type }) => type === "settled").length, 1);
    const plain = throttled("9/min", {}, (request) => {
      throttleOf(request)!.hold()();
      return new Response(null);
    });
    assertEquals((await plain.send()).status, 200);
  });

  it("asks the store nothing more for a slot that was settled", () => {
    withFakeTimers(START, (time) => {
      const { store, calls } = counted(memoryStore({ clock: () => time.now }));
      const handle = createThrottle(slots(1, "1min"), { client, store }).wrap((request) => {
        throttleOf(request)!.hold();
        throttleOf(request)!.settle("sockets", 0);
        return new Response(null);
      });
      handle(requestTo());
      const asked = calls();
      time.advance(120_000);
      assertEquals([asked, calls()], [2, 2]);
    });
  });

  it("says so when the slots are free already", async () => {
    let late: Request | undefined;
    const { send } = requests((request) => {
      late = request;
      return new Response(null);
    });
    await send();
    assertThrows(() => throttleOf(late!)!.hold(), Error, "call hold() before the handler returns");
  });

  it("is on the outcome's request for frameworks that ask check", async () => {
    const throttle = createThrottle(slots(1, "1h"), { client });
    const request = requestTo("/");
    const outcome = await throttle.check(request);
    const end = throttleOf(request)!.hold();
    outcome.label(new Response(null));
    assertEquals(await used(throttle, 1), 1);
    end();
    assertEquals(await used(throttle, 1), 0);
  });

  it("keeps a slot through an outage of the store, and knows it again afterwards", () => {
    const { error } = console;
    console.error = () => {};
    try {
      withFakeTimers(START, (time) => {
        const store = faultyStore(memoryStore({ clock: () => time.now }));
        const { throttle, connect, open } = holderNow(slots(1, "1s"), store);
        assertEquals(connect(), true);
        store.fault = "throw";
        for (let i = 0; i < 10; i++) {
          time.advance(500);
          assertEquals(connect(), false);
        }
        store.fault = null;
        time.advance(2000);
        const look = () => throttle.usage("sockets", SOMEBODY) as Decision;
        assertEquals([look().source, look().remaining, connect()], ["store", 0, false]);
        open[0].end();
        assertEquals([look().source, look().remaining], ["store", 1]);
        // Charged while the store was away, and known to it afterwards.
        store.fault = "throw";
        assertEquals(connect(), true);
        store.fault = null;
        time.advance(3000);
        assertEquals([look().source, look().remaining, connect()], ["store", 0, false]);
        open[1].end();
        assertEquals(look().remaining, 1);
      });
    } finally {
      console.error = error;
    }
  });

  it("is given to nobody else when the store is back, however its outage and the lease lie", () => {
    const { error } = console;
    console.error = () => {};
    try {
      for (let outageMs = 500; outageMs <= 3000; outageMs += 20) {
        withFakeTimers(START, (time) => {
          const store = faultyStore(memoryStore({ clock: () => time.now }));
          const { throttle, connect, open } = holderNow(slots(2, "1s"), store);
          for (let i = 0; i < 2; i++) assertEquals(connect(), true);
          time.advance(140);
          store.fault = "throw";
          for (let ms = 0; ms < outageMs; ms += 20) {
            assertEquals(connect(), false, `${ms} ms into ${outageMs}`);
            time.advance(20);
          }
          store.fault = null;
          for (let ms = 0; ms < 600; ms += 20) {
            assertEquals(connect(), false, `${ms} ms after ${outageMs}`);
            time.advance(20);
          }
          for (const { end } of open) end();
          assertEquals((throttle.usage("sockets", SOMEBODY) as Decision).remaining, 2, `${outageMs}`);
        });
      }
    } finally {
      console.error = error;
    }
  });

  it("renews nothing by a clock that stands still, and never runs ahead of it", async () => {
    const { throttle, send, clock } = throttled([slots(1, "100ms")], {}, (request) => {
      throttleOf(request)!.hold();
      return new Response(null);
    });
    await send();
    await pause(300);
    clock.now += 151;
    // At most one renewal was ahead of the clock; the next takes the slot again, as the request still runs.
    await until(async () => (await throttle.usage("sockets", SOMEBODY)).remaining === 0);
    const { resetAfterMs } = await throttle.usage("sockets", SOMEBODY);
    assert(resetAfterMs <= 150, String(resetAfterMs));
    assertEquals((await send()).status, 429);
  });
});
