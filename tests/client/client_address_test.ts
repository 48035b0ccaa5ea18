import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { addressKey, canonicalAddress } from "../../src/client/address.ts";
import { clientAddress, type ClientOptions, compileClient } from "../../src/client/client.ts";
import { type Platform, platformsWithClient } from "../../src/client/platforms.ts";

// ---- the vectors ---------------------------------------------------------------------------------------------------

interface Vector {
  id: string;
  rule: string;
  level: "must" | "should";
  title: string;
  config: {
    source: "peer" | "x-forwarded-for" | "forwarded" | "header" | "platform";
    trust?: { hops?: number; cidrs?: string[]; all?: true; unix?: true };
    header?: string;
    name?: string;
    ipv4Prefix?: number;
    ipv6Prefix?: number;
  };
  peer: string | null | { unix: string };
  headers: [string, string][];
  platform?: Record<string, unknown>;
  expect: {
    key?: string | null;
    ip?: string;
    oneOf?: (string | null)[];
    never?: string[];
    sameKeyAs?: string;
    differsFrom?: string;
    configError?: true;
    orConfigError?: true;
    orKeyNever?: string[];
  };
}

const { vectors } = JSON.parse(readFileSync("tests/vectors/client-address.json", "utf8")) as {
  vectors: Vector[];
};

function optionsOf({ config }: Vector): ClientOptions {
  const { source, trust = {} } = config;
  if (source === "peer") return {};
  if (source === "platform") {
    return { platform: (config.name === "deno" ? "deno-deploy" : config.name) as Platform };
  }
  const ranges = trust.cidrs && [...trust.cidrs, ...trust.unix ? ["unix"] : []];
  return {
    header: source === "header" ? config.header! : source,
    trustedProxies: ranges ?? trust.hops ?? (trust.unix ? ["unix"] : 1),
  };
}

/** The ways in which servers say who is connected. */
const servers: Record<string, (peer: Vector["peer"]) => unknown> = {
  "Deno.serve": (peer) => ({
    remoteAddr: typeof peer === "string"
      ? { transport: "tcp", hostname: peer, port: 50123 }
      : { transport: "unix", path: peer?.unix },
  }),
  "Bun.serve": (peer) => ({
    requestIP: () => typeof peer === "string" ? { address: peer, family: "IPv6", port: 50123 } : null,
    address: typeof peer === "string" ? { address: "::", family: "IPv6", port: 80 } : peer?.unix,
  }),
  "@hono/node-server": (peer) => ({ incoming: nodeMessage(peer), outgoing: {} }),
  "node:http": nodeMessage,
  "a node:net socket": (peer) => nodeMessage(peer).socket,
  "Hono on Deno": (peer) => honoContext(servers["Deno.serve"](peer)),
  "Hono on Bun": (peer) => honoContext(servers["Bun.serve"](peer)),
  "Hono on Bun, the server by name": (peer) => honoContext({ server: servers["Bun.serve"](peer) }),
  "Hono on Node": (peer) => honoContext(servers["@hono/node-server"](peer)),
};

function nodeMessage(peer: Vector["peer"]) {
  const listening = typeof peer === "string" ? { address: "::", family: "IPv6", port: 80 } : peer?.unix;
  return {
    socket: {
      remoteAddress: typeof peer === "string" ? peer : undefined,
      server: { address: () => listening },
    },
  };
}

function honoContext(env: unknown) {
  return {
    env,
    req: { raw: new Request("http://localhost/") },
    get executionCtx(): never {
      throw new Error("This context has no ExecutionContext");
    },
    get event(): never {
      throw new Error("This context has no FetchEvent");
    },
  };
}

function requestOf(headers: readonly (readonly [string, string])[]): Request {
  const list = new Headers();
  for (const [name, value] of headers) list.append(name, value);
  return new Request("http://localhost/", { headers: list });
}

function keyOf(vector: Vector, server: string): string | null {
  const passed = vector.platform
    ? Object.values(vector.platform)
    : vector.peer === null
    ? []
    : [servers[server](vector.peer)];
  const address = clientAddress(requestOf(vector.headers), passed, optionsOf(vector));
  const { ipv4Prefix = 32, ipv6Prefix = 64 } = vector.config;
  if (vector.expect.ip !== undefined) assertEquals(address, vector.expect.ip);
  return address === null ? null : addressKey(address, { ipv4Prefix, ipv6Prefix });
}

