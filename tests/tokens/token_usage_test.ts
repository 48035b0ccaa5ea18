/** Costs that are read from a model's answer while it is sent. */
import { assert, assertEquals, assertLessOrEqual, assertMatch, assertRejects } from "@std/assert";
import fc from "fast-check";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import {
  byGlobal,
  concurrency,
  type Count,
  createThrottle,
  memoryStore,
  type Rule,
  type Store,
  throttleOf,
  withThrottle,
} from "../../mod.ts";
import { redisStore } from "../../src/stores/redis/mod.ts";
import { upstashStore } from "../../src/stores/upstash/mod.ts";
import { bodyEnds } from "../../src/tokens/body_ends.ts";
import { type TokenCounts, tokenUsage, type TokenUsageOptions } from "../../src/tokens/mod.ts";
import { startBridge } from "../harness/bridge.ts";
import { CLIENTS } from "../harness/clients.ts";
import { startRedis, withoutRedis } from "../harness/redis.ts";
import { serve } from "../harness/serve.ts";
import { requestTo, SOMEBODY, throttled } from "../harness/throttled.ts";
import { until } from "../harness/until.ts";
import { type Answer, type AnswerEvent, documentsOf, streamsOf, textOf } from "./answers.ts";

const LIMIT = 1_000_000;
const RESERVED = 1000;
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A body of these chunks, which then ends, fails, or waits for ever. */
function bodyOf(
  chunks: readonly Uint8Array[],
  end: "ends" | "fails" | "waits" = "ends",
): ReadableStream<Uint8Array> {
  let next = 0;
  return new ReadableStream<Uint8Array>({
    pull(controller): void | Promise<void> {
      if (next < chunks.length) return controller.enqueue(chunks[next++].slice());
      if (end === "fails") throw new Error("the model failed");
      if (end === "waits") return new Promise(() => {});
      controller.close();
    },
  }, { highWaterMark: 0 });
}

const rule = (options?: TokenUsageOptions): Rule => ({
  name: "tokens",
  rate: `${LIMIT}/hour`,
  cost: RESERVED,
  count: tokenUsage(options),
});

/** A throttled handler that answers with a response of the test's. */
function asked(options?: TokenUsageOptions, more: Partial<Rule> = {}) {
  let response = (): Response => new Response();
  const { send, throttle, events } = throttled({ ...rule(options), ...more }, {}, () => response());
  return {
    events,
    throttle,
    send(answer: () => Response, target = "POST /"): Promise<Response> {
      response = answer;
      return send(target);
    },
    async used(): Promise<number> {
      return LIMIT - (await throttle.usage("tokens", SOMEBODY)).remaining;
    },
  };
}

async function bytesIn(body: ReadableStream<Uint8Array>, most = Infinity): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  const reader = body.getReader();
  for (let i = 0; i < most; i++) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
  }
  if (most < Infinity) await reader.cancel("gone");
  const whole = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

function assertSame(got: Uint8Array, expected: Uint8Array): void {
  assert(got.length === expected.length && got.every((byte, i) => byte === expected[i]));
}

/** The reserved cost where the output is not stated, unless the input alone is more. */
function costOf({ input = 0, cached = 0, output }: TokenCounts = {}, reserved = RESERVED): number {
  const known = input + cached + (output ?? 0);
  return output === undefined ? Math.max(known, reserved) : known;
}

const statedBy = (events: readonly AnswerEvent[]): TokenCounts | undefined =>
  events.findLast(({ states }) => states !== undefined)?.states;

/** The settled charges, and the errors, that observers heard of. */
const heard = (events: readonly { type: string }[]) =>
  ["settled", "error"].map((type) => events.filter((event) => event.type === type).length);

const turn = () => new Promise((later) => setTimeout(later));

const ANSWERS: readonly Answer[] = [...streamsOf(), ...documentsOf()];

