/** The examples of costs, slots, shadow rules and penalties behind real servers; their clock is in the tests' hands. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type ClientRequest, get as request } from "node:http";
import { after, before, describe, it } from "node:test";
import type { StatsRule } from "../../mod.ts";
import { burst, get, statuses } from "../harness/http.ts";
import { type Handler, serve, type Served } from "../harness/serve.ts";
import { pause, until } from "../harness/until.ts";

const MINUTE = 60_000;

/** The examples have no clock of their own: what they take for the time is set ahead. */
const { now } = Date;
let aheadMs = 0;
function advance(ms: number): void {
  aheadMs += ms;
}
before(() => void (Date.now = () => now() + aheadMs));
after(() => void (Date.now = now));

/** The example on a real server, for the tests of one suite. It is loaded then: what it makes looks at the clock. */
function running(load: () => Promise<{ default: { fetch: Handler } }>): { readonly url: string } {
  let served: Served;
  before(async () => {
    served = await serve((await load()).default.fetch);
  });
  after(() => served.close());
  return {
    get url() {
      return served.url;
    },
  };
}

/** A request whose answer has begun, and is read by whoever wants to. */
async function begin(url: string, init?: RequestInit) {
  const controller = new AbortController();
  const response = await fetch(url, { ...init, signal: controller.signal });
  return {
    response,
    /** The client goes away. */
    async hangUp() {
      controller.abort();
      await response.body?.cancel().catch(() => {});
    },
  };
}

describe("examples/tokens.ts", () => {
  const server = running(() => import("../../examples/tokens.ts"));
  const prompt = (words: number): RequestInit => ({ method: "POST", body: "word ".repeat(words).trim() });
  const left = async (): Promise<number> => JSON.parse((await get(server.url)).text).remaining;
  const ask = (words: number) => begin(server.url, prompt(words));

  it("reserves what an answer may cost, and settles what it did after the last chunk", async () => {
    const answer = await get(server.url, prompt(3));
    assertEquals([answer.text, answer.headers.get("x-ratelimit-remaining")], ["word word word ", "1500"]);
    assertEquals(await left(), 1997);
  });

  it("settles what was said until then when the client hangs up", async () => {
    const before = await left();
    const { response, hangUp } = await ask(500);
    await response.body!.getReader().read();
    assertEquals(await left(), before - 500);
    await hangUp();
    await until(async () => await left() > before - 500);
    const after = await left();
    assert(after < before, `${after} of ${before}`);
    await pause(60);
    assertEquals(await left(), after, "nothing is said, or paid, for a client that is gone");
  });

  it("of many answers at once lets only those begin whose reservations fit", async () => {
    const before = await left();
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(200)));
    const begun = answers.filter(({ response }) => response.ok);
    assertEquals(begun.length, Math.floor(before / 500));
    assertEquals(await left(), before - 500 * begun.length);
    for (const { hangUp } of answers) await hangUp();
    await until(async () => await left() > before - 500);
  });

  it("settles in the hour that was charged, however long the answer took", async () => {
    const { response } = await ask(10);
    advance(60 * MINUTE);
    await get(server.url, prompt(1));
    assertEquals(await left(), 1999);
    assertEquals((await response.text()).split(" ").length, 11);
    assertEquals(await left(), 1999);
  });
});

/** Holds back the rows of exports: the example waits for 20 ms before each. */
function holdRows() {
  const { setTimeout } = globalThis;
  const held: (() => void)[] = [];
  globalThis.setTimeout = ((run: () => void, ms?: number, ...words: unknown[]) => {
    return ms === 20 ? void held.push(run) : setTimeout(run, ms, ...words);
  }) as typeof setTimeout;
  return {
    /** Lets the next row of so many exports come. */
    async next(exports: number) {
      await until(() => held.length === exports);
      for (const run of held.splice(0)) run();
    },
    end() {
      globalThis.setTimeout = setTimeout;
      for (const run of held) run();
    },
  };
}

