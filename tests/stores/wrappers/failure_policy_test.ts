import { describe, it } from "node:test";
import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { createThrottle, type Decision, memoryStore, type Store } from "../../../mod.ts";

const request = new Request("https://example.com/");
const client = { address: () => "192.0.2.1" };

/** A shared store that brings no guard, and fails while it is told to. */
function handWritten(clock = () => 0) {
  const memory = memoryStore({ clock });
  const state = { fails: false, calls: 0 };
  async function call<T>(run: () => T): Promise<Awaited<T>> {
    state.calls++;
    if (state.fails) throw new Error("the database is away");
    return await run();
  }
  const store: Store = {
    shared: true,
    name: "my store",
    clock,
    decide: (checks, spend) => call(() => memory.decide(checks, spend) as readonly Decision[]),
    forget: (key) => call(() => memory.forget?.(key)) as Promise<void>,
  };
  return { store, state };
}

/** The lines that something writes to `console.error`. */
async function errorsOf(run: () => Promise<void>): Promise<readonly string[]> {
  const lines: string[] = [];
  const { error } = console;
  console.error = (line: string) => lines.push(line);
  try {
    await run();
  } finally {
    console.error = error;
  }
  return lines;
}

describe("a store that brings no guard", () => {
  it("is asked again by every request of an outage, which is reported once, as is its end", async () => {
    const { store, state } = handWritten();
    const events: (string | undefined)[] = [];
    const throttle = createThrottle("10/min", {
      store,
      client,
      observers: [({ type, state }) => type === "store" && events.push(state)],
    });
    const sources: string[] = [];
    const lines = await errorsOf(async () => {
      for (const fails of [false, true, true, false]) {
        state.fails = fails;
        sources.push((await throttle.check(request)).decisions[0].source);
      }
    });
    assertEquals(sources, ["store", "local", "local", "store"]);
    assertEquals(state.calls, 4);
    assertEquals(events, ["failing", "healed"]);
    assertEquals(lines, [
      '@weir/throttle: my store cannot be used: the database is away. Until it can, onStoreFailure decides: "local".',
      "@weir/throttle: my store works again, and decides again.",
    ]);
  });

  it("hands out no new quota in an outage", async () => {
    const { store, state } = handWritten();
    const throttle = createThrottle("2/min", { store, client });
    assertEquals((await throttle.check(request)).allowed, true);
    state.fails = true;
    await errorsOf(async () => {
      assertEquals((await throttle.check(request)).allowed, true);
      assertEquals((await throttle.check(request)).allowed, false);
    });
  });

  it("has refusals of its own, which are no failures, and each is asked for", async () => {
    const { store, state } = handWritten();
    const throttle = createThrottle("1/min", { store, client });
    const lines = await errorsOf(async () => {
      for (const allowed of [true, false, false]) {
        assertEquals((await throttle.check(request)).allowed, allowed);
      }
    });
    assertEquals([lines.length, state.calls], [0, 3]);
  });

  it("corrects a charge where it was made", async () => {
    const { store, state } = handWritten();
    const throttle = createThrottle({ name: "r", rate: "2/min", count: "failures" }, { store, client });
    await errorsOf(async () => {
      state.fails = true;
      const made = await throttle.check(request);
      state.fails = false;
      made.label(new Response("fine"));
      await null;
      assertEquals((await throttle.usage("r", "192.0.2.1")).remaining, 2);
      state.fails = true;
      assertEquals((await throttle.usage("r", "192.0.2.1")).remaining, 2);
    });
  });

  it("answers within its deadline, whatever it does", async () => {
    const { store } = handWritten();
    const throttle = createThrottle({ name: "r", rate: "1/min", onStoreFailure: "deny" }, {
      client,
      store: { ...store, deadlineMs: 5, decide: () => new Promise<never>(() => {}) },
    });
    const lines = await errorsOf(async () => {
      const { decisions: [{ allowed, source }], response } = await throttle.check(request);
      assertEquals([allowed, source, response?.status], [false, "denied-by-policy", 503]);
    });
    assertMatch(lines[0], /did not answer within 5 ms/);
  });

  it("says so where a key could not be forgotten, and cannot forget where it has no way to", async () => {
    const { store, state } = handWritten();
    const throttle = createThrottle({ name: "r", rate: "1/min" }, { store, client });
    await throttle.check(request);
    await throttle.reset("r", request);
    assertEquals((await throttle.check(request)).allowed, true);
    state.fails = true;
    await assertRejects(
      async () => await throttle.reset("r", request),
      Error,
      "Cannot reset this key as the store failed",
    );
  });
});