describe("tokenUsage", () => {
  for (const answer of ANSWERS) {
    const bytes = bytesOf(textOf(answer));
    const cost = costOf(statedBy(answer.events));

    it(`reads ${answer.name}, cut at every byte`, async () => {
      const { send, events } = asked();
      for (let at = 0; at <= bytes.length; at++) {
        const chunks = [bytes.subarray(0, at), bytes.subarray(at)].filter(({ length }) => length > 0);
        const response = await send(() => new Response(bodyOf(chunks)));
        assertSame(await bytesIn(response.body!), bytes);
        await null;
        assertEquals([at, ...events.map(({ type, decisions: [{ cost }] }) => `${type} ${cost}`)], [
          at,
          `allowed ${RESERVED}`,
          `settled ${cost}`,
        ]);
        events.length = 0;
      }
    });
  }

  for (const answer of streamsOf()) {
    for (const end of ["is aborted", "fails"] as const) {
      it(`settles once what was stated when ${answer.name}, ${end} after each event`, async () => {
        for (let count = 0; count <= answer.events.length; count++) {
          const seen = answer.events.slice(0, count);
          const { send, used, events } = asked();
          const chunks = seen.map(({ text }) => bytesOf(text));
          const body = bodyOf(chunks, end === "fails" ? "fails" : "waits");
          const response = await send(() => new Response(body));
          if (end === "fails") {
            await assertRejects(() => bytesIn(response.body!), Error, "the model failed");
          } else {assertEquals(
              await bytesIn(response.body!, count),
              bytesOf(seen.map(({ text }) => text).join("")),
            );}
          await turn();
          const stated = statedBy(seen);
          assertEquals([count, await used()], [count, costOf(stated)]);
          assertEquals(heard(events), stated?.output === undefined ? [0, 1] : [1, 0]);
        }
      });
    }
  }

  it("charges at least the input where a client leaves before the output is stated", async () => {
    const [start, ...rest] = streamsOf()[2].events;
    const { send, used } = asked({}, { cost: 100 });
    const chunks = [start, ...rest].map(({ text }) => bytesOf(text));
    const response = await send(() => new Response(bodyOf(chunks)));
    await bytesIn(response.body!, 3);
    await turn();
    assertEquals(await used(), 435);
  });

  it("reads long answers in chunks of 1 to 64 kB", async () => {
    const words = Array.from({ length: 3000 }, (_, i) => `word ${i} "usage":{"input_tokens":0}}\\`);
    // The answer of one event longer than all that is kept, too.
    for (
      const answer of [...streamsOf(words), ...documentsOf(words.join(" ")), ...streamsOf([words.join("")])]
    ) {
      const bytes = bytesOf(textOf(answer));
      assert(bytes.length > 100_000);
      for (const size of [1, 2, 3, 5, 8, 13, 24, 32, 33, 64].map((kilobytes) => kilobytes * 1024)) {
        const chunks = Array.from(
          { length: Math.ceil(bytes.length / size) },
          (_, i) => bytes.subarray(i * size, (i + 1) * size),
        );
        const { send, used, events } = asked();
        const response = await send(() => new Response(bodyOf(chunks)));
        assertSame(await bytesIn(response.body!), bytes);
        await turn();
        assertEquals([answer.name, size, await used()], [answer.name, size, costOf(statedBy(answer.events))]);
        assertEquals(heard(events), [1, 0]);
      }
    }
  });

  it("keeps the same bytes of a body however it is cut, and at most 32 kB", () => {
    const body = bytesOf(Array.from({ length: 9000 }, (_, i) => `${i}ü`).join(" "));
    fc.assert(fc.property(
      fc.integer({ min: 0, max: body.length }),
      fc.array(fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 60_000 })), {
        maxLength: 200,
      }),
      (length, sizes) => {
        const [cut, whole] = [bodyEnds(), bodyEnds()];
        let at = 0;
        for (const size of sizes) {
          cut.add(body.subarray(Math.min(at, length), Math.min(at += size, length)));
        }
        if (at < length) cut.add(body.subarray(at, length));
        whole.add(body.subarray(0, length));
        assertEquals(cut.text(), whole.text());
        const { first, last } = whole.text();
        const text = new TextDecoder().decode(body.subarray(0, length));
        if (last === null) assertEquals(first, text);
        else {
          // The border may be within a character.
          assert(text.startsWith(first.slice(0, -1)) && text.endsWith(last.slice(1)));
          assertLessOrEqual(bytesOf(first).length + bytesOf(last).length, 32_768 + 4);
        }
      },
    ));
  });

  it("never delays a byte: a chunk is there before the next is asked for", async () => {
    const { send } = asked();
    let pulled = 0;
    const response = await send(() =>
      new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(bytesOf(`data: ${++pulled}\n`)),
        }, { highWaterMark: 0 }),
      )
    );
    const reader = response.body!.getReader();
    assertEquals(pulled, 0);
    for (let i = 1; i < 5; i++) {
      assertEquals(new TextDecoder().decode((await reader.read()).value), `data: ${i}\n`);
      assertEquals(pulled, i);
    }
    await reader.cancel();
  });

  it("is read after the end of the body is there for whoever waits for it", async () => {
    const order: string[] = [];
    const { send, used } = asked({ read: () => void order.push("usage") as never });
    const [chat] = streamsOf();
    const reader = (await send(() => new Response(bodyOf([bytesOf(textOf(chat))])))).body!.getReader();
    await reader.read();
    await reader.read().then(({ done }) => order.push(done ? "end" : "chunk"));
    await turn();
    assertEquals([order.slice(0, 2), await used()], [["end", "usage"], 165]);
  });

  it("adds to Anthropic's input the tokens written to the cache, whichever event states each of them", async () => {
    const table: [start: object, deltas: object[], cost: number][] = [
      [{ input_tokens: 25, cache_creation_input_tokens: 10 }, [{ input_tokens: 25, output_tokens: 8 }], 43],
      [{ input_tokens: 25, cache_creation_input_tokens: 10 }, [
        { input_tokens: 40, cache_creation_input_tokens: null, output_tokens: 8 },
        { output_tokens: 9 },
      ], 59],
      [{ input_tokens: 25 }, [{ cache_creation_input_tokens: 30, output_tokens: 8 }], 63],
      [{ input_tokens: 25 }, [{ output_tokens: 8 }], 33],
    ];
    for (const [start, deltas, cost] of table) {
      const events = [
        { type: "message_start", message: { usage: { ...start, output_tokens: 1 } } },
        ...deltas.map((usage) => ({ type: "message_delta", delta: {}, usage })),
      ];
      const { send, used } = asked();
      const text = events.map((data) => `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`).join("");
      await (await send(() => new Response(text))).text();
      await turn();
      assertEquals(await used(), cost);
    }
  });

  it("weighs input, cached and output, rounded up", async () => {
    const [chat] = streamsOf();
    const table: [TokenUsageOptions, number][] = [
      [{}, 165],
      [{ output: 4 }, 120 + 180],
      [{ input: 2 }, 240 + 45],
      [{ input: 2, cached: 0 }, 40 + 45],
      [{ cached: 0.1, output: 0.01 }, 20 + 10 + 1],
      [{ input: 0.07, cached: 0.07, output: 0 }, 9],
      [{ input: 0, output: 0 }, 0],
    ];
    for (const [weights, cost] of table) {
      const { send, used } = asked(weights);
      await (await send(() => new Response(textOf(chat)))).text();
      await turn();
      assertEquals([weights, await used()], [weights, cost]);
    }
    // In binary fractions this product is a little more than 7.
    const { send, used } = asked({ input: 0.07, output: 0 });
    const usage = { prompt_tokens: 100, completion_tokens: 0 };
    await (await send(() => Response.json({ usage }))).text();
    await turn();
    assertEquals(await used(), 7);
  });

  it("reads a form of one's own, and else the built-in ones", async () => {
    const read = (statement: unknown): TokenCounts | null => {
      const { prompt_eval_count, eval_count } = statement as Record<string, number>;
      return eval_count === undefined ? null : { input: prompt_eval_count, output: eval_count };
    };
    const line = (value: object) => `${JSON.stringify(value)}\n`;
    const long = Array.from({ length: 3000 }, (_, i) => line({ response: `word ${i}`, done: false })).join(
      "",
    );
    const last = line({ done: true, prompt_eval_count: 11, eval_count: 31 });
    const table: [string, number][] = [
      [line({ response: "word" }) + last, 42],
      [long + last, 42],
      [textOf(streamsOf()[0]), 165],
    ];
    for (const [text, cost] of table) {
      const { send, used } = asked({ read });
      await (await send(() => new Response(text))).text();
      await turn();
      assertEquals(await used(), cost);
    }
  });

  const kept: [title: string, answer: () => Response, says: RegExp, target?: string][] = [
    ["a stream without usage", () => new Response("data: {}\n\ndata: [DONE]\n\n"), /states no usage/],
    ["a text", () => new Response("hello"), /states no usage/],
    ["no body", () => new Response(null, { status: 204 }), /no body/],
    ["HEAD", () => new Response(textOf(ANSWERS[0])), /no body/, "HEAD /"],
    [
      "a compressed body",
      () =>
        new Response(new Uint8Array(gzipSync(textOf(ANSWERS[0]))), {
          headers: { "content-encoding": "gzip" },
        }),
      /compressed \(content-encoding: gzip\)/,
    ],
    [
      "a body that is said to be as it is",
      () => new Response("hello", { headers: { "content-encoding": "identity" } }),
      /states no usage/,
    ],
    [
      "an input that is as much as was reserved, and no output",
      () => new Response(`data: {"message":{"usage":{"input_tokens":${RESERVED},"output_tokens":1}}}\n\n`),
      /states no usage/,
    ],
    [
      "counts that are none",
      () => Response.json({ usage: { prompt_tokens: -1, completion_tokens: "5" } }),
      /states no usage/,
    ],
    [
      "events of Vertex before the last",
      () => new Response('data: {"usageMetadata":{"trafficType":"ON_DEMAND"}}\n\n'),
      /states no usage/,
    ],
  ];
  for (const [title, answer, says, target] of kept) {
    it(`keeps the reservation of ${title}, and an event says so`, async () => {
      const { send, used, events } = asked();
      await (await send(answer, target)).body?.pipeTo(new WritableStream());
      await turn();
      assertEquals(await used(), RESERVED);
      assertEquals(heard(events), [0, 1]);
      const { rule, error } = events.find(({ type }) => type === "error")!;
      assertEquals(rule, "tokens");
      assertMatch(String(error), says);
    });
  }

  it("keeps the reservation where a form of one's own throws; the answer is sent", async () => {
    const { send, used, events } = asked({
      read() {
        throw new Error("mine");
      },
    });
    assertEquals(await (await send(() => Response.json({ a: 1 }))).json(), { a: 1 });
    await turn();
    assertEquals([await used(), String(events.at(-1)!.error)], [RESERVED, "Error: mine"]);
  });

  it("keeps the reservation where the memory of a chunk was given away, so that it cannot be sent", async () => {
    const { send, used, events } = asked();
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        const chunk = bytesOf("data: 1\n\n");
        controller.enqueue(chunk);
        structuredClone(chunk.buffer, { transfer: [chunk.buffer] });
      },
    }, { highWaterMark: 0 });
    const response = await send(() => new Response(body));
    await assertRejects(() => response.text());
    await turn();
    assertEquals(await used(), RESERVED);
    assertMatch(String(events.at(-1)!.error), /ended before it stated its usage/);
  });

  it("charges at most what a number can count, whatever an answer states", async () => {
    const { send, events } = asked();
    await (await send(() => Response.json({ usage: { prompt_tokens: 1e300, completion_tokens: 1 } }))).text();
    await turn();
    assertEquals(events.map(({ type, decisions }) => [type, decisions.at(-1)?.cost]), [
      ["allowed", RESERVED],
      ["settled", Number.MAX_SAFE_INTEGER],
    ]);
  });

  it("keeps the reservation where a form of one's own answers later, which nobody waits for", async () => {
    const { send, used, events } = asked({ read: (() => Promise.reject(new Error("late"))) as never });
    assertEquals(await (await send(() => Response.json({ a: 1 }))).json(), { a: 1 });
    await turn();
    assertEquals(await used(), RESERVED);
    assertMatch(
      String(events.at(-1)!.error),
      /as read must give it at once, .*: current value is a promise$/,
    );
  });

  it("gives all back for an error's status, and keeps what a handler settles, or throws at", async () => {
    const { send, used } = asked();
    const usage = { prompt_tokens: 5, completion_tokens: 5 };
    for (const status of [400, 529]) {
      assertEquals(await (await send(() => Response.json({ usage }, { status }))).json(), { usage });
      assertEquals(await used(), 0);
    }
    await assertRejects(() =>
      send(() => {
        throw new Error("no");
      })
    );
    assertEquals(await used(), RESERVED);

    const settled = throttled(rule(), {}, async (request) => {
      await throttleOf(request)!.settle("tokens", 7);
      return Response.json({ usage });
    });
    await (await settled.send()).text();
    assertEquals((await settled.throttle.usage("tokens", SOMEBODY)).remaining, LIMIT - 7);
  });

  it("charges nobody for the answer of a refusal, and gives no charge back for it", async () => {
    const { send, throttle } = throttled([
      rule(),
      { name: "none", rate: "0/min", key: byGlobal(), stage: "after-auth" },
    ]);
    assertEquals((await send()).status, 429);
    assertEquals((await throttle.usage("tokens", SOMEBODY)).remaining, LIMIT - RESERVED);
  });

  it("settles each rule that counts so by its own weights, beside a slot that the stream holds", async () => {
    const [chat] = streamsOf();
    const { send, throttle } = throttled(
      [
        { ...rule(), name: "in", count: tokenUsage({ output: 0 }) },
        { ...rule(), name: "out", count: tokenUsage({ input: 0 }) },
        { name: "slots", rate: { limit: 1 }, algorithm: concurrency({ lease: "1min" }) },
      ],
      {},
      () => new Response(textOf(chat)),
    );
    const response = await send();
    assertEquals((await send()).status, 429);
    assertEquals(await response.text(), textOf(chat));
    await turn();
    const left = async (name: string) => (await throttle.usage(name, SOMEBODY)).remaining;
    assertEquals([await left("in"), await left("out"), await left("slots")], [LIMIT - 120, LIMIT - 45, 1]);
    assertEquals((await send()).status, 200);
  });

  it("works for who asks with check, and keeps status, headers and an answer that is upgraded", async () => {
    const { throttle } = throttled(rule());
    const outcome = await throttle.check(requestTo());
    const response = outcome.label(
      new Response(textOf(ANSWERS[0]), { status: 201, headers: { "x-own": "mine" } }),
    );
    assertEquals([response.status, response.headers.get("x-own")], [201, "mine"]);
    assertEquals(response.headers.get("x-ratelimit-remaining"), String(LIMIT - RESERVED));
    await response.text();
    await turn();
    assertEquals((await throttle.usage("tokens", SOMEBODY)).remaining, LIMIT - 165);
    const upgraded = withThrottle(() => undefined, rule(), { client: { address: () => SOMEBODY } });
    assertEquals(await upgraded(requestTo()), undefined);
  });

  it("of one's own: a count that reads the body, and one that cannot", async () => {
    const length: Count = {
      body: (response) => ({
        response,
        cost: Promise.resolve(Number(response.headers.get("content-length"))),
      }),
    };
    const wrong: Count = { body: (response) => ({ response, cost: 0.5 }) };
    const broken: Count = {
      body() {
        throw new Error("mine");
      },
    };
    for (
      const [count, left, error] of [[length, 95, ""], [wrong, 90, "RangeError"], [
        broken,
        90,
        "Error: mine",
      ]] as const
    ) {
      const { send, throttle, events } = throttled(
        { name: "r", rate: "100/min", cost: 10, count },
        {},
        () => new Response("12345", { headers: { "content-length": "5" } }),
      );
      assertEquals(await (await send()).text(), "12345");
      await turn();
      assertEquals((await throttle.usage("r", SOMEBODY)).remaining, left);
      assert(String(events.find(({ type }) => type === "error")?.error ?? "").startsWith(error));
    }
  });
});

