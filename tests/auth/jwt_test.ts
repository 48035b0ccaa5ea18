import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import { base64url, exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { describe, it } from "node:test";
import type { Identity } from "../../src/context.ts";
import { jwtAuth, type JwtAuthOptions } from "../../src/auth/mod.ts";
import type { Context } from "../../src/context.ts";
import { byJwt, type ByJwtOptions } from "../../src/auth/by_jwt.ts";
import { byUser } from "../../src/keys/user.ts";
import type { Check } from "../../src/stores/store.ts";
import { memoryStore } from "../../src/stores/memory/memory_store.ts";
import { createThrottle } from "../../src/throttle/throttle.ts";
import { codePoints } from "../harness/code_points.ts";
import { listenToConsole } from "../harness/console.ts";

const SECRET = "a secret of forty characters, not secret";
const ISSUER = "https://id.example";
const AUDIENCE = "https://api.example";
const NOW = 1_800_000_000; // s

const rsa = await generateKeyPair("RS256", { extractable: true });
const ec = await generateKeyPair("ES256", { extractable: true });
const ed = await generateKeyPair("EdDSA", { extractable: true });
const pem = await exportSPKI(rsa.publicKey);

const good: JWTPayload = { iss: ISSUER, aud: AUDIENCE, sub: "alice", jti: "t-1", exp: NOW + 60 };
const options: JwtAuthOptions = {
  secret: SECRET,
  issuer: ISSUER,
  audience: AUDIENCE,
  clock: () => NOW * 1000,
};

type Signer = Parameters<SignJWT["sign"]>[0];

function sign(
  claims: JWTPayload,
  alg = "HS256",
  key: Signer = new TextEncoder().encode(SECRET),
): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg }).sign(key);
}

function asking(authorization?: string): Request {
  return new Request("https://api.example/", {
    headers: authorization === undefined ? {} : { authorization },
  });
}

async function authenticate(authorization: string | undefined, changes: Partial<JwtAuthOptions> = {}) {
  return await jwtAuth({ ...options, ...changes })({ request: asking(authorization) } as Context);
}

async function identify(token: string, changes?: Partial<JwtAuthOptions>): Promise<Identity> {
  const found = await authenticate(`Bearer ${token}`, changes);
  assert(found !== null && !(found instanceof Response), "The token is good.");
  return found;
}

const encoded = (value: unknown) => base64url.encode(JSON.stringify(value));
const without = (name: string) => Object.fromEntries(Object.entries(good).filter(([key]) => key !== name));

/** Tokens that nobody may be taken for. */
async function badTokens(): Promise<Record<string, string>> {
  const token = await sign(good);
  const [header, payload, signature] = token.split(".");
  return {
    "alg none, unsigned": `${encoded({ alg: "none" })}.${encoded(good)}.`,
    "alg none with a signature": `${encoded({ alg: "none" })}.${encoded(good)}.${signature}`,
    "alg noNE": `${encoded({ alg: "noNE" })}.${encoded(good)}.${signature}`,
    "another alg": await sign(good, "HS512"),
    "signed with a guess": await sign(good, "HS256", new TextEncoder().encode("a guess")),
    "signed by another kind of key": await sign(good, "RS256", rsa.privateKey),
    "tampered payload": `${header}.${encoded({ ...good, sub: "victim" })}.${signature}`,
    "tampered header": `${encoded({ alg: "HS256", kid: "x" })}.${payload}.${signature}`,
    "tampered signature": `${header}.${payload}.${signature.replace(/^./, (c) => c === "A" ? "B" : "A")}`,
    "no signature": `${header}.${payload}`,
    "expired": await sign({ ...good, exp: NOW - 60 }),
    "not valid yet": await sign({ ...good, nbf: NOW + 60 }),
    "no exp": await sign(without("exp")),
    "exp that is text": await sign({ ...good, exp: `${NOW + 60}` as unknown as number }),
    "no sub": await sign(without("sub")),
    "empty sub": await sign({ ...good, sub: "" }),
    "sub that is no text": await sign({ ...good, sub: 7 as unknown as string }),
    "another issuer": await sign({ ...good, iss: "https://evil.example" }),
    "no issuer": await sign(without("iss")),
    "another audience": await sign({ ...good, aud: "https://other.example" }),
    "no audience": await sign(without("aud")),
    "other characters": `${token}=`,
    "two tokens": `${token}, Bearer ${token}`,
    "nothing": "",
    "far too long": `${header}.${"A".repeat(20_000)}.${signature}`,
    "no JSON": `${base64url.encode("{")}.${payload}.${signature}`,
  };
}
const bad = await badTokens();

