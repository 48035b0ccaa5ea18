import { assertEquals, assertMatch } from "@std/assert";
import { after, before, describe, it } from "node:test";
import process from "node:process";
import { createThrottle } from "../../mod.ts";
import { upstashStore } from "../../src/stores/upstash/mod.ts";
import { type Bridge, startBridge } from "../harness/bridge.ts";
import { type Answer, get } from "../harness/http.ts";
import { type Program, startProgram } from "../harness/program.ts";
import { type Redis, startRedis, withoutRedis } from "../harness/redis.ts";
import { runtime } from "../harness/runtime.ts";
import { rule, SHARED } from "./app.ts";

/** The differences from platform to platform. */
export interface Traits {
  /** How its client is known to it. */
  readonly address: string;
  /** The headers that its edge adds to a request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Does an instance live longer than one request? */
  readonly remembers?: boolean;
}

/** A platform that runs, as a case uses it. */
interface Running {
  readonly traits: Traits;
  readonly program: Program;
  readonly bridge: Bridge;
  /** Sends a request; each case has a quota of its own. */
  send(path: string, init?: RequestInit): Promise<Answer>;
  /** The request that {@link send} makes, for a throttle in this process. */
  request(): Request;
}

interface Case {
  readonly title: string;
  /** "memory" for those whose counts an instance keeps from one request to the next, "redis" for those of the shared store. */
  readonly needs?: "memory" | "redis";
  run(platform: Running): Promise<void>;
}

const left = ({ headers }: Answer) => headers.get("x-ratelimit-remaining");
const seen = (answer: Answer) => [answer.status, left(answer)];
const THREE_AND_NO_MORE = [[200, "2"], [200, "1"], [200, "0"], [429, "0"]];

async function four(send: () => Promise<Answer>): Promise<Answer[]> {
  return [await send(), await send(), await send(), await send()];
}

/** The duties of every platform. */
const cases: readonly Case[] = [
  {
    title: "answers with the rate headers, and the handler's own",
    async run({ send }) {
      const { status, headers, text } = await send("/memory");
      assertEquals([status, text, headers.get("content-type")], [200, "hello", "text/plain"]);
      const told = ["limit", "remaining", "reset"].map((name) => headers.get(`x-ratelimit-${name}`));
      assertEquals(told, ["3", "2", "3600"]);
    },
  },
  {
    title: "lets as many pass as the limit says, then refuses with a problem and when to come back",
    needs: "memory",
    async run({ send }) {
      const answers = await four(() => send("/memory"));
      assertEquals(answers.map(seen), THREE_AND_NO_MORE);
      const { headers, text } = answers[3];
      assertMatch(headers.get("content-type")!, /^application\/problem\+json/);
      assertMatch(headers.get("retry-after")!, /^(3600|359\d)$/);
      assertEquals(headers.get("cache-control"), "no-store");
      assertEquals(JSON.parse(text).status, 429);
    },
  },
  {
    title: "knows the client's address",
    async run({ send, traits }) {
      assertEquals(JSON.parse((await send("/who")).text), traits.address);
    },
  },
  {
    title: "explains requests, at the first of which it loads the code for that",
    async run({ send, traits }) {
      for (let i = 0; i < 3; i++) {
        const { status, text } = await send("/explain");
        const { allowed, address, rules: [{ applies, used }] } = JSON.parse(text);
        assertEquals([status, allowed, address.value, applies, used], [200, true, traits.address, true, 0]);
      }
    },
  },
  {
    title: "counts HEAD, and answers it with the same headers and no body",
    async run({ send }) {
      const { status, text, headers } = await send("/memory", { method: "HEAD" });
      assertEquals([status, text, headers.get("x-ratelimit-remaining")], [200, "", "2"]);
    },
  },
  {
    title: "refuses HEAD without a body",
    needs: "memory",
    async run({ send }) {
      const answers = await four(() => send("/memory", { method: "HEAD" }));
      assertEquals(answers.map(seen), THREE_AND_NO_MORE);
      assertEquals(answers[3].text, "");
    },
  },
  {
    title: "hands the body of a request on",
    async run({ send }) {
      const answer = await send("/echo", { method: "POST", body: "wörds" });
      assertEquals([...seen(answer), answer.text], [200, "2", "wörds"]);
    },
  },
  {
    title: "sends a streamed body whole, and what the request held comes free at its end",
    needs: "memory",
    async run({ send }) {
      for (let i = 0; i < 3; i++) {
        const { status, text } = await send("/stream");
        assertEquals([status, text], [200, "abc"]);
      }
    },
  },
  {
    title: "throttles a Hono app by its middleware",
    async run({ send }) {
      const answer = await send("/hono/7");
      assertEquals([...seen(answer), JSON.parse(answer.text)], [200, "2", { id: "7", left: 2 }]);
    },
  },
  {
    title: "refuses what a Hono app's middleware refuses",
    needs: "memory",
    async run({ send }) {
      assertEquals((await four(() => send("/hono/7"))).map(seen), THREE_AND_NO_MORE);
    },
  },
  {
    title: "counts in the shared store, together with other processes",
    needs: "redis",
    async run({ send, bridge, request, traits }) {
      const elsewhere = createThrottle(rule, {
        client: { address: () => traits.address },
        store: upstashStore({ ...SHARED, url: bridge.url, token: bridge.token }),
      });
      assertEquals(seen(await send("/shared")), [200, "2"]);
      const { decisions: [decision] } = await elsewhere.check(request());
      assertEquals([decision.remaining, decision.source], [1, "store"]);
      assertEquals(seen(await send("/shared")), [200, "0"]);
      assertEquals((await elsewhere.check(request())).allowed, false);
      assertEquals(seen(await send("/shared")), [429, "0"]);
    },
  },
  {
    title: "gives back to the shared store after the response, though nobody waits for that",
    needs: "redis",
    async run({ send }) {
      assertEquals((await send("/shared/stream")).text, "abc");
      const started = Date.now();
      let status = 0;
      while (status !== 200 && Date.now() - started < 30_000) ({ status } = await send("/shared/stream"));
      assertEquals(status, 200);
    },
  },
  {
    title: "goes on without the shared store when that fails",
    needs: "redis",
    async run({ send, bridge, traits, program }) {
      try {
        bridge.fault = { kind: "status", status: 500 };
        assertEquals(seen(await send("/shared")), [200, "2"], program.output());
        bridge.fault = { kind: "reset" };
        assertEquals(seen(await send("/shared")), [200, traits.remembers === false ? "2" : "1"]);
      } finally {
        bridge.fault = null;
      }
    },
  },
];