function holds(vector: Vector, server: string): void {
  const { expect } = vector;
  if (expect.configError && !expect.orKeyNever) {
    assertThrows(() => compileClient(optionsOf(vector)));
    return;
  }
  let key: string | null;
  try {
    key = keyOf(vector, server);
  } catch (error) {
    if (expect.configError || expect.orConfigError) return;
    throw error;
  }
  if ("key" in expect) assertEquals(key, expect.key);
  if (expect.oneOf) assert(expect.oneOf.includes(key), `${key} is none of ${expect.oneOf}`);
  for (const never of [...expect.never ?? [], ...expect.orKeyNever ?? []]) {
    assert(key === null || !key.includes(never), `${key} has ${never} in it`);
  }
  const other = (id: string) => keyOf(vectors.find((vector) => vector.id === id)!, server);
  if (expect.sameKeyAs) assertEquals(key, other(expect.sameKeyAs));
  if (expect.differsFrom) assertNotEquals(key, other(expect.differsFrom));
}

describe("the client address vectors", () => {
  for (const vector of vectors) {
    it(`${vector.id} (${vector.rule}, ${vector.level}): ${vector.title}`, () => {
      for (const server of Object.keys(servers)) holds(vector, server);
    });
  }
});

// ---- our own cases -------------------------------------------------------------------------------------------------

const PROXY = "10.0.0.1";
const ranges = ["10.0.0.0/8", "2400:cb00::/32", "192.0.2.77"];

function find(
  options: ClientOptions,
  headers: Record<string, string>,
  peer: string | null = PROXY,
): string | null {
  const passed = peer === null ? [] : [servers["Deno.serve"](peer)];
  return clientAddress(requestOf(Object.entries(headers)), passed, options);
}

