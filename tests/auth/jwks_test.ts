import { assert, assertEquals, assertGreater, assertRejects, assertThrows } from "@std/assert";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { jwtAuth } from "../../src/auth/jwt.ts";
import { KeysUnavailableError, remoteKeys } from "../../src/auth/remote_keys.ts";
import type { Context } from "../../src/context.ts";
import { writtenDuring } from "../harness/console.ts";
import { inTime } from "../harness/in_time.ts";
import { serve } from "../harness/serve.ts";

const MINUTE = 60_000;

/** An issuer with one key after another, and a real server that gives out the public ones as it is told to. */
async function issuer() {
  let now = 1_800_000_000_000;
  let answer: "keys" | "error" | "nothing" | "redirect" | "nonsense" = "keys";
  let fetches = 0;
  const published: unknown[] = [];
  const hanging: ((response: Response) => void)[] = [];
  const pairs = new Map<string, CryptoKeyPair>();

  const served = await serve((request) => {
    fetches++;
    if (new URL(request.url).pathname === "/elsewhere") return Response.json({ keys: published });
    if (answer === "error") return new Response("broken", { status: 500 });
    if (answer === "nothing") return new Promise((resolve) => hanging.push(resolve));
    if (answer === "redirect") {
      return new Response(null, { status: 302, headers: { location: "/elsewhere" } });
    }
    if (answer === "nonsense") return Response.json({ no: "keys" });
    return Response.json({ keys: published });
  });

  return {
    url: `${served.url}/jwks.json`,
    fetches: () => fetches,
    clock: () => now,
    pass: (ms: number) => now += ms,
    answers: (how: typeof answer) => answer = how,
    /** Makes a key and publishes it. */
    async addKey(kid: string, named: { kid?: string } = { kid }) {
      const pair = await generateKeyPair("ES256") as CryptoKeyPair;
      pairs.set(kid, pair);
      published.push({ ...await exportJWK(pair.publicKey), ...named });
    },
    /** A request with a token that says it was signed by that key. */
    async request(kid: string, signedBy = kid, header: { kid?: string } = { kid }): Promise<Request> {
      const token = await new SignJWT({}).setProtectedHeader({ alg: "ES256", ...header })
        .setSubject("alice").setIssuedAt(now / 1000).setExpirationTime(now / 1000 + 86_400)
        .sign((pairs.get(signedBy) as CryptoKeyPair).privateKey);
      return new Request("https://api.example/", { headers: { authorization: `Bearer ${token}` } });
    },
    async close() {
      for (const end of hanging) end(new Response("late"));
      await served.close();
    },
  };
}
type Issuer = Awaited<ReturnType<typeof issuer>>;

async function withIssuer(run: (issuer: Issuer) => Promise<void>): Promise<void> {
  const one = await issuer();
  try {
    await one.addKey("one");
    await run(one);
  } finally {
    await one.close();
  }
}

/** The same where an answer must come within a deadline that is waited for elsewhere. */
const withIssuerInTime = (run: (issuer: Issuer) => Promise<void>): Promise<void> =>
  inTime(() => withIssuer(run));

function authenticator({ url, clock }: Issuer, timeoutMs = 5000): (request: Request) => Promise<string> {
  const authenticate = jwtAuth({ jwks: url, clock, timeoutMs });
  return async (request) => {
    const found = await authenticate({ request } as Context);
    if (!(found instanceof Response)) return found?.id ?? "anonymous";
    const wait = found.headers.get("retry-after");
    return wait === null ? String(found.status) : `${found.status} after ${wait}`;
  };
}

/** How often each answer came. */
function tally(answers: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const answer of answers) counts[answer] = (counts[answer] ?? 0) + 1;
  return counts;
}

/** A hundred times one after the other, and what came of it. */
async function hundred(run: () => Promise<string>): Promise<Record<string, number>> {
  const answers: string[] = [];
  for (let i = 0; i < 100; i++) answers.push(await run());
  return tally(answers);
}

/** A hundred at once. */
async function hundredAtOnce(run: () => Promise<string>): Promise<Record<string, number>> {
  return tally(await Promise.all(Array.from({ length: 100 }, run)));
}