describe("jwtAuth", () => {
  it("finds who a good token is about", async () => {
    const token = await sign(good);
    for (const scheme of ["Bearer", "bearer", "BEARER"]) {
      assertEquals(await authenticate(`${scheme} ${token}`), { id: `${ISSUER}|alice`, claims: good });
    }
  });

  it("takes a request without a bearer token as anonymous, or answers 401 where one is required", async () => {
    for (const authorization of [undefined, ""]) {
      assertEquals(await authenticate(authorization), null);
      const answer = await authenticate(authorization, { required: true });
      assertInstanceOf(answer, Response);
      assertEquals(answer.status, 401);
      assertEquals(answer.headers.get("www-authenticate"), 'Bearer realm="api"');
      assertEquals(answer.headers.get("cache-control"), "no-store");
    }
  });

  it("answers 401 to an authorization header that holds anything but one bearer token, required or not", async () => {
    const token = await sign(good);
    const joined = new Headers([["authorization", `Bearer ${token}`], ["authorization", "Basic YTpi"]]);
    for (
      const authorization of [
        joined.get("authorization")!,
        `Basic YTpi, Bearer ${token}`,
        `Bearer\t${token}`,
        `Bearer  \t${token}`,
        `Bearer${token}`,
        `Token ${token}`,
        "Basic YTpi",
        "Bearer",
        "x",
      ]
    ) {
      for (const required of [false, true]) {
        const answer = await authenticate(authorization, { required });
        assertInstanceOf(answer, Response, authorization);
        assertEquals(answer.status, 401);
        assertMatch(answer.headers.get("www-authenticate") ?? "", /^Bearer error="invalid_token"/);
      }
    }
  });

  for (const [what, token] of Object.entries(bad)) {
    it(`answers 401 to a token that is not good: ${what}`, async () => {
      const answer = await authenticate(`Bearer ${token}`);
      assertInstanceOf(answer, Response);
      assertEquals(answer.status, 401);
      assertMatch(
        answer.headers.get("www-authenticate") ?? "",
        /^Bearer error="invalid_token", error_description="[^"\\]+"$/,
      );
      assertEquals((await answer.json()).status, 401);
    });
  }

  it("tells a client whose token expired so", async () => {
    const answer = await authenticate(`Bearer ${bad.expired}`);
    assertInstanceOf(answer, Response);
    assertEquals((await answer.json()).detail, "The token has expired.");
  });

  it("takes no public key for a secret: a token signed by HMAC with the text of the key is refused", async () => {
    const { secret: _, ...rest } = options;
    const confused = await sign(good, "HS256", new TextEncoder().encode(pem));
    for (const key of [pem, await exportJWK(rsa.publicKey), rsa.publicKey]) {
      const answer = await jwtAuth({ ...rest, key })({ request: asking(`Bearer ${confused}`) } as Context);
      assertInstanceOf(answer, Response);
      assertEquals(answer.status, 401);
    }
    assertThrows(
      () => jwtAuth({ ...rest, key: pem, algorithms: ["RS256", "HS256"] }),
      TypeError,
      "algorithms",
    );
  });

  it("allows for clocks that differ by up to 5 s, or by as much as is set", async () => {
    const late = (seconds: number) => sign({ ...good, exp: NOW - seconds });
    assertEquals((await identify(await late(4))).claims?.sub, "alice");
    assertInstanceOf(await authenticate(`Bearer ${await late(5)}`), Response);
    assertInstanceOf(await authenticate(`Bearer ${await late(0)}`, { clockTolerance: 0 }), Response);
    assertEquals((await identify(await late(299), { clockTolerance: 300 })).claims?.sub, "alice");
  });

  it("takes one of several issuers and audiences", async () => {
    const token = await sign(good);
    await identify(token, {
      issuer: ["https://other.example", ISSUER],
      audience: [AUDIENCE, "https://b.example"],
    });
  });

  it("adds to an identity what is asked of the claims, now or later, and nothing by itself", async () => {
    const token = await sign({ ...good, plan: "premium", staff: true, tier: "enterprise" });
    const { tier, staff, superuser } = await identify(token);
    assertEquals([tier, staff, superuser], [undefined, undefined, undefined]);
    const identityOf = (claims: Record<string, unknown>) => ({
      tier: claims.plan as string,
      staff: claims.staff === true,
    });
    for (
      const identity of [identityOf, (claims: Record<string, unknown>) => Promise.resolve(identityOf(claims))]
    ) {
      const found = await identify(token, { identity });
      assertEquals([found.id, found.tier, found.staff], [`${ISSUER}|alice`, "premium", true]);
    }
  });

  it("does not hide what an identity function throws behind a 401", async () => {
    const token = await sign(good);
    const identity = () => {
      throw new RangeError("mine");
    };
    await assertRejects(() => identify(token, { identity }), RangeError, "mine");
  });

  it("is refused for a mistake in its options", () => {
    const { secret: _, ...rest } = options;
    const mistakes: [Record<string, unknown>, string][] = [
      [{}, "it takes one of jwks, key and secret: current value is none"],
      [{ secret: SECRET, key: pem }, "it takes one of jwks, key and secret: current value is key and secret"],
      [{ secret: undefined }, "secret must be text or bytes"],
      [{ secret: "" }, "secret must be text or bytes, at least one: current value is empty"],
      [{ key: "no PEM" }, "key must be PEM text"],
      [{ key: rsa.privateKey }, 'key must be a public CryptoKey: current value is "private"'],
      [{ key: { kty: "oct", k: "AAAA" } }, "key must be a public JWK"],
      [{ key: 7 }, "key must be a CryptoKey, a JWK or PEM text"],
      [{ jwks: "nonsense" }, 'jwks must be a URL: current value is "nonsense"'],
      [{ jwks: "file:///etc/passwd" }, "jwks must be a URL of https: or http:"],
      [{ jwks: {} }, "jwks must be a URL, or a key set"],
      [{ jwks: { keys: [{ kty: "EC", d: "AA" }] } }, "jwks must hold public keys"],
      [{ secret: SECRET, algorithms: [] }, "algorithms must be a list of at least one of HS256"],
      [{ secret: SECRET, algorithms: ["none"] }, "algorithms must be"],
      [{ secret: SECRET, algorithms: ["RS256"] }, "algorithms must be"],
      [
        { secret: SECRET, clockTolerance: 301 },
        "clockTolerance must be a number from 0 to 300: current value is 301",
      ],
      [{ secret: SECRET, clockTolerance: -1 }, "clockTolerance"],
      [{ secret: SECRET, clockTolerance: NaN }, "clockTolerance"],
      [{ secret: SECRET, issuer: undefined }, "issuer must be text"],
      [
        { secret: SECRET, audience: [] },
        "audience must be text, or a list of at least one: current value is []",
      ],
      [{ secret: SECRET, audiance: "typo" }, "it takes no option but"],
      [{ secret: SECRET, required: "yes" }, "required must be true or false"],
      [{ secret: SECRET, timeoutMs: 0 }, "timeoutMs must be an integer of at least 1"],
      [{ secret: SECRET, identity: {} }, "identity must be a function"],
    ];
    for (const [mistake, sentence] of mistakes) {
      const error = assertThrows(() => jwtAuth({ ...rest, ...mistake } as JwtAuthOptions), Error);
      assertMatch(error.message, new RegExp("^Cannot make jwtAuth\\(\\) as .+: current value is .+$"));
      assert(error.message.includes(sentence), error.message);
      assert(!error.message.includes(SECRET), "No secret is shown.");
    }
  });
});

