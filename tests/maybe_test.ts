import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { describe, it } from "node:test";
import { all, rescue, then } from "../src/maybe.ts";
import { pause } from "./harness/until.ts";

/** A promise of no realm's Promise class. */
function thenable<T>(value: T): Promise<T> {
  return { then: (next: (value: T) => unknown) => Promise.resolve(next(value)) } as Promise<T>;
}

const failure = new Error("failed");
const fail = (): never => {
  throw failure;
};

describe("then", () => {
  it("goes on at once with a value", () => {
    assertEquals(then(2, (n) => n + 1), 3);
    for (const value of [null, undefined, 0, "", false, {}, [], { then: "no function" }]) {
      assertStrictEquals(then(value, (same) => same), value);
    }
  });

  it("goes on later with a promise, or anything that is like one", async () => {
    const later = then(Promise.resolve(2), (n) => n + 1);
    assert(later instanceof Promise);
    assertEquals(await later, 3);
    assertEquals(await then(thenable(2), (n) => n + 1), 3);
    assertEquals(await then(2, (n) => Promise.resolve(n + 1)), 3);
  });

  it("asks of what is like a promise nothing but its then, as await does", async () => {
    const bare = { then: (next: (n: number) => void) => next(2) } as Promise<number>;
    assertEquals(await then(bare, (n) => n + 1), 3);
    assertEquals(await rescue(() => bare, () => 0), 2);
    const rejecting = { then: (_: unknown, stop: (error: unknown) => void) => stop(failure) };
    const broken = { then: fail };
    for (const value of [rejecting, broken] as unknown as Promise<number>[]) {
      await assertRejects(async () => await then(value, (n) => n + 1), Error, "failed");
      assertStrictEquals(await rescue<unknown>(() => value, (error) => error), failure);
    }
  });

  it("lets errors through, in the way they came", async () => {
    assertThrows(() => then(2, fail), Error, "failed");
    await assertRejects(async () => await then(Promise.resolve(2), fail), Error, "failed");
    await assertRejects(async () => await then(Promise.reject(failure), () => 1), Error, "failed");
  });

  it("hands an argument on", async () => {
    const add = (n: number, more: number) => n + more;
    assertEquals(then(2, add, 5), 7);
    assertEquals(await then(Promise.resolve(2), add, 5), 7);
  });
});

describe("all", () => {
  it("is the very list when all values are here", () => {
    const values = [1, null, "a"];
    assertStrictEquals(all(values), values);
    assertEquals(all([]), []);
  });

  it("is one promise of all, in order, when one of them is", async () => {
    const late = all([1, new Promise<number>((resolve) => setTimeout(resolve, 2, 2)), Promise.resolve(3)]);
    assert(late instanceof Promise);
    assertEquals(await late, [1, 2, 3]);
    assertEquals(await all([1, thenable(2)]), [1, 2]);
    await assertRejects(async () => await all([1, Promise.reject(failure)]), Error, "failed");
  });
});

describe("rescue", () => {
  it("gives what the function gives, as it gives it", async () => {
    assertEquals(rescue(() => 1, () => 2), 1);
    assertEquals(await rescue(() => Promise.resolve(1), () => 2), 1);
  });

  it("hands on what was thrown, or what the promise was rejected with", async () => {
    assertStrictEquals(rescue<unknown>(fail, (error) => error), failure);
    assertStrictEquals(await rescue<unknown>(() => Promise.reject(failure), (error) => error), failure);
    assertThrows(
      () =>
        rescue<unknown>(() => fail(), (error) => {
          throw error;
        }),
      Error,
      "failed",
    );
  });

  it("leaves no rejection unhandled", async () => {
    const handled = rescue<number>(() => Promise.reject(failure), () => 0);
    await pause(5);
    assertEquals(await handled, 0);
  });
});