describe("a list of addresses", () => {
  const xff = (value: string) => ({ "x-forwarded-for": value });
  const cases: readonly (readonly [string, ClientOptions, string, string | null])[] = [
    ["hop 1 is the last entry", { trustedProxies: 1 }, "6.6.6.6, 203.0.113.9", "203.0.113.9"],
    [
      "hop 3 is the third from the right",
      { trustedProxies: 3 },
      "6.6.6.6, 203.0.113.9, 1.1.1.1, 1.1.1.2",
      "203.0.113.9",
    ],
    [
      "a list exactly as long as the hops is long enough",
      { trustedProxies: 2 },
      "203.0.113.9, 1.1.1.1",
      "203.0.113.9",
    ],
    ["a list shorter than the hops leaves the peer", { trustedProxies: 3 }, "6.6.6.6, 203.0.113.9", PROXY],
    ["garbage right of the hop leaves the peer", { trustedProxies: 2 }, "203.0.113.9, garbage", PROXY],
    [
      "garbage left of the hop is nobody's business",
      { trustedProxies: 1 },
      "garbage, 203.0.113.9",
      "203.0.113.9",
    ],
    [
      "a very large number of hops is only a long way to the peer",
      { trustedProxies: 2 ** 53 - 1 },
      "6.6.6.6",
      PROXY,
    ],
    ["nobody trusted by an empty list", { trustedProxies: [] }, "203.0.113.9", PROXY],
    ["all trusted: the leftmost", { trustedProxies: ranges }, "10.0.0.4, 2400:cb00::3, 10.0.0.2", "10.0.0.4"],
    ["a single trusted address", { trustedProxies: [PROXY] }, "203.0.113.9, 10.0.0.2", "10.0.0.2"],
    ["no entry: the peer", { trustedProxies: ranges }, " , ,", PROXY],
    ["garbage first: the peer", { trustedProxies: ranges }, "203.0.113.9, 10.0.0.2, garbage", PROXY],
    [
      "garbage later: the hop before it",
      { trustedProxies: ranges },
      "203.0.113.9, garbage, 10.0.0.2",
      "10.0.0.2",
    ],
    ["0.0.0.0 is garbage", { trustedProxies: 1 }, "0.0.0.0", PROXY],
    [
      "empty elements do not count as hops",
      { trustedProxies: 2 },
      "203.0.113.9, , 1.1.1.1,, \t,",
      "203.0.113.9",
    ],
    [
      "mapped entries are trusted as IPv4",
      { trustedProxies: ranges },
      "203.0.113.9, ::ffff:a00:2",
      "203.0.113.9",
    ],
    [
      "a port does not hide a trusted proxy",
      { trustedProxies: ranges },
      "203.0.113.9:1, 10.0.0.2:80",
      "203.0.113.9",
    ],
    ["IPv6 with brackets and port", { trustedProxies: 1 }, "[2001:db8::5]:51235", "2001:db8::5"],
    ["bare IPv6 keeps its last group", { trustedProxies: 1 }, "2001:db8::5:5123", "2001:db8::5:5123"],
    ["mapped in brackets", { trustedProxies: 1 }, "[::ffff:203.0.113.9]:80", "203.0.113.9"],
    ["IPv4 in brackets is garbage", { trustedProxies: 1 }, "[203.0.113.9]", PROXY],
    ["a port without digits is garbage", { trustedProxies: 1 }, "203.0.113.9:", PROXY],
    ["a port of words is garbage", { trustedProxies: 1 }, "203.0.113.9:http", PROXY],
    ["an open bracket is garbage", { trustedProxies: 1 }, "[2001:db8::5", PROXY],
    ["quotes are garbage", { trustedProxies: 1 }, '"203.0.113.9"', PROXY],
    ["white space inside is garbage", { trustedProxies: 1 }, "203.0.113.9 1.1.1.1", PROXY],
    ["a no-break space is not white space", { trustedProxies: 1 }, "6.6.6.6,\u00a0203.0.113.9", PROXY],
    ["markup is garbage", { trustedProxies: 1 }, "<script>", PROXY],
  ];
  for (const [title, options, value, address] of cases) {
    it(title, () => assertEquals(find(options, xff(value)), address));
  }

  it("needs no peer where hops are counted", () => {
    assertEquals(find({ trustedProxies: 1 }, xff("203.0.113.9"), null), "203.0.113.9");
    assertEquals(find({ trustedProxies: 1 }, xff("garbage"), null), null);
    assertEquals(find({ trustedProxies: 2 }, xff("203.0.113.9"), null), null);
  });

  it("is not looked at where trust goes by address and the server names no peer", () => {
    assertEquals(find({ trustedProxies: ranges }, xff("203.0.113.9"), null), null);
  });

  it("is believed from a Unix socket only where that is trusted", () => {
    const onUnix = (trustedProxies: string[], value: string) =>
      clientAddress(requestOf([["x-forwarded-for", value]]), [
        servers["Deno.serve"]({ unix: "/run/app.sock" }),
      ], {
        trustedProxies,
      });
    assertEquals(onUnix(["unix"], "6.6.6.6, 203.0.113.9"), "203.0.113.9");
    assertEquals(onUnix(["unix", ...ranges], "203.0.113.9, 10.0.0.2"), "203.0.113.9");
    assertEquals(onUnix(["unix"], "garbage"), null);
    assertEquals(onUnix(["unix"], ""), null);
    assertEquals(onUnix(ranges, "203.0.113.9"), null);
  });

  it("is walked for a hundred hops, and its elements are read up to a thousand characters", () => {
    const hops = Array.from({ length: 150 }, (_, i) => `10.0.1.${i}`);
    const addressIn = (header: string, value: string) =>
      clientAddress(requestOf([[header, value]]), [servers["Deno.serve"](PROXY)], {
        trustedProxies: ranges,
        header,
      });
    assertEquals(addressIn("x-forwarded-for", hops.toReversed().join()), hops[99]);
    const element = (filler: number) => `for=203.0.113.9;ext=${"a".repeat(filler)}`;
    assertEquals(addressIn("forwarded", element(900)), "203.0.113.9");
    assertEquals(addressIn("forwarded", element(1000)), PROXY);
  });

  it("takes no more than linear time over a long header", () => {
    const client = "203.0.113.9";
    const floods = [
      ",",
      " ",
      " ,",
      '"',
      '",',
      '\\"',
      "6.6.6.6,",
      "10.0.0.2,",
      "for=10.0.0.2;",
      "for=10.0.0.2,",
    ];
    for (const flood of [...floods, "\\", ";", "[", ":", "[:"]) {
      const value = flood.repeat(100_000 / flood.length);
      for (const header of ["x-forwarded-for", "forwarded", "x-real-ip"]) {
        const requests = ["", `, ${header === "forwarded" ? "for=" : ""}${client}`]
          .map((end) => requestOf([[header, value + end]]));
        for (const trustedProxies of [1, 3, ranges]) {
          const options = { trustedProxies, header };
          const started = performance.now();
          const found = requests.map((request) =>
            clientAddress(request, [servers["Deno.serve"](PROXY)], options)
          );
          assert(performance.now() - started < 5000, `${flood} took ${performance.now() - started} ms`);
          if (header !== "x-real-ip" && trustedProxies !== 3) assertEquals(found[1], client);
        }
      }
    }
  });
});