describe("jwtAuth's keys", () => {
  const { secret: _, ...rest } = options;
  const check = async (key: Pick<JwtAuthOptions, "key" | "jwks" | "algorithms">, token: string) => {
    const found = await jwtAuth({ ...rest, ...key })({ request: asking(`Bearer ${token}`) } as Context);
    return found instanceof Response ? found.status : found?.claims?.sub;
  };

  it("may be a CryptoKey, a JWK, PEM text or a set of any kind of key that is allowed by default", async () => {
    for (const [alg, { publicKey, privateKey }] of Object.entries({ RS256: rsa, ES256: ec, EdDSA: ed })) {
      const token = await sign(good, alg, privateKey);
      const jwk = await exportJWK(publicKey);
      assertEquals(await check({ key: publicKey }, token), "alice");
      assertEquals(await check({ key: jwk }, token), "alice");
      assertEquals(await check({ key: await exportSPKI(publicKey) }, token), "alice");
      assertEquals(await check({ jwks: { keys: [jwk] } }, token), "alice");
      assertEquals(await check({ jwks: { keys: [jwk] }, algorithms: ["PS256"] }, token), 401);
    }
  });

  it("may be a certificate", async () => {
    assertEquals(await check({ key: CERTIFICATE }, SIGNED_BY_ITS_KEY), "alice");
    assertEquals(await check({ key: CERTIFICATE }, await sign(good, "RS256", rsa.privateKey)), 401);
  });

  it("are each for their own algorithm", async () => {
    const token = await sign(good, "ES256", ec.privateKey);
    for (const key of [pem, await exportJWK(rsa.publicKey), rsa.publicKey]) {
      assertEquals(await check({ key }, token), 401);
    }
    const other = { ...await exportJWK(rsa.publicKey), alg: "RS512" };
    const both = { algorithms: ["RS256", "RS512"] };
    assertEquals(await check({ key: other, ...both }, await sign(good, "RS256", rsa.privateKey)), 401);
    assertEquals(
      await check({ key: { ...other, alg: "RS256" }, ...both }, await sign(good, "RS256", rsa.privateKey)),
      "alice",
    );
  });

  it("that cannot be read are an error of the server's, not of a token's", async () => {
    const token = await sign(good, "RS256", rsa.privateKey);
    for (const key of [pem.replace(/\n[^-]+\n/, "\nAAAA\n"), { kty: "RSA" }]) {
      await assertRejects(() => check({ key }, token), TypeError, "Cannot use the key of jwtAuth()");
    }
  });

  it("may be bytes, where they are a secret", async () => {
    const secret = new Uint8Array(32).fill(7);
    const token = await sign(good, "HS256", secret);
    assertEquals((await identify(token, { secret })).claims?.sub, "alice");
    secret.fill(8);
  });
});

