/** The throttle behind real servers and real sockets: the same on every runtime. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { get as request } from "node:http";
import { describe, it } from "node:test";
import {
  byGlobal,
  byIp,
  compose,
  concurrency,
  createThrottle,
  gcra,
  type Rule,
  slidingLog,
  slidingWindow,
  throttleOf,
  withThrottle,
} from "../../mod.ts";
import { burst, get, statuses } from "../harness/http.ts";
import { runtime } from "../harness/runtime.ts";
import { onSrvx, serve } from "../harness/serve.ts";
import { pause, until } from "../harness/until.ts";

const servers: [string, typeof serve][] = runtime === "node"
  ? [["@hono/node-server", serve], ["srvx", onSrvx]]
  : [[runtime === "deno" ? "Deno.serve" : "Bun.serve", serve]];

/** One request from an address of this machine. */
function getFrom(url: string, localAddress: string): Promise<number> {
  return new Promise((answered, failed) => {
    request(url, { localAddress, agent: false }, (response) => {
      response.resume().on("end", () => answered(response.statusCode!));
    }).on("error", failed);
  });
}

const slots: Rule = {
  name: "slots",
  rate: { limit: 2 },
  algorithm: concurrency({ lease: "1min" }),
  key: byGlobal(),
};

for (const [name, serve] of servers) {
  describe(`on ${name}`, () => {
    it("one line throttles by the socket's address, whatever headers say", async () => {
      const handler = (request: Request) => new Response(`hello ${new URL(request.url).pathname}`);
      const server = await serve(withThrottle(handler, ["60/min", "1000/day"]));
      const answers = [];
      for (let i = 1; i <= 61; i++) {
        const spoofed = {
          "x-forwarded-for": `203.0.113.${i}`,
          "forwarded": `for=203.0.113.${i}`,
          "x-real-ip": "::1",
        };
        answers.push(await get(`${server.url}/there`, { headers: spoofed }));
      }
      const [first, refused] = [answers[0], answers[60]];
      assertEquals(statuses(answers), { 200: 60, 429: 1 });
      assertEquals(first.text, "hello /there");
      assertEquals(
        answers.slice(0, 60).map(({ headers }) => Number(headers.get("x-ratelimit-remaining"))),
        Array.from({ length: 60 }, (_, i) => 59 - i),
      );
      assertEquals(first.headers.get("x-ratelimit-limit"), "60");
      assertEquals(first.headers.get("retry-after"), null);
      assertEquals(refused.status, 429);
      assertEquals(refused.headers.get("x-ratelimit-remaining"), "0");
      assertMatch(refused.headers.get("retry-after")!, /^([1-9]|[1-5]\d|60)$/);
      assertEquals(refused.headers.get("cache-control"), "no-store");
      assertEquals(refused.headers.get("content-type"), "application/problem+json");
      assertEquals(JSON.parse(refused.text)["violated-policies"], ["ip.60-per-1min"]);
      await server.close();
    });

    it("clients at different addresses are counted apart", async () => {
      const addresses = new Set<string | null>();
      const server = await serve(withThrottle(() => new Response(), {
        rate: "2/min",
        key: (context) => (addresses.add(context.address), byIp()(context)),
      }));
      assertEquals(await getFrom(server.url, "127.0.0.2"), 200);
      assertEquals(await getFrom(server.url, "127.0.0.2"), 200);
      assertEquals(await getFrom(server.url, "127.0.0.2"), 429);
      assertEquals(await getFrom(server.url, "127.0.0.3"), 200);
      assertEquals([...addresses], ["127.0.0.2", "127.0.0.3"]);
      await server.close();
    });

    it("5,000 requests at once at limit 100, with keys that come later: exactly 100 pass", async () => {
      let key = 0;
      const server = await serve(withThrottle(() => new Response("inside"), [
        {
          name: "all",
          rate: "100/hour",
          // Turns of different length, so that requests overtake one another.
          key: async () => {
            await pause(key++ % 3);
            return "all";
          },
        },
        { name: "more", rate: "4000/hour", algorithm: gcra(), key: compose(byGlobal(), byIp()) },
        { name: "some", rate: "4000/hour", algorithm: slidingLog(), key: async () => await "some" },
        { name: "most", rate: "4000/hour", algorithm: slidingWindow() },
      ]));
      const answers = await burst(server.url, 5000, {}, 100);
      assertEquals(statuses(answers), { 200: 100, 429: 4900 });
      const remaining = answers.filter(({ status }) => status === 200)
        .map(({ headers }) => Number(headers.get("x-ratelimit-remaining")));
      assertEquals(remaining.sort((a, b) => b - a), Array.from({ length: 100 }, (_, i) => 99 - i));
      await server.close();
    });

    it("a stream arrives piece by piece, labelled, and holds its slot until its end", async () => {
      const throttle = createThrottle(["9/min", slots]);
      const left = async () => (await throttle.usage("slots", "all")).remaining;
      let say!: (text: string | null) => void;
      const server = await serve(throttle.wrap(() =>
        new Response(
          new ReadableStream({
            start(controller) {
              say = (text) =>
                text === null ? controller.close() : controller.enqueue(new TextEncoder().encode(text));
              say("one");
            },
          }),
        )
      ));
      const response = await fetch(server.url);
      assertEquals(response.headers.get("x-ratelimit-limit"), "2");
      const reader = response.body!.getReader();
      const next = async () => new TextDecoder().decode((await reader.read()).value);
      assertEquals(await next(), "one");
      assertEquals(await left(), 1);
      say("two");
      assertEquals(await next(), "two");
      assertEquals(await left(), 1);
      say(null);
      assertEquals((await reader.read()).done, true);
      await until(async () => await left() === 2);
      await server.close();
    });

    it("a client that goes away while it is answered frees its slot, and its cost can be settled", async () => {
      const throttle = createThrottle([slots, { name: "tokens", rate: "1000/hour", cost: 500 }]);
      const left = async (name: string) =>
        (await throttle.usage(name, name === "slots" ? "all" : "127.0.0.1")).remaining;
      let sent = 0;
      const server = await serve(throttle.wrap((request) =>
        new Response(
          new ReadableStream({
            async pull(controller) {
              await pause(5);
              controller.enqueue(new Uint8Array(1000));
              sent++;
            },
            cancel: () => void throttleOf(request)!.settle("tokens", 100),
          }, { highWaterMark: 0 }),
        )
      ));
      const going = new AbortController();
      const response = await fetch(server.url, { signal: going.signal });
      const reader = response.body!.getReader();
      await reader.read();
      assertEquals([await left("slots"), await left("tokens")], [1, 500]);
      going.abort();
      await reader.read().catch(() => {});
      await until(async () => await left("slots") === 2);
      await until(async () => await left("tokens") === 900);
      const sentThen = sent;
      await pause(50);
      assert(sent <= sentThen + 1, "nothing is made for a client that is gone");
      await server.close();
    });

    it("a client that goes away before it is answered frees its slot", async () => {
      const throttle = createThrottle(slots);
      let running = 0;
      const server = await serve(throttle.wrap(async () => {
        running++;
        await pause(50);
        running--;
        return new Response(
          new ReadableStream({ pull: () => new Promise<void>(() => {}) }, { highWaterMark: 0 }),
        );
      }));
      const going = new AbortController();
      const response = fetch(server.url, { signal: going.signal }).catch(() => null);
      await until(() => running === 1);
      going.abort();
      await response;
      await until(async () => (await throttle.usage("slots", "all")).remaining === 2);
      await server.close();
    });

    it("slots: of many at once no more run than may, and all come free", async () => {
      const throttle = createThrottle(slots);
      let running = 0;
      let most = 0;
      const server = await serve(throttle.wrap(async () => {
        most = Math.max(most, ++running);
        await pause(5);
        running--;
        return new Response("done");
      }));
      const counts = statuses(await burst(server.url, 200, {}, 20));
      assertEquals(most, 2);
      assertEquals(counts[200] + counts[429], 200);
      assert(counts[200] >= 2);
      await until(async () => (await throttle.usage("slots", "all")).remaining === 2);
      await server.close();
    });

    it("HEAD is charged, labelled and refused as GET is", async () => {
      const server = await serve(withThrottle(() => new Response("inside"), "2/min"));
      const head = () => get(server.url, { method: "HEAD" });
      const answers = [await head(), await get(server.url), await head()];
      assertEquals(
        answers.map(({ status, headers, text }) => [status, headers.get("x-ratelimit-remaining"), text]),
        [[200, "1", ""], [200, "0", "inside"], [429, "0", ""]],
      );
      assertMatch(answers[2].headers.get("retry-after")!, /^\d+$/);
      await server.close();
    });

    it("the request's body reaches the handler as it was sent", async () => {
      const echo = async (request: Request) => new Response(await request.text());
      const server = await serve(
        withThrottle(echo, [{ rate: "9/min", key: async (context) => await byIp()(context) }]),
      );
      const body = "x".repeat(100_000);
      assertEquals((await get(server.url, { method: "POST", body })).text, body);
      await server.close();
    });

    it("a refused upload is answered, though nobody reads its body", async () => {
      const server = await serve(withThrottle(() => new Response("inside"), "0/min"));
      const body = "x".repeat(1_000_000);
      for (let i = 0; i < 5; i++) {
        assertEquals((await get(server.url, { method: "POST", body })).status, 429);
      }
      await server.close();
    });
  });
}