describe("tokenUsage over real sockets", () => {
  it("settles a stream that ends, and one whose client goes away", async () => {
    const [, , , gemini] = streamsOf();
    const throttle = createThrottle(rule(), { client: { address: () => SOMEBODY } });
    const used = async () => LIMIT - (await throttle.usage("tokens", SOMEBODY)).remaining;
    const server = await serve(throttle.wrap((request) => {
      const chunks = gemini.events.map(({ text }) => bytesOf(text));
      const isWhole = request.url.endsWith("/whole");
      return new Response(bodyOf(isWhole ? chunks : chunks.slice(0, 2), isWhole ? "ends" : "waits"));
    }));
    try {
      assertEquals(await (await fetch(`${server.url}/whole`)).text(), textOf(gemini));
      const whole = costOf(statedBy(gemini.events));
      await until(async () => await used() === whole);
      const leaving = new AbortController();
      const response = await fetch(`${server.url}/cut`, { signal: leaving.signal });
      const reader = response.body!.getReader();
      const expected = bytesOf(gemini.events.slice(0, 2).map(({ text }) => text).join("")).length;
      for (let read = 0; read < expected;) read += (await reader.read()).value!.length;
      assertEquals(await used(), whole + RESERVED);
      leaving.abort();
      await until(async () => await used() === whole + costOf(gemini.events[1].states));
    } finally {
      await server.close();
    }
  });
});