/** The partition key of claims. */
async function keyOfClaims(
  claims: Record<string, unknown> | null,
  byJwtOptions?: ByJwtOptions,
): Promise<string | null> {
  return await byJwt(byJwtOptions)({ identity: claims && { id: "any", claims } } as unknown as Context);
}

describe("byJwt", () => {
  it("gives 64 hex digits, the same each time, and nothing of the claim itself", async () => {
    const key = byJwt();
    const context = { identity: { id: "any", claims: good } } as unknown as Context;
    const first = await key(context);
    assertMatch(first ?? "", /^[0-9a-f]{64}$/);
    assertEquals(await key(context), first);
    assertEquals(await keyOfClaims(good), first);
  });

  it("remembers a hash: the second time it gives it without a promise", async () => {
    const key = byJwt();
    const context = { identity: { id: "any", claims: good } } as unknown as Context;
    const first = key(context);
    assertInstanceOf(first, Promise);
    assertEquals(await first, key(context));
  });

  it("is null for anonymous requests, and for tokens without the claim, or with an empty one", async () => {
    assertEquals(await keyOfClaims(null), null);
    for (const claims of [{}, { sub: "" }, { sub: null }, { sub: undefined }]) {
      assertEquals(await keyOfClaims(claims), null);
    }
    assertEquals(await keyOfClaims({ sub: "alice" }, { claim: "toString" }), null);
    assertEquals(await byJwt()({ identity: { id: "by other means" } } as unknown as Context), null);
  });

  it("says once that it skips credentials that nobody made an identity of, and is silent where there are none", async () => {
    const { lines, stop } = listenToConsole("warn");
    try {
      const key = byJwt();
      const context = (request: Request) => ({ request, identity: null }) as Context;
      assertEquals(await key(context(asking())), null);
      assertEquals(lines, []);
      for (let i = 0; i < 2; i++) assertEquals(await key(context(asking("Bearer a, Bearer b"))), null);
      assertEquals(await key({ ...context(asking("Bearer a")), identity: { id: "by other means" } }), null);
    } finally {
      stop();
    }
    assertEquals(lines.length, 1);
    assertMatch(lines[0], /^@weir\/throttle: byJwt\(\) skips requests with an `authorization` header/);
  });

  it("keys on the subject, so that new tokens are no new quotas; on the token where asked", async () => {
    const [first, second] = [{ ...good, jti: "t-1" }, { ...good, jti: "t-2" }];
    assertEquals(await keyOfClaims(first), await keyOfClaims(second));
    assertNotEquals(await keyOfClaims(first, { claim: "jti" }), await keyOfClaims(second, { claim: "jti" }));
  });

  it("tells issuers apart, and claims that have the same value", async () => {
    const keys = [
      await keyOfClaims({ iss: "a", sub: "1" }),
      await keyOfClaims({ iss: "b", sub: "1" }),
      await keyOfClaims({ sub: "1" }),
      await keyOfClaims({ iss: "a", jti: "1" }, { claim: "jti" }),
      await keyOfClaims({ iss: "a", sub: "1" }, { secret: "one" }),
      await keyOfClaims({ iss: "a", sub: "1" }, { secret: "another" }),
      await keyOfClaims({ iss: "a", tenant: "1" }, { claim: "tenant" }),
      await keyOfClaims({ iss: "a", tenant: 1 }, { claim: "tenant" }),
    ];
    assertEquals(new Set(keys).size, keys.length);
  });

  it("runs after authentication and can be asked no sooner", () => {
    assertEquals(byJwt().stage, "after-auth");
    assertThrows(
      () => createThrottle({ rate: "1/min", key: byJwt(), stage: "before-auth" }),
      TypeError,
      'its key (jwt) needs an identity, so stage must be "after-auth"',
    );
  });

  it("is refused for a mistake in its options", () => {
    assertThrows(() => byJwt({ claim: "" }), TypeError, "claim must be the name of a claim");
    const forgotten = { secret: undefined } as unknown as ByJwtOptions;
    assertThrows(
      () => byJwt(forgotten),
      TypeError,
      "secret must be text or bytes, at least one: current value is of type undefined",
    );
  });

  it("never gives one key for two pairs of issuer and subject, nor does the identity's id", async () => {
    const text = fc.oneof(
      fc.string({ unit: codePoints }),
      fc.string({ unit: fc.constantFrom("|", "\\", "a", '"', ",") }),
    );
    const pair = fc.record({
      iss: fc.option(text, { nil: undefined }),
      sub: text.filter((sub) => sub !== ""),
    });
    const key = byJwt();
    await fc.assert(
      fc.asyncProperty(pair, pair, async (a, b) => {
        fc.pre(a.iss !== b.iss || a.sub !== b.sub);
        const of = async (claims: object) =>
          await key({ identity: { id: "any", claims } } as unknown as Context);
        assertNotEquals(await of(a), await of(b));
      }),
      { numRuns: 300 },
    );
  });

  it("never gives one id to two pairs of issuer and subject", async () => {
    const part = fc.string({ unit: fc.constantFrom("|", "\\", "a", "é"), minLength: 1, maxLength: 4 });
    const pair = fc.record({ iss: part, sub: part }, { requiredKeys: ["sub"] });
    const { issuer: _, audience: __, ...open } = options;
    const auth = jwtAuth(open);
    const idOf = async (claims: JWTPayload) => {
      const token = await sign({ ...claims, exp: NOW + 60 });
      return (await auth({ request: asking(`Bearer ${token}`) } as Context) as Identity).id;
    };
    await fc.assert(
      fc.asyncProperty(pair, pair, async (a, b) => {
        assertEquals(await idOf(a) === await idOf(b), a.iss === b.iss && a.sub === b.sub);
      }),
      { numRuns: 200 },
    );
  });
});

