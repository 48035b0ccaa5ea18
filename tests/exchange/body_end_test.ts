/** The end of a response's body. */
import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "node:test";
import { onBodyEnd } from "../../src/exchange/body_end.ts";

/** A turn of the event loop, after which no step of a stream is left. */
const turn = () => new Promise((resolve) => setTimeout(resolve));

describe("the end of a body", () => {
  it("comes once, also where its client leaves while a chunk is awaited", async () => {
    const body = new ReadableStream<Uint8Array>();
    const ends: boolean[] = [];
    const response = onBodyEnd(new Response(body), body.getReader(), (isWhole) => ends.push(isWhole));
    const reader = response.body!.getReader();
    const awaited = reader.read();
    await turn();
    await reader.cancel("gone");
    await turn();
    assertEquals([(await awaited).done, ends], [true, [false]]);
  });

  it("comes once where the body fails, and fails with it", async () => {
    for (const passed of [0, 2]) {
      let left = passed;
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (left-- === 0) throw new Error("the model failed");
          controller.enqueue(Uint8Array.of(1));
        },
      }, { highWaterMark: 0 });
      const ends: boolean[] = [];
      const response = onBodyEnd(new Response(body), body.getReader(), (isWhole) => ends.push(isWhole));
      const reader = response.body!.getReader();
      for (let i = 0; i < passed; i++) await reader.read();
      await assertRejects(() => reader.read(), Error, "the model failed");
      assertEquals(ends, [false]);
    }
  });

  it("fails the body where who hears of it, or of a chunk, throws", async () => {
    const fails = (): never => {
      throw new Error("not heard");
    };
    const source = (end: "close" | "error"): ReadableStream<Uint8Array> =>
      new ReadableStream({ start: (controller) => controller[end](new Error("the model failed") as never) });
    for (const body of [source("close"), source("error")]) {
      const response = onBodyEnd(new Response(body), body.getReader(), fails);
      await assertRejects(() => response.body!.getReader().read(), Error, "not heard");
    }
    const body = new Response("text").body!;
    const response = onBodyEnd(new Response(body), body.getReader(), () => {}, fails);
    await assertRejects(() => response.body!.getReader().read(), Error, "not heard");
    await turn(); // Nothing is rejected that nobody hears of.
  });
});

describe("a body whose end is awaited", () => {
  it("is read no further than its client has asked", async () => {
    let pulled = 0;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(Uint8Array.of(pulled++)),
    }, { highWaterMark: 0 });
    const reader = onBodyEnd(new Response(body), body.getReader(), () => {}).body!.getReader();
    await turn();
    assertEquals(pulled, 0);
    await reader.read();
    assertEquals(pulled, 1);
    const values = await Promise.all([reader.read(), reader.read(), reader.read()]);
    assertEquals(values.map(({ value }) => value![0]), [1, 2, 3]);
    await turn();
    assertEquals(pulled, 4);
  });
});
