import { describe, it } from "node:test";
import { assertEquals, assertRejects } from "@std/assert";
import { batched } from "../../src/stores/batch.ts";

describe("batched()", () => {
  /** Asks a text for its length, and notes what went in one call. */
  function lengths(most: number, failure?: Error) {
    const calls: (readonly string[])[] = [];
    const ask = batched(
      async (texts: readonly string[]) => {
        calls.push(texts);
        await Promise.resolve();
        if (failure !== undefined) throw failure;
        return texts.map((text) => text === "bad" ? new Error("no text") : text.length);
      },
      (text) => text.length,
      most,
    );
    return { ask, calls };
  }

  it("asks in one call what is asked at the same moment, and answers each", async () => {
    const { ask, calls } = lengths(100);
    assertEquals(await Promise.all(["a", "bbb", "cc"].map((text) => ask(text))), [1, 3, 2]);
    assertEquals(calls, [["a", "bbb", "cc"]]);
  });

  it("takes along what answers of one call ask next", async () => {
    const { ask, calls } = lengths(100);
    await Promise.all(["a", "b"].map(async (text) => await ask(`${text}${await ask(text)}`)));
    assertEquals(calls, [["a", "b"], ["a1", "b1"]]);
  });

  it("asks in a call of its own what comes while another is under way", async () => {
    const { ask, calls } = lengths(100);
    const first = ask("a");
    await Promise.resolve();
    assertEquals(await Promise.all([first, ask("b")]), [1, 1]);
    assertEquals(calls, [["a"], ["b"]]);
  });

  it("asks in one call what comes while calls wait for their turn, in calls of their size", async () => {
    let begin = (): void => {};
    const calls: (readonly string[])[] = [];
    const ask = batched(
      (texts: readonly string[]) => {
        calls.push(texts);
        return Promise.resolve(texts.map(({ length }) => length));
      },
      ({ length }) => length,
      4,
      () => new Promise((resume) => begin = resume),
    );
    const asked = [ask("a")];
    await Promise.resolve();
    asked.push(ask("bb"));
    await Promise.resolve();
    assertEquals(calls, []);
    begin();
    assertEquals(await Promise.all(asked), [1, 2]);
    assertEquals(calls, [["a", "bb"]]);
    const more = [ask("aaa")];
    begin();
    more.push(ask("bbb"));
    begin();
    assertEquals(await Promise.all(more), [3, 3]);
    assertEquals(calls.slice(1), [["aaa"], ["bbb"]]);
  });

  it("asks no more in one call than may be, but for one that is larger by itself", async () => {
    const { ask, calls } = lengths(4);
    assertEquals(await Promise.all(["aa", "bb", "c", "dddddd", "e"].map((text) => ask(text))), [
      2,
      2,
      1,
      6,
      1,
    ]);
    assertEquals(calls, [["aa", "bb"], ["c"], ["dddddd"], ["e"]]);
  });

  it("keeps the groups apart", async () => {
    const { ask, calls } = lengths(100);
    await Promise.all([ask("a", 1), ask("b", 2), ask("c", 1)]);
    assertEquals(calls, [["a", "c"], ["b"]]);
  });

  it("fails those alone that have an error for an answer", async () => {
    const { ask } = lengths(100);
    const [good, bad] = await Promise.allSettled(["a", "bad"].map((text) => ask(text)));
    assertEquals(good, { status: "fulfilled", value: 1 });
    assertEquals(bad, { status: "rejected", reason: new Error("no text") });
  });

  it("fails all of a call that fails, and no later one", async () => {
    const { ask, calls } = lengths(100, new Error("out of reach"));
    const asked = ["a", "b"].map((text) => assertRejects(() => ask(text), Error, "out of reach"));
    await Promise.all(asked);
    await assertRejects(() => ask("c"), Error, "out of reach");
    assertEquals(calls, [["a", "b"], ["c"]]);
  });
});