describe("a token that is not good", () => {
  it("never touches anyone's quota", async () => {
    const asked: Check[] = [];
    const memory = memoryStore({ clock: () => NOW * 1000 });
    const throttle = createThrottle(
      [
        { name: "address", rate: "1000/min" },
        { name: "subject", rate: "3/min", key: byJwt() },
        { name: "token", rate: "3/min", key: byJwt({ claim: "jti" }) },
        { name: "user", rate: "3/min", key: byUser() },
      ],
      {
        authenticate: jwtAuth(options),
        client: { address: () => "192.0.2.1" },
        store: {
          ...memory,
          decide(checks, spend) {
            asked.push(...checks);
            return memory.decide(checks, spend);
          },
        },
      },
    );
    for (const token of Object.values(bad)) {
      const { response } = await throttle.check(asking(`Bearer ${token}`));
      assertEquals(response?.status, 401);
    }
    assertEquals(new Set(asked.map(({ policy }) => policy.name)), new Set(["address"]));
    const { allowed, decisions } = await throttle.check(asking(`Bearer ${await sign(good)}`));
    assert(allowed);
    assertEquals(decisions.slice(1).map(({ remaining }) => remaining), [2, 2, 2]);
  });

  it("leaves nothing of a token, or of its claims, in a store or an event when it is good", async () => {
    const seen: unknown[] = [];
    const memory = memoryStore();
    const throttle = createThrottle(["9/min", { rate: "9/min", key: byJwt() }, {
      rate: "9/min",
      key: byJwt({ claim: "jti" }),
    }], {
      authenticate: jwtAuth(options),
      client: { address: () => "192.0.2.1" },
      observers: [(event) => seen.push(event)],
      revealKeys: true,
      store: {
        ...memory,
        decide(checks, spend) {
          seen.push(checks.map(({ key }) => key));
          return memory.decide(checks, spend);
        },
      },
    });
    const token = await sign({ ...good, sub: "alice-of-wonderland", jti: "token-number-1" });
    assert((await throttle.check(asking(`Bearer ${token}`))).allowed);
    const text = JSON.stringify(seen);
    for (const part of [...token.split("."), "alice-of-wonderland", "token-number-1"]) {
      assert(!text.includes(part), part);
    }
  });
});