describe("the Forwarded header", () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ["for=203.0.113.9", "203.0.113.9", "a token"],
    ["FOR=203.0.113.9", "203.0.113.9", "names in any case"],
    ['for="203.0.113.9:4711"', "203.0.113.9", "a quoted port"],
    ['for="203.0.113.9:_port"', "203.0.113.9", "an obfuscated port"],
    ['for="[2001:db8:cafe::17]:4711"', "2001:db8:cafe::17", "IPv6 with port"],
    ['for="[2001:db8:cafe::17]"', "2001:db8:cafe::17", "IPv6"],
    ['proto=https;by="a,b;for=6.6.6.6";for=203.0.113.9', "203.0.113.9", "commas and semicolons in quotes"],
    ['for="203.0.11\\3.9"', "203.0.113.9", "a quoted pair"],
    ['by="\\"";for=203.0.113.9', "203.0.113.9", "an escaped quote"],
    ['by="\\\\";for=203.0.113.9', "203.0.113.9", "an escaped backslash"],
    ["for=203.0.113.9;", "203.0.113.9", "an empty pair"],
    ["for=203.0.113.9 ; proto=https", "203.0.113.9", "white space around a semicolon"],
    ['for=6.6.6.6, for="203.0.113.9:1";by="x, y"', "203.0.113.9", "the last element"],
    ['for="6.6.6.6, for=203.0.113.9', "203.0.113.9", "a quote that the client left open"],
    ['for="6.6.6.6\\, for="[2001:db8::9]"', "2001:db8::9", "a backslash that the client left behind"],
    ['for=6.6.6.6";by=", for=203.0.113.9', "203.0.113.9", "quotes of the client's around the comma"],
    ["for=unknown", PROXY, "unknown is nobody"],
    ["for=_hidden", PROXY, "an obfuscated name is nobody"],
    ["proto=https", PROXY, "no for is nobody"],
    ["for=2001:db8::17", PROXY, "IPv6 needs quotes and brackets"],
    ["for=[2001:db8::17]", PROXY, "IPv6 needs quotes"],
    ['for="2001:db8::17"', PROXY, "IPv6 needs brackets"],
    ["for=203.0.113.9:80", PROXY, "a port needs quotes"],
    ['for="[203.0.113.9]"', PROXY, "no brackets around IPv4"],
    ["for=6.6.6.6;for=203.0.113.9", PROXY, "two for"],
    ["for=203.0.113.9;proto=http;PROTO=https", PROXY, "two of any parameter"],
    ["for = 203.0.113.9", PROXY, "no white space around the equals sign"],
    ["for=203.0.113.9 proto=https", PROXY, "no semicolon"],
    ["203.0.113.9", PROXY, "no name"],
    ['for="203.0.113.9', PROXY, "an open quote"],
    ['for=203.0.113.9"', PROXY, "a stray quote"],
    ['for=""', PROXY, "empty"],
  ];
  for (const [value, address, title] of cases) {
    it(`${title}: ${value}`, () => {
      assertEquals(find({ trustedProxies: 1, header: "forwarded" }, { forwarded: value }), address);
      assertEquals(find({ trustedProxies: ranges, header: "Forwarded" }, { forwarded: value }), address);
    });
  }

  it("is walked through trusted proxies like any list", () => {
    const options = { trustedProxies: ranges, header: "forwarded" };
    const forwarded = 'for=6.6.6.6, for=203.0.113.9;by="1,2", for="[2400:cb00::1]:80", for=10.0.0.2';
    assertEquals(find(options, { forwarded }), "203.0.113.9");
  });
});