describe("keys from a URL", () => {
  it("are fetched once for a hundred tokens, one after the other or at once", () =>
    withIssuer(async (one) => {
      const ask = authenticator(one);
      const request = await one.request("one");
      assertEquals(await hundredAtOnce(() => ask(request)), { alice: 100 });
      assertEquals(await hundred(() => ask(request)), { alice: 100 });
      assertEquals(one.fetches(), 1);
    }));

  it("are fetched once for a hundred tokens at once also where jose shares no fetch", () =>
    withIssuer(async (one) => {
      // The global by which jose knows Vercel's edge; Workers it knows by another name.
      Object.assign(globalThis, { EdgeRuntime: "vercel" });
      try {
        const ask = authenticator(one);
        const request = await one.request("one");
        assertEquals(await hundredAtOnce(() => ask(request)), { alice: 100 });
        assertEquals(one.fetches(), 1);
      } finally {
        Reflect.deleteProperty(globalThis, "EdgeRuntime");
      }
    }));

  it("are not fetched to make a throttle, nor for requests without a token", () =>
    withIssuer(async (one) => {
      const ask = authenticator(one);
      assertEquals(await ask(new Request("https://api.example/")), "anonymous");
      assertEquals(one.fetches(), 0);
    }));

  it("are not fetched for what is no token, nor for an algorithm that is not allowed", () =>
    withIssuer(async (one) => {
      const ask = authenticator(one);
      const none = btoa('{"alg":"none"}').replace(/=+$/, "");
      const hs256 = btoa('{"alg":"HS256"}').replace(/=+$/, "");
      for (const token of ["", "x", "a.b.c", `${none}.e30.`, `${none}.e30.AA`, `${hs256}.e30.AA`]) {
        const headers = { authorization: `Bearer ${token}` };
        assertEquals(await ask(new Request("https://api.example/", { headers })), "401");
      }
      assertEquals(one.fetches(), 0);
    }));

  it("are fetched again once they are ten minutes old", () =>
    withIssuer(async (one) => {
      const ask = authenticator(one);
      const request = await one.request("one");
      await ask(request);
      one.pass(10 * MINUTE - 1);
      await ask(request);
      assertEquals(one.fetches(), 1);
      one.pass(1);
      assertEquals(await hundredAtOnce(() => ask(request)), { alice: 100 });
      assertEquals(one.fetches(), 2);
    }));

  it("that are new are found at once, when the last fetch is half a minute ago", () =>
    withIssuer(async (one) => {
      const ask = authenticator(one);
      await ask(await one.request("one"));
      await one.addKey("two");
      const request = await one.request("two");
      assertEquals(await ask(request), "401");
      one.pass(30_000);
      assertEquals(await ask(request), "alice");
      assertEquals(one.fetches(), 2);
    }));

  it("that are new are found, however far the clock was ahead at the last fetch", () =>
    withIssuer(async (one) => {
      const ask = authenticator(one);
      one.pass(24 * 60 * MINUTE);
      assertEquals(await ask(await one.request("one")), "alice");
      one.pass(-24 * 60 * MINUTE);
      await one.addKey("two");
      assertEquals(await hundred(async () => ask(await one.request("two"))), { alice: 100 });
      assertEquals(one.fetches(), 2);
      one.pass(10 * MINUTE);
      assertEquals(await ask(await one.request("two")), "alice");
      assertEquals(one.fetches(), 3);
    }));

  it("cannot be made to be fetched more than once a cooldown by kids that nobody has", () =>
    withIssuer(async (one) => {
      const ask = authenticator(one);
      let made = 0;
      const forge = async () => ask(await one.request(`made-up-${made++}`, "one"));
      assertEquals(await hundred(forge), { 401: 100 });
      assertEquals(one.fetches(), 1);
      one.pass(30_000);
      assertEquals(await hundredAtOnce(forge), { 401: 100 });
      assertEquals(one.fetches(), 2);
    }));

  it("are not fetched for a kid that is no name", () =>
    withIssuer(async (one) => {
      const ask = authenticator(one);
      assertEquals(await ask(await one.request("k".repeat(257), "one")), "401");
      assertEquals(one.fetches(), 0);
    }));

  it("are all tried where neither they nor the token are named", () =>
    withIssuer(async (one) => {
      await one.addKey("nameless-1", {});
      await one.addKey("nameless-2", {});
      const ask = authenticator(one);
      for (const key of ["one", "nameless-1", "nameless-2"]) {
        assertEquals(await ask(await one.request("", key, {})), "alice");
      }
      const stranger = await issuer();
      await stranger.addKey("stranger");
      assertEquals(await ask(await stranger.request("", "stranger", {})), "401");
      await stranger.close();
      assertEquals(one.fetches(), 1);
    }));
});