const CERTIFICATE = `
-----BEGIN CERTIFICATE-----
MIIDCzCCAfOgAwIBAgIUBLCHqIXoWMuV8D8XWEZ15hEP52gwDQYJKoZIhvcNAQEL
BQAwFDESMBAGA1UEAwwJd2Vpci10ZXN0MCAXDTI2MTEyMjEwMzIxOVoYDzIxMjYx
MDI5MTAzMjE5WjAUMRIwEAYDVQQDDAl3ZWlyLXRlc3QwggEiMA0GCSqGSIb3DQEB
AQUAA4IBDwAwggEKAoIBAQDhtAUC5qBPKmUHsn6jSw8CTTkw+wzv60Bj5JAlSoHX
BC7Gg91F0kxPi95sZ4+yd3LxgXl6uOf4GUOwk8ft+AcVlAPOzQmbuuylHcjyJ+oX
+WMTlOjAzL+bChPpI6UCAX4tZHfmP+pRYXb+cRsn3b0d8hn5s6SXgYYuh5LoBxxk
/9KCnTTC8SBm/jqWn2rFjUJ12jQlYm+WU/hAkO/SUTHNfEjMhiUMqZg9Ipq981HH
xl5r0skklv3beEg26BEC/9bDsDEOLZmaHwsWUytW7amdFmKhy399eTu++5L+Pt4l
Npa6aC6ObZmm8I9tnSTo5XH4cOh0bot79M4k/Y114GobAgMBAAGjUzBRMB0GA1Ud
DgQWBBSxGIoHsoBBz/rIwAmwjwlim7XT9zAfBgNVHSMEGDAWgBSxGIoHsoBBz/rI
wAmwjwlim7XT9zAPBgNVHRMBAf8EBTADAQH/MA0GCSqGSIb3DQEBCwUAA4IBAQBp
ygc2W85g3CfFT61lxhnUflbRFrYSul8QPxXNCnWDZOd3rsHJYlgLxOx1S2FiUVYI
Mel1yip3bnL99gkFdMRXbtoMrLX21PzZMfK3/9yUMgZ2CTNDsA+KpHIj4Jn8GLUa
z4Vqx1CXZcNI/T5jvX0NWKwVMovdEIM5gqhZqk3zyr9AjZmyL23POjYIGt++kjef
wq5Jtzo6aMpvYUM4b56Vte6budGt1DgpN7ESF/7hh0SmzzMaW7dxyRH2QFMOnCRa
YJ6ByXnshqKNrOPEEMy3ZQ8mxfzH78/AYWlH2+R8VvScJ+XzBS1VfRpljiaiNKyO
xqEfkNuaL1+7gUkaoukx
-----END CERTIFICATE-----
`;
const SIGNED_BY_ITS_KEY = [
  "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOiJodHRwczovL2FwaS5leGFtc",
  "GxlIiwic3ViIjoiYWxpY2UiLCJleHAiOjE4MDAwMDAwNjB9.MAztzOKpM2FKoFEpxBXeFOBJ0hcWi_hhGTTp4VkH5p",
  "I1hGNVN7DFUUFzsyr6dFP28lcxxL2klOgz_sE9xV7jSLmmO2QboUO5SY4iUVuUznQ7YQ4K5cqF2zcE3jqJqzOnmF-s",
  "UZEds4yM02-",
  "GqUqv9eekLy7OC26bMFr6XpjfjxSRtUtbhoH6M7vITvK7gWvQ_I_3_HdCYQa8dSdO96y6mfTMabJvr6yk_NZ3Eu2xq",
  "1Kdb-4RzIkMZ-lk-35AwE3ZzP6jpA5FVrPUZ0gySD_nnPyUcpdDSQga2jOXffQY2ZBX0sNIHTu-",
  "4r51WZFZpCQ0BShe5-4d2JuVpNC7NRHEgw",
].join("");