describe("a header of one address", () => {
  const real = (value: string, trustedProxies: ClientOptions["trustedProxies"] = ranges) =>
    find({ trustedProxies: trustedProxies!, header: "X-Real-IP" }, {
      "x-real-ip": value,
      "x-forwarded-for": "6.6.6.6",
    });

  it("is taken from a trusted peer", () => {
    assertEquals(real("203.0.113.9"), "203.0.113.9");
    assertEquals(real("[2001:DB8::9]:80"), "2001:db8::9");
    assertEquals(real("203.0.113.9", ["192.0.2.0/24"]), PROXY);
    assertEquals(real("203.0.113.9", 0), PROXY);
  });

  it("has no second hop to count", () => assertEquals(real("203.0.113.9", 3), "203.0.113.9"));

  it("leaves the peer when it holds anything else", () => {
    for (const value of ["", "203.0.113.9, 1.1.1.1", "203.0.113.9 1.1.1.1", "unknown", "for=203.0.113.9"]) {
      assertEquals(real(value), PROXY, value);
      assertEquals(real(value, 1), PROXY, value);
    }
  });

  it("may be CloudFront's, with a port after an IPv6 address without brackets", () => {
    const viewer = (value: string) =>
      find({ trustedProxies: ranges, header: "CloudFront-Viewer-Address" }, {
        "cloudfront-viewer-address": value,
      });
    assertEquals(viewer("203.0.113.9:46532"), "203.0.113.9");
    assertEquals(viewer("2001:db8:1:2::5:46532"), "2001:db8:1:2::5");
    assertEquals(viewer("2001:db8:0:0:0:0:0:5:46532"), "2001:db8::5");
    for (const value of ["203.0.113.9", "203.0.113.9:1:2", "203.0.113.9:x", ":80", "a, 203.0.113.9:80"]) {
      assertEquals(viewer(value), PROXY, value);
    }
  });
});

describe("platforms", () => {
  const forged = { "x-forwarded-for": "6.6.6.6", "forwarded": "for=6.6.6.6", "x-real-ip": "6.6.6.6" };
  const cases: readonly (readonly [Platform, Record<string, string>, unknown, string | null])[] = [
    ["cloudflare", { "cf-connecting-ip": "203.0.113.9", "true-client-ip": "6.6.6.6" }, {}, "203.0.113.9"],
    ["cloudflare", { "cf-connecting-ip": "2001:DB8::9" }, {}, "2001:db8::9"],
    [
      "cloudflare",
      { "cf-connecting-ip": "240.16.0.1", "cf-connecting-ipv6": "2001:db8::9" },
      {},
      "2001:db8::9",
    ],
    ["cloudflare", { "cf-connecting-ip": "240.16.0.1", "cf-connecting-ipv6": "garbage" }, {}, "240.16.0.1"],
    [
      "cloudflare",
      { "cf-connecting-ip": "203.0.113.9", "cf-connecting-ipv6": "2001:db8::9" },
      {},
      "203.0.113.9",
    ],
    ["cloudflare", { "cf-connecting-ip": "203.0.113.9, 1.1.1.1" }, {}, null],
    ["vercel", { "x-vercel-forwarded-for": "203.0.113.9" }, {}, "203.0.113.9"],
    ["vercel", {}, {}, null],
    ["netlify", {}, { ip: "203.0.113.9", geo: {} }, "203.0.113.9"],
    ["netlify", {}, honoContext({ context: { ip: "203.0.113.9" } }), "203.0.113.9"],
    ["netlify", { "x-nf-client-connection-ip": "203.0.113.9" }, {}, "203.0.113.9"],
    ["fly", { "fly-client-ip": "203.0.113.9" }, {}, "203.0.113.9"],
    ["deno-deploy", {}, servers["Deno.serve"]("203.0.113.9"), "203.0.113.9"],
    ["aws-lambda", {}, { requestContext: { http: { sourceIp: "203.0.113.9" } } }, "203.0.113.9"],
    ["aws-lambda", {}, { requestContext: { identity: { sourceIp: "2001:DB8::9" } } }, "2001:db8::9"],
    ["aws-lambda", {}, { requestContext: { identity: { sourceIp: "test-invoke-source-ip" } } }, null],
    ["aws-lambda", {}, { requestContext: { elb: {} } }, null],
    [
      "aws-lambda",
      {},
      honoContext({ requestContext: { http: { sourceIp: "203.0.113.9" } } }),
      "203.0.113.9",
    ],
    [
      "aws-lambda",
      {},
      honoContext({ event: { requestContext: { http: { sourceIp: "203.0.113.9" } } } }),
      "203.0.113.9",
    ],
    ["aws-lambda", {}, undefined, null],
    [
      "aws-alb",
      { "x-forwarded-for": "6.6.6.6, 203.0.113.9" },
      { requestContext: { elb: {} } },
      "203.0.113.9",
    ],
    ["aws-alb", { "x-forwarded-for": "6.6.6.6, 203.0.113.9:5000" }, {}, "203.0.113.9"],
    ["aws-cloudfront", { "cloudfront-viewer-address": "2001:db8::9:46532" }, {}, "2001:db8::9"],
    ["gcp-lb", { "x-forwarded-for": "6.6.6.6,203.0.113.9,34.120.0.1" }, {}, "203.0.113.9"],
    [
      "azure-front-door",
      { "x-azure-socketip": "203.0.113.9", "x-azure-clientip": "6.6.6.6" },
      {},
      "203.0.113.9",
    ],
    ["azure-app-service", { "x-forwarded-for": "6.6.6.6, 203.0.113.9:51235" }, {}, "203.0.113.9"],
  ];
  it("are all among these", () => {
    assertEquals([...new Set(cases.map(([platform]) => platform))].sort(), [...platformsWithClient()].sort());
  });

  for (const [platform, headers, passed, address] of cases) {
    const beside = JSON.stringify(
      passed,
      (name, value) => name === "" && value?.env ? { env: value.env } : value,
    );
    it(`${platform} finds ${address} in ${JSON.stringify(headers)} and ${beside}`, () => {
      const request = requestOf(Object.entries({ ...forged, ...headers }));
      assertEquals(clientAddress(request, [passed], { platform }), address);
    });
  }

  it("take the peer for a request that did not come over the edge, such as a health check", () => {
    for (const platform of platformsWithClient()) {
      assertEquals(find({ platform }, {}), PROXY, platform);
    }
  });
});