/** A platform that cannot be started is a failure in CI, and elsewhere a hole in the run. */
async function startOrSay(
  name: string,
  command: string,
  env: Record<string, string>,
): Promise<Program | null> {
  try {
    return await startProgram(command.split(" "), env);
  } catch (error) {
    if (process.env.CI) throw error;
    console.error(`\nNOT TRIED: ${name} cannot be started here, so none of its tests runs.\n${error}\n`);
    return null;
  }
}

/**
 * Tries all cases on a platform. Platforms are programs of their own, so one runtime's tests start them all.
 *
 * @param name The platform.
 * @param command What starts it, with the app.
 * @param traits See {@link Traits}.
 */
export function tryPlatform(name: string, command: string, traits: Traits): void {
  if (runtime !== "node") {
    it(`${name} is tried by the tests on Node`, () => {});
    return;
  }
  describe(name, () => {
    let redis: Redis | undefined;
    let bridge: Bridge;
    let program: Program | null = null;
    before(async () => {
      redis = withoutRedis ? undefined : await startRedis();
      bridge = await startBridge(redis ?? { host: "127.0.0.1", port: 9 });
      program = await startOrSay(name, command, {
        UPSTASH_REDIS_REST_URL: bridge.url,
        UPSTASH_REDIS_REST_TOKEN: bridge.token,
      });
    });
    after(async () => {
      await program?.stop();
      await bridge.close();
      await redis?.stop();
    });

    cases.forEach(({ title, needs, run }, index) => {
      if (needs === "memory" && traits.remembers === false) return;
      it(title, { skip: needs === "redis" && withoutRedis }, async (t) => {
        if (program === null) return t.skip(`${name} cannot be started here`);
        const headers = { ...traits.headers, "x-case": `case-${index}` };
        const { url } = program;
        await run({
          ...{ traits, program, bridge },
          send: (path, init) => get(url + path, { ...init, headers }),
          request: () => new Request(url, { headers }),
        });
      });
    });
  });
}
