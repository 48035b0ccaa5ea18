/** Background work that the platform is kept alive for. */
import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "node:test";
import { waitUntil } from "../../src/exchange/wait_until.ts";

describe("waitUntil", () => {
  const refusing = (error: Error) => [{
    waitUntil() {
      throw error;
    },
  }];

  it("leaves work alone that the platform takes no more, but throws what is a mistake in the call", () => {
    waitUntil(refusing(new Error("the event is over")), Promise.resolve());
    assertThrows(() => waitUntil(refusing(new TypeError("no promise")), Promise.resolve()), TypeError);
  });

  it("asks for nothing where the work is done", () => {
    const kept: unknown[] = [];
    waitUntil([{ waitUntil: (work: unknown) => kept.push(work) }], "done");
    assertEquals(kept, []);
  });
});