describe("an address function", () => {
  it("has the last word, in canonical text", () => {
    const address = (request: Request, ...platform: unknown[]) =>
      request.headers.get("x-own") ?? platform[1] as string;
    const request = requestOf([["x-own", "2001:DB8::9"]]);
    assertEquals(clientAddress(request, [], { address }), "2001:db8::9");
    assertEquals(clientAddress(requestOf([]), [{}, "203.0.113.9:80"], { address }), "203.0.113.9");
  });

  it("may know of none", () => {
    for (const value of [null, undefined, "", "garbage"]) {
      assertEquals(find({ address: () => value as string | null }, {}), null);
    }
  });

  it("throws its own errors", () => {
    const address = () => {
      throw new RangeError("mine");
    };
    assertThrows(() => find({ address }, {}), RangeError, "mine");
  });

  it("must return text", () => {
    const address = (() => Promise.resolve("203.0.113.9")) as unknown as () => string;
    assertThrows(() => find({ address }, {}), TypeError, "must be text or null");
  });
});

describe("unsafe or meaningless options are refused when they are compiled", () => {
  const cases: readonly (readonly [unknown, typeof TypeError | typeof RangeError, string])[] = [
    [{ trustedProxies: -1 }, RangeError, "current value is -1"],
    [
      { trustedProxies: 1.5 },
      RangeError,
      "the number of hops must be an integer of at least 0: current value is 1.5",
    ],
    [{ trustedProxies: NaN }, RangeError, "current value is NaN"],
    [{ trustedProxies: Infinity }, RangeError, "current value is Infinity"],
    [{ trustedProxies: true }, TypeError, "current value is true"],
    [{ trustedProxies: null }, TypeError, "current value is null"],
    [
      { trustedProxies: "10.0.0.0/8" },
      TypeError,
      'a list of addresses and CIDR ranges: current value is "10.0.0.0/8"',
    ],
    [{ trustedProxies: ["10.0.0.0/33"] }, TypeError, 'current value is "10.0.0.0/33"'],
    [{ trustedProxies: ["10.0.0.0/8", "loopback"] }, TypeError, 'current value is "loopback"'],
    [{ trustedProxies: ["10.0.0.0/8", ""] }, TypeError, 'current value is ""'],
    [{ trustedProxies: [1] }, TypeError, "current value is 1"],
    [{ trustedProxies: ["*"] }, TypeError, 'current value is "*"'],
    [{ trustedProxies: ["0.0.0.0/0"] }, TypeError, "trusting every address"],
    [{ trustedProxies: ["::/0"] }, TypeError, "trusting every address"],
    [{ trustedProxies: ["::ffff:0:0/96"] }, TypeError, "trusting every address"],
    [{ header: "x-real-ip" }, TypeError, "trustedProxies must say who may"],
    [{ header: "x-forwarded-for" }, TypeError, "trustedProxies must say who may"],
    [{ header: "", trustedProxies: 1 }, TypeError, "header must be a header name"],
    [{ header: "x real ip", trustedProxies: 1 }, TypeError, "header must be a header name"],
    [{ header: 1, trustedProxies: 1 }, TypeError, "header must be a header name"],
    [{ platform: "heroku" }, TypeError, 'one of "vercel", "netlify", "cloudflare"'],
    [{ platform: "toString" }, TypeError, 'one of "vercel", "netlify", "cloudflare"'],
    [{ platform: "fly", trustedProxies: 1 }, TypeError, "trustedProxies as platform already says"],
    [{ platform: "fly", trustedProxies: 1, header: "fly-client-ip" }, TypeError, "platform already says"],
    [{ platform: "fly", address: () => null }, TypeError, "platform as address already says"],
    [{ address: () => null, trustedProxies: 1 }, TypeError, "trustedProxies as address already says"],
    [{ address: () => null, header: "x-real-ip" }, TypeError, "header as address already says"],
    [{ address: "203.0.113.9" }, TypeError, "must be a function"],
    [{ trustProxy: 1 }, TypeError, 'current value is "trustProxy"'],
  ];
  for (const [options, kind, sentence] of cases) {
    it(JSON.stringify(options, (_, value) => typeof value === "number" ? `${value}` : value), () => {
      assertThrows(() => compileClient(options as ClientOptions), kind, sentence);
      assertThrows(() => compileClient(options as ClientOptions), kind, "Cannot use client option");
      assertThrows(() => find(options as ClientOptions, {}), kind, sentence);
    });
  }

  it("but options that are there and undefined are not there", () => {
    const options = { trustedProxies: undefined, header: undefined, platform: undefined, address: undefined };
    assertEquals(find(options as unknown as ClientOptions, {}), PROXY);
  });

  it("and zero hops trust nobody, whatever the header", () => {
    assertEquals(find({ trustedProxies: 0, header: "x-real-ip" }, { "x-real-ip": "203.0.113.9" }), PROXY);
  });
});

