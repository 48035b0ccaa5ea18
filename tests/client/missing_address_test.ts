/** The error where a request has no address: it says what was tried, why that gave nothing, and what would. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { describe, it } from "node:test";
import { byIp, type ClientOptions, createThrottle } from "../../mod.ts";
import { type Handler, serve } from "../harness/serve.ts";

/** A peer on a Unix socket, as Deno's server says it. */
const unix = { remoteAddr: { transport: "unix", path: "/run/app.sock" } };

interface Case {
  readonly client?: ClientOptions;
  readonly headers?: Record<string, string>;
  readonly beside?: readonly unknown[];
  readonly says: string;
}

const CASES: Readonly<Record<string, Case>> = {
  "nothing is set, nothing was passed": { says: "as no argument followed the request. " },
  "something was passed that names nobody": {
    beside: [{ params: {}, token: "secret" }],
    says: "as the argument after the request names no peer: it is an object with params, token. ",
  },
  "text was passed": { beside: ["192.0.2.1"], says: "as the argument after the request is a string. " },
  "an ip was passed that is undefined": {
    beside: [{ ip: undefined }],
    says: "names no peer: it is an object with ip. ",
  },
  "a Unix socket": { beside: [unix], says: "as the peer is on a Unix socket, which has no address. " },
  "trustedProxies: 1 and no header": {
    client: { trustedProxies: 1 },
    says:
      "as trustedProxies: 1 was tried, but the request has no x-forwarded-for header, and no argument followed",
  },
  "trustedProxies: 2 and one entry": {
    client: { trustedProxies: 2 },
    headers: { "x-forwarded-for": "203.0.113.9" },
    says:
      "trustedProxies: 2 was tried, but entry 2 from the right of its x-forwarded-for header is no address, and ",
  },
  "another header": {
    client: { trustedProxies: 1, header: "X-Real-IP" },
    headers: { "x-real-ip": "unknown" },
    says: "trustedProxies: 1 was tried, but the last entry of its x-real-ip header is no address, and ",
  },
  "a list of proxies, and no peer": {
    client: { trustedProxies: ["10.0.0.0/8"] },
    headers: { "x-forwarded-for": "203.0.113.9" },
    says:
      'trustedProxies: ["10.0.0.0/8"] was tried, but the peer is not in that list, so its headers are ignored, and ',
  },
  "a trusted Unix socket, and no header": {
    client: { trustedProxies: ["unix"] },
    beside: [unix],
    says:
      'trustedProxies: ["unix"] was tried, but the request has no x-forwarded-for header, and the peer is on a Unix',
  },
  "a platform without its header": {
    client: { platform: "vercel" },
    says:
      'platform: "vercel" was tried, but the request has no x-vercel-forwarded-for header, and no argument followed',
  },
  "a platform that says it beside the request": {
    client: { platform: "deno-deploy" },
    says:
      'platform: "deno-deploy" was tried, but no argument of the server names the client, and no argument followed',
  },
  "an own function": {
    client: { address: () => "nobody" },
    says: "as client.address returned no address. ",
  },
};

async function messageOf({ client, headers = {}, beside = [] }: Case): Promise<string> {
  const throttle = createThrottle("1/min", client === undefined ? {} : { client });
  try {
    await throttle.check(new Request("https://example.com/", { headers }), ...beside);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("it found an address");
}

describe("a request without an address", () => {
  for (const [what, one] of Object.entries(CASES)) {
    it(`says what was tried and why it gave nothing: ${what}`, async () => {
      const message = await messageOf(one);
      assertStringIncludes(message, one.says);
      assertMatch(
        message,
        /^Cannot throttle by address as .*byIp\(\{ onMissing: "skip" \| "deny" \}\) skips or denies such requests\.$/,
      );
      assertEquals(message.includes("secret"), false);
      // An option that is set already is not advised again.
      const isSet = one.client !== undefined;
      assertEquals(message.includes("set `client`"), !isSet);
      if (one.client?.address !== undefined) return;
      assertMatch(
        message,
        /handler\(request, \{ ip \}\), check\(request, \{ ip \}\).*nitro dev.*"127\.0\.0\.1"/,
      );
    });
  }

  it("is counted by the `{ ip }` that is passed beside it, to a handler and to check", async () => {
    const throttle = createThrottle({ rate: "2/min", key: byIp() });
    const handler: Handler = throttle.wrap((_request, _peer: { ip: string }) => new Response("inside"));
    const request = new Request("https://example.com/");
    assertEquals((await handler(request, { ip: "192.0.2.1" })).status, 200);
    assertEquals((await throttle.check(request, { ip: "192.0.2.1" })).allowed, true);
    assertEquals((await throttle.check(request, { ip: "192.0.2.1" })).allowed, false);
    assertEquals((await throttle.check(request, { ip: "192.0.2.2" })).allowed, true);
  });

  it("is named by a real server that was given a handler without what it passes", async () => {
    const throttled = createThrottle("1/min").wrap(() => new Response("inside"));
    const messages: string[] = [];
    const served = await serve(async (request) => {
      try {
        return await throttled(new Request(request.url));
      } catch (error) {
        messages.push((error as Error).message);
        return new Response("failed", { status: 500 });
      }
    });
    assertEquals((await fetch(served.url)).status, 500);
    await served.close();
    assertStringIncludes(messages[0], "as no argument followed the request. Pass the argument of the server");
  });
});