describe("tokenUsage on each store", { skip: withoutRedis }, () => {
  const ends: (() => unknown)[] = [];
  const stores = new Map<string, Store>([["memoryStore", memoryStore()]]);
  before(async () => {
    const redis = await startRedis();
    const bridge = await startBridge(redis);
    const { client, close } = await CLIENTS[0].open(redis);
    stores.set("redisStore", redisStore({ client, timeoutMs: 10_000 }));
    stores.set(
      "upstashStore",
      upstashStore({ url: bridge.url, token: bridge.token, prefix: "other", timeoutMs: 10_000 }),
    );
    ends.push(close, () => bridge.close(), () => redis.stop());
  });
  after(async () => {
    for (const end of ends) await end();
  });

  for (const name of ["memoryStore", "redisStore", "upstashStore"]) {
    it(`settles the same on ${name}`, async () => {
      for (const [i, answer] of ANSWERS.entries()) {
        for (const cut of [false, true]) {
          const chunks = answer.events.map(({ text }) => bytesOf(text));
          const seen = cut ? answer.events.slice(0, -1) : answer.events;
          const throttle = createThrottle({ ...rule(), rate: "100000/30d" }, {
            store: stores.get(name)!,
            client: { address: () => `192.0.2.${2 * i + Number(cut)}` },
          });
          const response = await throttle.wrap(() => new Response(bodyOf(chunks)))(requestTo());
          const expected = cut ? bytesOf(seen.map(({ text }) => text).join("")) : bytesOf(textOf(answer));
          assertEquals(await bytesIn(response.body!, cut ? seen.length : Infinity), expected);
          const cost = costOf(statedBy(seen));
          await until(async () => (await throttle.usage("tokens", requestTo())).remaining === 100_000 - cost);
        }
      }
    });
  }
});
