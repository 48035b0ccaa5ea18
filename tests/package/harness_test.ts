import { describe, it } from "node:test";
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { burst, get, statuses } from "../harness/http.ts";
import { runtime } from "../harness/runtime.ts";
import { serve } from "../harness/serve.ts";
import { pause } from "../harness/until.ts";

describe("the test harness", () => {
  it("serves a handler over a real socket and ends when it is closed", async () => {
    const server = await serve((request) =>
      new Response(`${request.method} ${new URL(request.url).pathname}`)
    );
    assertEquals((await get(`${server.url}/hello`)).text, "GET /hello");
    await server.close();
    await assertRejects(() => fetch(server.url));
  });

  it("passes what the runtime's server passes beside the request", async () => {
    const peers = {
      deno: ([info]: unknown[]) => (info as { remoteAddr: { hostname: string } }).remoteAddr.hostname,
      bun: ([server]: unknown[], request: Request) =>
        (server as { requestIP(request: Request): { address: string } }).requestIP(request).address,
      node: ([env]: unknown[]) =>
        (env as { incoming: { socket: { remoteAddress: string } } }).incoming.socket.remoteAddress,
    };
    const server = await serve((request, ...platform) => new Response(peers[runtime](platform, request)));
    assertEquals((await get(server.url)).text, "127.0.0.1");
    await server.close();
  });

  it("ends with a request in flight", async () => {
    const server = await serve(() => new Promise(() => {}));
    const refused = assertRejects(() => fetch(server.url, { signal: AbortSignal.timeout(5000) }));
    await pause(50);
    await server.close();
    await refused;
  });

  it("sends a burst with no more requests in flight than allowed", async () => {
    let inFlight = 0;
    let most = 0;
    const server = await serve(async (request) => {
      most = Math.max(most, ++inFlight);
      const text = await request.text();
      inFlight--;
      return new Response(text, { status: text === "yes" ? 200 : 400 });
    });
    const answers = await burst(server.url, 200, { method: "POST", body: "yes" }, 8);
    await server.close();
    assertEquals(statuses(answers), { 200: 200 });
    assertEquals(most <= 8, true);
    assertStringIncludes(answers[0].text, "yes");
  });
});