describe("examples/concurrency.ts", () => {
  const server = running(() => import("../../examples/concurrency.ts"));
  const download = (rows?: number) =>
    begin(`${server.url}/export${rows === undefined ? "" : `?rows=${rows}`}`);
  /** One that is let in when there is a slot, and is over at once. */
  const passes = async () => (await get(`${server.url}/export?rows=0`)).status === 200;

  it("lets two run, and refuses a third until the body of one has ended", async () => {
    const rows = holdRows();
    const beginning = Promise.all([download(5), download()]);
    const third = await rows.next(2).then(() => get(`${server.url}/export`)).finally(rows.end);
    const [first, second] = await beginning;
    assertEquals([third.status, third.headers.get("retry-after")], [429, "1"]);
    assertEquals(JSON.parse(third.text)["violated-policies"], ["mine"]);
    assertEquals(await first.response.text(), "1\n2\n3\n4\n5\n");
    await until(passes);
    await second.hangUp();
  });

  it("frees the slot of a client that hangs up", async () => {
    const open = [await download()];
    await until(async () => {
      const next = await download();
      if (next.response.ok) open.push(next);
      else await next.hangUp();
      return open.length === 2;
    });
    assertEquals(await passes(), false);
    await open[0].hangUp();
    await until(passes);
    await open[1].hangUp();
  });

  it("never lets more than two run of many at once, and frees all of them", async () => {
    await until(async () => {
      const answers = await Promise.all(Array.from({ length: 20 }, () => download()));
      const begun = answers.filter(({ response }) => response.ok);
      for (const { hangUp } of answers) await hangUp();
      assert(begun.length <= 2, `${begun.length} ran`);
      return begun.length === 2;
    });
    await until(passes);
  });

  it("gives a slot that nobody gave back away when its lease is over", async () => {
    advance(10 * MINUTE);
    const [first, second] = [await download(), await download()];
    assertEquals(await passes(), false);
    advance(10 * MINUTE);
    const [third, fourth] = [await download(), await download()];
    assertEquals([third.response.status, fourth.response.status], [200, 200]);
    // A slot that comes back late frees nobody else's.
    await first.hangUp();
    await second.hangUp();
    await pause(60);
    assertEquals(await passes(), false);
    await third.hangUp();
    await fourth.hangUp();
    await until(passes);
  });

  it("lets ten run in all, whoever asks", async () => {
    advance(10 * MINUTE);
    const open: ClientRequest[] = [];
    const from = (localAddress: string) =>
      new Promise<number>((answered, failed) => {
        const sent = request(`${server.url}/export`, { localAddress, agent: false }, (response) => {
          answered(response.statusCode!);
          response.on("error", () => {}).resume();
        });
        open.push(sent.on("error", failed));
      });
    for (let client = 2; client < 7; client++) {
      for (const _slot of [1, 2]) assertEquals(await from(`127.0.0.${client}`), 200);
    }
    assertEquals(await from("127.0.0.7"), 429);
    open[0].destroy();
    await until(async () => await from("127.0.0.7") === 200);
    for (const sent of open) sent.destroy();
  });
});

describe("examples/shadow.ts", () => {
  const server = running(() => import("../../examples/shadow.ts"));
  const said: string[] = [];
  const { log } = console;
  before(() => void (console.log = (line: string) => said.push(line)));
  after(() => void (console.log = log));

  it("refuses by the live rule alone, and shows no other to clients", async () => {
    const answers = await burst(server.url, 30);
    assertEquals(statuses(answers), { 200: 25, 429: 5 });
    for (const { headers } of answers) assertEquals(headers.get("x-ratelimit-limit"), "25");
    const [refused] = answers.filter(({ status }) => status === 429);
    assertEquals(JSON.parse(refused.text)["violated-policies"], ["live"]);
  });

  it("tells observers what the planned rule would have done, next to what the live one did", async () => {
    assertEquals(said.length, 20);
    for (const line of said) assertMatch(line, /^planned would refuse \w+ \(GET \*\) for \d+ ms$/);
    const rules: Record<string, StatsRule> = JSON.parse((await get(`${server.url}/report`)).text);
    const counts = Object.entries(rules).map(([name, { mode, requests, refused, shadow_refused }]) =>
      [name, mode, requests, refused, shadow_refused].join(" ")
    );
    assertEquals(counts.sort(), ["live enforce 30 5 0", "planned shadow 30 0 20"]);
  });
});

describe("examples/block.ts", () => {
  const server = running(() => import("../../examples/block.ts"));
  const { log } = console;
  before(() => void (console.log = () => {}));
  after(() => void (console.log = log));
  const ask = (address: string) => get(server.url, { headers: { "x-forwarded-for": address } });
  /** The answers to so many requests in turn: how many pass, and the wait of each refused one, in s. */
  async function story(address: string, count: number) {
    const waits: number[] = [];
    for (let i = 0; i < count; i++) {
      const { status, headers } = await ask(address);
      if (status === 429) waits.push(Number(headers.get("retry-after")));
    }
    return { passed: count - waits.length, waits };
  }
  /** Asks until the block begins: ten pages, five refusals. Its length in s. */
  async function blocked(address: string): Promise<number> {
    const { passed, waits } = await story(address, 15);
    assertEquals([passed, waits.length], [10, 5]);
    assert(waits.slice(0, 4).every((wait) => wait <= 60), `${waits}`);
    return waits[4];
  }

  it("shuts out who goes on after refusals, whatever the quota says, and nobody else", async () => {
    assertEquals(await blocked("192.0.2.1"), 600);
    advance(2 * MINUTE);
    assertEquals((await story("192.0.2.1", 3)).passed, 0);
    assertEquals((await ask("192.0.2.2")).status, 200);
    // Nothing that was asked meanwhile has made it longer.
    advance(8 * MINUTE);
    assertEquals((await ask("192.0.2.1")).status, 200);
  });

  it("for longer each time, and forgets that in time", async () => {
    for (const minutes of [10, 20, 40]) {
      assertEquals(await blocked("192.0.2.3"), minutes * 60);
      advance(minutes * MINUTE);
    }
    advance(2 * 40 * MINUTE);
    assertEquals(await blocked("192.0.2.3"), 600);
  });

  it("is lifted by who may, for that address alone", async () => {
    await blocked("2001:db8::1");
    await blocked("192.0.2.4");
    const lift = (token: string) =>
      get(`${server.url}/blocks/2001:db8::7`, {
        method: "DELETE",
        headers: { authorization: `Bearer ${token}` },
      });
    assertEquals((await lift("somebody")).status, 401);
    assertEquals((await ask("2001:db8::1")).status, 429);
    assertEquals((await lift("the-admin")).status, 204);
    assertEquals((await ask("2001:db8::1")).status, 200);
    assertEquals((await ask("192.0.2.4")).status, 429);
  });
});
