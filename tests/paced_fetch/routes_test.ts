/** The quotas that a client knows of a route, by a server that is a function. */
import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "node:test";
import { type Fetch, pacedFetch } from "../../src/paced_fetch/mod.ts";

const URL = "https://api.example/items";
const ok = (ratelimit: string) => new Response("", { headers: { ratelimit } });
const turn = () => new Promise((resolve) => setTimeout(resolve));

/** A `fetch` over a server that answers each request in turn, by a clock of the test's own. */
function paced(answer: (request: number) => Response | Promise<Response>, maxWaitMs = 10) {
  const clock = { now: 1_800_000_000_000 };
  let sent = 0;
  const server: Fetch = async () => await answer(sent++);
  const fetch = pacedFetch({
    ...{ fetch: server, clock: () => clock.now, maxWaitMs, spread: false, retry: "none" },
  });
  return { fetch: async () => (await fetch(URL)).status, clock, sent: () => sent };
}

describe("the quotas of a route", () => {
  it("are those of its last response, where its server has new ones", async () => {
    const { fetch, sent } = paced((request) => ok(request === 0 ? '"old";r=9;t=60' : '"new";r=0;t=60'));
    assertEquals([await fetch(), await fetch(), await fetch()], [200, 200, 429]);
    assertEquals(sent(), 2);
  });

  it("stay those of its last allowed response, as a refusal names the refusing ones alone", async () => {
    const answers = [
      ok('"a";r=5;t=1, "b";r=5;t=60'),
      ok('"a";r=4;t=1, "b";r=0;t=60'),
      new Response("", { status: 429, headers: { ratelimit: '"a";r=0;t=1', "retry-after": "1" } }),
    ];
    const { fetch, clock, sent } = paced((request) => answers[request]);
    await fetch();
    assertEquals(await Promise.all([fetch(), fetch()]), [200, 429]);
    clock.now += 5000;
    assertEquals([await fetch(), sent()], [429, 3]);
  });

  it("are taken over at once by all who waited for the first response", async () => {
    const answers: (() => void)[] = [];
    const { fetch, sent } = paced(
      () => new Promise((resolve) => void answers.push(() => resolve(ok('"a";r=9;t=60')))),
      60_000,
    );
    const calls = [fetch(), fetch(), fetch(), fetch()];
    await turn();
    assertEquals(sent(), 1);
    answers[0]();
    for (let i = 0; i < 5; i++) await turn();
    assertEquals(sent(), 4);
    for (const answer of answers) answer();
    assertEquals(await Promise.all(calls), [200, 200, 200, 200]);
  });
});

describe("a refusal that is not given back", () => {
  it("has its body cancelled, as its connection stays taken until that is read", async () => {
    const cancelled: unknown[] = [];
    const body = new ReadableStream({ cancel: (reason) => void cancelled.push(reason) });
    let sent = 0;
    const fetch = pacedFetch({
      fetch: () => Promise.resolve(sent++ === 0 ? new Response(body, { status: 429 }) : new Response()),
    });
    assertEquals((await fetch(URL)).status, 200);
    assertEquals([sent, cancelled.length], [2, 1]);
  });
});

describe("a request that fails", () => {
  it("lets the next one find out at once", async () => {
    let fail = (): void => {};
    const { fetch, sent } = paced(
      (request) =>
        request > 0 ? ok('"a";r=5;t=1') : new Promise((_, reject) => fail = () => reject(new Error("reset"))),
      60_000,
    );
    const failed = assertRejects(fetch, Error, "reset");
    await turn();
    const next = fetch();
    await turn();
    fail();
    await failed;
    await turn();
    assertEquals(sent(), 2);
    assertEquals(await next, 200);
  });
});
