import { assertEquals } from "@std/assert";
import { describe, it } from "node:test";
import { lanesOf } from "../../../src/stores/postgres/lanes.ts";

describe("lanesOf()", () => {
  /** Enters the lanes some times, and notes who has entered. */
  function enterAll(count: number, patienceMs: number, entering: number) {
    const lanes = lanesOf(count, patienceMs);
    const entered: number[] = [];
    const all = Array.from({ length: entering }, (_, i) => lanes.enter().then(() => void entered.push(i)));
    return { lanes, entered, all: Promise.all(all) };
  }
  const turns = async (): Promise<void> => {
    for (let i = 0; i < 10; i++) await Promise.resolve();
  };

  it("lets so many go on, and the next one when a call ends, also by an error", async () => {
    const { lanes, entered } = enterAll(2, 60_000, 4);
    await turns();
    assertEquals(entered, [0, 1]);
    lanes.leaveAfter(Promise.resolve());
    await turns();
    assertEquals(entered, [0, 1, 2]);
    lanes.leaveAfter(Promise.reject(new Error("out of reach")));
    await turns();
    assertEquals(entered, [0, 1, 2, 3]);
  });

  it("takes the lane from a call that never ends", async () => {
    const { lanes, entered, all } = enterAll(1, 1, 2);
    lanes.leaveAfter(new Promise(() => {}));
    await all;
    assertEquals(entered, [0, 1]);
  });

  it("keeps a lane that was left for one who comes later", async () => {
    const lanes = lanesOf(1, 60_000);
    await lanes.enter();
    lanes.leaveAfter(Promise.resolve());
    await turns();
    await lanes.enter();
    let isNext = false;
    void lanes.enter().then(() => isNext = true);
    await turns();
    assertEquals(isNext, false);
  });
});