// ---- for any request -----------------------------------------------------------------------------------------------

const ipv4 = fc.ipV4();
const address = fc.oneof(ipv4, fc.ipV6()).filter((text) => canonicalAddress(text) !== null);
const stranger = address.filter((text) => {
  const canonical = canonicalAddress(text)!;
  return !canonical.startsWith("10.") && !canonical.startsWith("2400:cb00:") && canonical !== "192.0.2.77";
});
const proxy = fc.oneof(
  fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255)).map((octets) => `10.${octets.join(".")}`),
  fc.constantFrom("2400:cb00::1", "::ffff:10.1.2.3", "192.0.2.77"),
);
/** Anything a Headers object takes. */
const fieldText = fc.oneof(
  fc.string(),
  fc.stringMatching(/^[ \t,;:."\\[\]=_a-fFoOrR0-9]*$/),
  fc.array(fc.oneof(address, proxy, fc.constantFrom("unknown", "", '"', "for=", 'for="', ",", ";", "\\")))
    .map((parts) => parts.join(", ")),
).map((text) => text.replace(/[^\t\x20-\x7e\x80-\xff]/g, ""));

const portOf = fc.constantFrom("", ":443", ":51235");
const inList = (text: string, port: string) =>
  text.includes(":") ? (port && `[${text}]${port}`) || text : text + port;
const inForwarded = (text: string, port: string) =>
  text.includes(":")
    ? `proto=https;for="[${text}]${port}"`
    : port
    ? `For="${text}${port}";by="a,\\"b"`
    : `for=${text}`;

describe("for any request", () => {
  for (const [header, written] of [["x-forwarded-for", inList], ["forwarded", inForwarded]] as const) {
    it(`with n trusted hops only the nth address from the right of ${header} counts`, () => {
      const chain = fc.array(fc.tuple(address, portOf), { minLength: 1, maxLength: 5 });
      fc.assert(fc.property(fieldText, chain, fc.constantFrom(", ", ",", " ,\t"), (forged, hops, comma) => {
        const ours = hops.map(([text, port]) => written(text, port)).join(comma);
        for (const value of [ours, `${forged}, ${ours}`]) {
          assertEquals(
            find({ trustedProxies: hops.length, header }, { [header]: value }),
            canonicalAddress(hops[0][0]),
          );
        }
      }));
    });

    it(`with trusted ranges nothing left of the client counts in ${header}`, () => {
      fc.assert(
        fc.property(fieldText, stranger, fc.array(proxy, { maxLength: 4 }), (forged, client, proxies) => {
          const ours = [client, ...proxies].map((text) => written(text, "")).join(", ");
          for (const value of [ours, `${forged}, ${ours}`]) {
            assertEquals(
              find({ trustedProxies: ranges, header }, { [header]: value }),
              canonicalAddress(client),
            );
          }
          assertEquals(
            find({ trustedProxies: ranges, header }, { [header]: ours }, client),
            canonicalAddress(client),
          );
        }),
      );
    });
  }

  it("with nothing trusted no header counts", () => {
    fc.assert(fc.property(address, fieldText, (peer, forged) => {
      const headers = {
        "x-forwarded-for": forged,
        "forwarded": forged,
        "x-real-ip": forged,
        "cf-connecting-ip": forged,
      };
      assertEquals(find({}, headers, peer), canonicalAddress(peer));
      assertEquals(find({ trustedProxies: 0 }, headers, peer), canonicalAddress(peer));
      assertEquals(find({ platform: "deno-deploy" }, headers, peer), canonicalAddress(peer));
    }));
  });

  it("the answer is an address in canonical text or null, and nothing is thrown", () => {
    const headers = [
      "x-forwarded-for",
      "forwarded",
      "x-real-ip",
      "cloudfront-viewer-address",
      "cf-connecting-ip",
    ];
    const options = fc.oneof(
      fc.record({
        trustedProxies: fc.oneof(fc.nat(4), fc.constant(ranges), fc.constant(["unix"])),
        header: fc.constantFrom(...headers),
      }),
      fc.record({ platform: fc.constantFrom(...platformsWithClient()) }),
    );
    const peer = fc.oneof(
      address,
      proxy,
      fc.constant(null),
      fc.constant({ unix: "/run/app.sock" }),
      fc.string(),
    );
    const server = fc.constantFrom(...Object.values(servers));
    fc.assert(fc.property(options, peer, server, fieldText, (options, peer, server, text) => {
      const request = requestOf(headers.map((name) => [name, text] as const));
      const found = clientAddress(request, [server(peer)], options);
      if (found !== null) assertEquals(canonicalAddress(found), found);
    }));
  });

  it("nothing that a server may pass makes it throw", () => {
    const thrower = new Proxy({}, {
      get() {
        throw new Error("ERR_HTTP2_SOCKET_UNBOUND");
      },
    });
    const passed: unknown[] = [
      undefined,
      null,
      0,
      "203.0.113.9",
      () => "203.0.113.9",
      {},
      [],
      { socket: thrower },
      { incoming: null },
      { incoming: { socket: null } },
      { socket: { remoteAddress: undefined }, ip: "203.0.113.9" },
      { incoming: { socket: undefined } },
      {
        incoming: { socket: { destroyed: true, remoteAddress: undefined, server: { address: () => null } } },
      },
      { remoteAddr: null },
      { remoteAddr: { transport: "vsock", cid: 1 } },
      { remoteAddr: { transport: "tcp", hostname: 7 } },
      { requestIP: () => null },
      { requestIP: () => Promise.resolve(null) },
      {
        requestIP() {
          throw new Error("gone");
        },
      },
      { ip: 7 },
      { ip: "" },
      { ip: "undefined" },
      { env: null },
      honoContext(undefined),
      honoContext({}),
      { requestContext: null },
      { requestContext: { http: null, identity: { sourceIp: 7 } } },
      { env: { event: null } },
    ];
    const options: (ClientOptions | undefined)[] = [undefined, {}, { trustedProxies: ["unix"] }];
    for (const platform of platformsWithClient()) options.push({ platform } as ClientOptions);
    for (const value of passed) {
      for (const option of options) assertEquals(clientAddress(requestOf([]), [value], option), null);
    }
    assertEquals(clientAddress(requestOf([]), []), null);
  });

  it("a client that has gone is not taken for a trusted Unix peer", () => {
    const gone = [servers["@hono/node-server"](null), servers["Bun.serve"](null)];
    for (const passed of gone) {
      const request = requestOf([["x-forwarded-for", "6.6.6.6"]]);
      assertEquals(clientAddress(request, [passed], { trustedProxies: ["unix"] }), null);
    }
  });
});
