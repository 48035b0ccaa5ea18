/** The end of a response's body. */
import { assertEquals } from "@std/assert";
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
  });
});