describe("a URL that answers 500", () => {
  it("is asked once for a hundred tokens, which are answered with 503 and when to come again", () =>
    withIssuer(async (one) => {
      one.answers("error");
      const ask = authenticator(one);
      const request = await one.request("one");
      assertEquals(await hundred(() => ask(request)), { "503 after 1": 100 });
      assertEquals(await hundredAtOnce(() => ask(request)), { "503 after 1": 100 });
      assertEquals(one.fetches(), 1);
    }));

  it("is asked after 1, 2, 4, 8, 16, then every 30 s, and used as soon as it answers", () =>
    withIssuer(async (one) => {
      one.answers("error");
      const ask = authenticator(one);
      const request = await one.request("one");
      let fetches = 0;
      for (const seconds of [1, 2, 4, 8, 16, 30, 30]) {
        assertEquals(await ask(request), `503 after ${seconds}`);
        assertEquals(one.fetches(), ++fetches);
        one.pass(seconds * 1000 - 1);
        assertEquals(await ask(request), "503 after 1");
        assertEquals(one.fetches(), fetches);
        one.pass(1);
      }
      one.answers("keys");
      assertEquals(await ask(request), "alice");
    }));

  it("is asked after its pause, however far the clock was ahead when it failed", () =>
    withIssuer(async (one) => {
      one.answers("error");
      const ask = authenticator(one);
      one.pass(24 * 60 * MINUTE);
      assertEquals(await ask(await one.request("one")), "503 after 1");
      one.pass(-24 * 60 * MINUTE);
      const request = await one.request("one");
      assertEquals(await hundred(() => ask(request)), { "503 after 2": 100 });
      assertEquals(one.fetches(), 2);
      one.answers("keys");
      one.pass(2000);
      assertEquals(await ask(request), "alice");
    }));

  it("is reported on the console once per outage, with what becomes of tokens, and when it is over", () =>
    withIssuer(async (one) => {
      const ask = authenticator(one);
      const request = await one.request("one");
      const outage = () => {
        one.answers("error");
        one.pass(10 * MINUTE);
        return hundred(() => ask(request));
      };
      const end = async () => {
        one.answers("keys");
        one.pass(MINUTE);
        await ask(request);
      };
      const { lines } = await writtenDuring(
        async () => {
          for (let time = 0; time < 2; time++) {
            await outage();
            await outage();
            await end();
          }
        },
        "warn",
        "error",
      );
      const cannot =
        `@weir/throttle: jwtAuth() cannot fetch the keys at ${one.url}: The server answered 500. Until it can, `;
      const again = `@weir/throttle: jwtAuth() has the keys at ${one.url} again.`;
      assertEquals(lines, [
        `${cannot}requests with a token are answered with 503.`,
        again,
        `${cannot}the older keys are used.`,
        again,
      ]);
    }));

  it("leaves the keys that it gave before in use, and is asked no more than while there were none", () =>
    withIssuer(async (one) => {
      const ask = authenticator(one);
      const request = await one.request("one");
      await ask(request);
      one.answers("error");
      one.pass(10 * MINUTE);
      assertEquals(await hundred(() => ask(request)), { alice: 100 });
      assertEquals(one.fetches(), 2);
      one.pass(600 * MINUTE);
      assertEquals(await hundredAtOnce(() => ask(request)), { alice: 100 });
      assertEquals(one.fetches(), 3);
    }));

  it("answers 503 for a kid that only it could know, and is asked once for a hundred of them", () =>
    withIssuer(async (one) => {
      const ask = authenticator(one);
      await ask(await one.request("one"));
      one.answers("error");
      one.pass(MINUTE);
      assertEquals(await hundred(async () => ask(await one.request("two", "one"))), { "503 after 1": 100 });
      assertEquals(one.fetches(), 2);
      assertEquals(await ask(await one.request("one")), "alice");
    }));
});

/** A deadline that is waited for, and that an answer of this machine's meets. */
const SOON_MS = 1000;

describe("a URL that does not answer", () => {
  it("is waited for once, and asked once for a hundred tokens at once", () =>
    withIssuer(async (one) => {
      one.answers("nothing");
      const ask = authenticator(one, SOON_MS);
      const request = await one.request("one");
      const started = performance.now();
      assertEquals(await hundredAtOnce(() => ask(request)), { "503 after 1": 100 });
      assertEquals(await hundred(() => ask(request)), { "503 after 1": 100 });
      assertEquals(one.fetches(), 1);
      assertGreater(20 * SOON_MS, performance.now() - started);
    }));

  it("leaves the keys that it gave before in use", () =>
    withIssuerInTime(async (one) => {
      const ask = authenticator(one, SOON_MS);
      const request = await one.request("one");
      await ask(request);
      one.answers("nothing");
      one.pass(10 * MINUTE);
      assertEquals(await hundredAtOnce(() => ask(request)), { alice: 100 });
      assertEquals(await hundred(() => ask(request)), { alice: 100 });
      assertEquals(one.fetches(), 2);
    }));

  it("is asked anew where an edge platform ended the request that was asking, and its fetch with it", () =>
    withIssuerInTime(async (one) => {
      const keys = remoteKeys(new URL(one.url), { clock: one.clock, timeoutMs: SOON_MS, maxBytes: 1000 });
      const fetchOfRuntime = globalThis.fetch;
      globalThis.fetch = () => new Promise(() => {});
      try {
        await assertRejects(() => keys.current(), KeysUnavailableError);
      } finally {
        globalThis.fetch = fetchOfRuntime;
      }
      one.pass(SOON_MS + 1);
      assert(await keys.current());
      assertEquals(one.fetches(), 1);
    }));
});

