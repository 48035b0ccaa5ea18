/** How an explanation says that the client's address was found. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import { byIp, clientAddress, type ClientOptions, createThrottle, type ExplainedAddress } from "../../mod.ts";

interface Row {
  readonly client: ClientOptions;
  readonly peer?: string | null;
  readonly headers?: Record<string, string>;
  readonly value: string | null;
  readonly from: string;
}

const PROXIES = ["10.0.0.0/8", "2001:db8:1::/48"];
const xff = (value: string) => ({ "x-forwarded-for": value });

const ROWS: readonly Row[] = [
  { client: {}, value: "10.0.0.1", from: "the transport peer" },
  { client: {}, headers: xff("6.6.6.6"), value: "10.0.0.1", from: "the transport peer" },
  {
    client: { trustedProxies: PROXIES },
    headers: xff("6.6.6.6, 203.0.113.9"),
    value: "203.0.113.9",
    from: "entry 1 from the right of the header x-forwarded-for, as the peer is a trusted proxy",
  },
  {
    client: { trustedProxies: PROXIES },
    headers: xff("6.6.6.6, 203.0.113.9, 2001:DB8:1::7, 10.1.1.1"),
    value: "203.0.113.9",
    from:
      "entry 3 from the right of the header x-forwarded-for, as the peer and all to the right of it are trusted proxies",
  },
  {
    client: { trustedProxies: PROXIES },
    headers: xff("10.2.2.2, 10.1.1.1"),
    value: "10.2.2.2",
    from:
      "entry 2 from the right of the header x-forwarded-for, the last to the left, as all are trusted proxies",
  },
  {
    client: { trustedProxies: PROXIES },
    headers: xff("6.6.6.6, unknown, 10.1.1.1"),
    value: "10.1.1.1",
    from: "entry 1 from the right of the header x-forwarded-for, as the entry to its left is no address",
  },
  {
    client: { trustedProxies: PROXIES },
    value: "10.0.0.1",
    from: "the transport peer, as the request has no header x-forwarded-for",
  },
  {
    client: { trustedProxies: PROXIES },
    headers: xff("6.6.6.6, -"),
    value: "10.0.0.1",
    from: "the transport peer, as an entry of the header x-forwarded-for is no address",
  },
  {
    client: { trustedProxies: PROXIES },
    peer: "192.0.2.1",
    headers: xff("6.6.6.6"),
    value: "192.0.2.1",
    from: "the transport peer, which is not in trustedProxies: the header x-forwarded-for is not read",
  },
  {
    client: { trustedProxies: PROXIES, header: "Forwarded" },
    headers: { forwarded: 'for=6.6.6.6, for="[2001:db8::5]:80";proto=https' },
    value: "2001:db8::5",
    from: "entry 1 from the right of the header forwarded, as the peer is a trusted proxy",
  },
  {
    client: { trustedProxies: 2 },
    headers: xff("6.6.6.6, 203.0.113.9, 10.1.1.1"),
    value: "203.0.113.9",
    from: "entry 2 from the right of the header x-forwarded-for, as trustedProxies is 2",
  },
  {
    client: { trustedProxies: 3 },
    headers: xff("6.6.6.6, 203.0.113.9"),
    value: "10.0.0.1",
    from: "the transport peer, as the header x-forwarded-for has fewer than 3 entries",
  },
  {
    client: { trustedProxies: 2 },
    headers: xff("6.6.6.6, unknown, 10.1.1.1"),
    value: "10.0.0.1",
    from: "the transport peer, as an entry of the header x-forwarded-for is no address",
  },
  {
    client: { trustedProxies: 1, header: "X-Real-IP" },
    headers: { "x-real-ip": "203.0.113.9" },
    value: "203.0.113.9",
    from: "the header x-real-ip, as trustedProxies is 1",
  },
  {
    client: { platform: "cloudflare" },
    headers: { "cf-connecting-ip": "203.0.113.9" },
    value: "203.0.113.9",
    from: 'the header cf-connecting-ip, which the platform "cloudflare" sets',
  },
  {
    client: { platform: "cloudflare" },
    headers: { "cf-connecting-ip": "240.1.2.3", "cf-connecting-ipv6": "2001:db8::5" },
    value: "2001:db8::5",
    from: 'the header cf-connecting-ipv6, which the platform "cloudflare" sets',
  },
  {
    client: { platform: "cloudflare" },
    value: "10.0.0.1",
    from: "the transport peer, as the request has no header cf-connecting-ip",
  },
  {
    client: { platform: "gcp-lb" },
    headers: xff("6.6.6.6, 203.0.113.9, 34.1.1.1"),
    value: "203.0.113.9",
    from: 'entry 2 from the right of the header x-forwarded-for, which the platform "gcp-lb" sets',
  },
  {
    client: { platform: "netlify" },
    headers: { "x-nf-client-connection-ip": "203.0.113.9" },
    value: "10.0.0.1",
    from: 'the transport peer that the platform "netlify" names',
  },
  {
    client: { platform: "netlify" },
    peer: null,
    headers: { "x-nf-client-connection-ip": "203.0.113.9" },
    value: "203.0.113.9",
    from: 'the header x-nf-client-connection-ip, which the platform "netlify" sets',
  },
  {
    client: { platform: "deno-deploy" },
    value: "10.0.0.1",
    from: 'the transport peer that the platform "deno-deploy" names',
  },
  {
    client: { address: () => "203.0.113.9:4711" },
    value: "203.0.113.9",
    from: "the option client.address",
  },
  {
    client: { address: () => null },
    value: null,
    from: "nowhere, as client.address returned no address",
  },
  {
    client: {
      address: () => {
        throw new Error("No directory.");
      },
    },
    value: null,
    from: "nowhere, as the option client.address fails: No directory",
  },
  { client: {}, peer: null, value: null, from: "nowhere, as the argument after the request names no peer" },
];

const requestWith = (headers: Record<string, string>) => new Request("https://api.example/", { headers });

async function explained(
  client: ClientOptions,
  peer: string | null,
  headers: Record<string, string>,
): Promise<ExplainedAddress> {
  const throttle = createThrottle({ rate: "1/min", key: byIp({ onMissing: "skip" }) }, { client });
  return (await throttle.explain(requestWith(headers), peer === null ? {} : { ip: peer })).address;
}

describe("the address in an explanation", () => {
  for (const { client, peer = "10.0.0.1", headers = {}, value, from } of ROWS) {
    it(`of ${JSON.stringify(client)}, ${peer} and ${JSON.stringify(headers)} is ${value}, from ${from}`, async () => {
      const address = await explained(client, peer, headers);
      assertEquals([address.value, address.peer], [value, peer]);
      assert(value === null ? address.from.startsWith(from) : address.from === from, address.from);
    });
  }

  it("names an argument of AWS Lambda", async () => {
    const throttle = createThrottle("1/min", { client: { platform: "aws-lambda" } });
    const event = { requestContext: { http: { sourceIp: "203.0.113.9" } } };
    const { address } = await throttle.explain(requestWith({}), event);
    assertEquals([address.value, address.from], ["203.0.113.9", 'the argument of the platform "aws-lambda"']);
  });

  it("is the one that the throttle counts, and stands at the hop that is named, whatever the chain", async () => {
    const entries = fc.constantFrom(
      "6.6.6.6",
      "203.0.113.9",
      "10.1.1.1",
      "10.2.2.2",
      "2001:db8:1::1",
      "unknown",
      "",
    );
    const clients = fc.constantFrom<ClientOptions>(
      { trustedProxies: PROXIES },
      { trustedProxies: 1 },
      { trustedProxies: 2 },
      { trustedProxies: ["10.1.1.1"], header: "forwarded" },
      { trustedProxies: 1, header: "x-real-ip" },
      { platform: "gcp-lb" },
      { platform: "cloudflare" },
      {},
    );
    const property = fc.asyncProperty(
      clients,
      fc.constantFrom("10.1.1.1", "192.0.2.1"),
      fc.array(entries, { maxLength: 6 }),
      async (client, peer, chain) => {
        const list = chain.filter((entry) => entry !== "");
        const quoted = (entry: string) => entry.includes(":") ? `"[${entry}]"` : entry;
        const headers: Record<string, string> = chain.length === 0 ? {} : {
          "x-forwarded-for": chain.join(", "),
          "forwarded": list.map((entry) => `for=${quoted(entry)}`).join(", "),
          "x-real-ip": chain[0],
          "cf-connecting-ip": chain[0],
        };
        const { value, hop, header } = await explained(client, peer, headers);
        assertEquals(value, clientAddress(requestWith(headers), [{ ip: peer }], client));
        if (hop === null) return assertEquals(value, peer);
        const isList = header === "x-forwarded-for" || header === "forwarded";
        assertEquals(value, isList ? list.at(-hop) : chain[0]);
      },
    );
    await fc.assert(property, { numRuns: 300 });
  });
});