describe("a URL that answers more than keys can be", () => {
  const MEGABYTE = new Uint8Array(1_000_000).fill(32);

  /** A server that gives the keys, and then spaces for as long as somebody reads, up to 400 MB. */
  async function flood(one: Issuer) {
    const keys = await (await fetch(one.url)).text();
    const sent = { megabytes: 0, requests: 0 };
    const served = await serve(() => {
      sent.requests++;
      const body = new ReadableStream({
        start: (controller) => controller.enqueue(new TextEncoder().encode(keys)),
        pull(controller) {
          if (sent.megabytes++ < 400) controller.enqueue(MEGABYTE);
          else controller.close();
        },
      });
      return new Response(body, { headers: { "content-type": "application/json" } });
    });
    return { sent, served };
  }

  it("is read no further than a megabyte, answered with 503, and left alone for a while", () =>
    withIssuer(async (one) => {
      const { sent, served } = await flood(one);
      const ask = authenticator({ ...one, url: served.url });
      const request = await one.request("one");
      assertEquals(await hundredAtOnce(() => ask(request)), { "503 after 1": 100 });
      assertEquals(await hundred(() => ask(request)), { "503 after 1": 100 });
      assertEquals(sent.requests, 1);
      // Bytes that were sent and not read are in the buffers of two sockets and two streams.
      assertGreater(60, sent.megabytes);
      await served.close();
    }));

  it("leaves the keys that it gave before in use", () =>
    withIssuer(async (one) => {
      const { sent, served } = await flood(one);
      let url = one.url;
      const turning = await serve(() => fetch(url));
      const ask = authenticator({ ...one, url: turning.url });
      const request = await one.request("one");
      assertEquals(await ask(request), "alice");
      url = served.url;
      one.pass(10 * MINUTE);
      assertEquals(await ask(request), "alice");
      assertEquals(sent.requests, 1);
      await turning.close();
      await served.close();
    }));

  it("is read as far as `maxBytes` says, whatever a compressed answer unpacks to", () =>
    withIssuer(async (one) => {
      const keys = await (await fetch(one.url)).text();
      const packed = gzipSync(keys + " ".repeat(100_000));
      const served = await serve(() => new Response(packed, { headers: { "content-encoding": "gzip" } }));
      const request = await one.request("one");
      const answers = [];
      for (const maxBytes of [keys.length + 100_000, keys.length + 99_999, packed.length]) {
        const authenticate = jwtAuth({ jwks: served.url, clock: one.clock, maxBytes });
        const found = await authenticate({ request } as Context);
        answers.push(found instanceof Response ? found.status : found?.id);
      }
      assertEquals(answers, ["alice", 503, 503]);
      await served.close();
    }));

  it("has a limit that is a number of bytes", () => {
    for (const maxBytes of [0, -1, 1.5, NaN, "1 MB"]) {
      const options = { jwks: "https://id.example", maxBytes: maxBytes as number };
      assertThrows(() => jwtAuth(options), RangeError, "maxBytes must be an integer of at least 1");
    }
  });
});

describe("a URL that answers something else", () => {
  it("is not followed elsewhere", () =>
    withIssuer(async (one) => {
      one.answers("redirect");
      assertEquals(await authenticator(one)(await one.request("one")), "503 after 1");
      assertEquals(one.fetches(), 1);
    }));

  it("has failed when that is no key set", () =>
    withIssuer(async (one) => {
      one.answers("nonsense");
      assertEquals(await authenticator(one)(await one.request("one")), "503 after 1");
    }));

  it("has failed when nobody listens", async () => {
    const one = await issuer();
    await one.addKey("one");
    const request = await one.request("one");
    await one.close();
    const ask = authenticator(one);
    assertEquals(await hundred(() => ask(request)), { "503 after 1": 100 });
  });
});
