import { assert, assertEquals, assertFalse } from "@std/assert";
import { after, before, describe, it } from "node:test";
import apiKeys from "../../examples/api_keys.ts";
import jwt from "../../examples/jwt.ts";
import loginBruteForce from "../../examples/login_brute_force.ts";
import tiers from "../../examples/tiers.ts";
import { type Answer, burst, get, statuses } from "../harness/http.ts";
import { type Handler, serve, type Served } from "../harness/serve.ts";

/** The example on a real server, for the tests of one suite. */
function running(example: { fetch: Handler }): { readonly url: string } {
  let served: Served;
  before(async () => {
    served = await serve(example.fetch);
  });
  after(() => served.close());
  return {
    get url() {
      return served.url;
    },
  };
}

describe("examples/tiers.ts", () => {
  const server = running(tiers);
  const as = (name: string) => ({ headers: { authorization: `Bearer token-of-${name}` } });
  const shown = ({ status, headers }: Answer) => [status, headers.get("x-ratelimit-limit")];

  it("gives each plan its own rate, and an unknown one that of the free plan", async () => {
    for (const [name, limit] of Object.entries({ ann: "100", ben: "2000", cat: "100" })) {
      assertEquals((await get(server.url, as(name))).headers.get("x-ratelimit-limit"), limit);
    }
  });

  it("refuses the free plan after 100 an hour, and leaves the others alone", async () => {
    assertEquals(statuses(await burst(server.url, 110, as("ann"))), { 200: 99, 429: 11 });
    assertEquals(shown(await get(server.url, as("ann"))), [429, "100"]);
    assertEquals(shown(await get(server.url, as("ben"))), [200, "2000"]);
  });

  it("refuses anonymous requests after 20 an hour from one address", async () => {
    assertEquals(statuses(await burst(server.url, 25)), { 200: 20, 429: 5 });
    assertEquals((await get(server.url, as("ben"))).status, 200);
  });

  it("exempts staff from their plan, and answers 401 to nobody", async () => {
    assertEquals(shown(await get(server.url, as("dan"))), [200, null]);
    assertEquals((await get(server.url, as("eve"))).status, 401);
  });
});

describe("examples/jwt.ts", () => {
  const server = running(jwt);
  const tokenOf = async (name: string) => (await get(`${server.url}/token/${name}`)).text;
  const notes = (token?: string): [string, RequestInit] => [
    `${server.url}/notes`,
    token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } },
  ];

  it("gives each subject a quota, however many tokens it has, and each token a smaller one", async () => {
    const first = await tokenOf("ann");
    assertEquals(statuses(await burst(notes(first)[0], 8, notes(first)[1])), { 200: 6, 429: 2 });
    const second = await tokenOf("ann");
    assertEquals(statuses(await burst(notes(second)[0], 8, notes(second)[1])), { 200: 4, 429: 4 });
    assertEquals((await get(...notes(await tokenOf("ben")))).status, 200);
  });

  it("refuses who has no token, or one that is not good, without touching anyone's quota", async () => {
    const token = await tokenOf("cat");
    const [header, , signature] = token.split(".");
    const forged = `${header}.${btoa('{"sub":"cat"}').replace(/=+$/, "")}.${signature}`;
    for (let i = 0; i < 10; i++) assertEquals((await get(...notes(forged))).status, 401);
    const refused = await get(...notes(forged));
    assert(refused.headers.get("www-authenticate")?.includes('error="invalid_token"'));
    assertEquals((await get(...notes())).status, 401);
    assertEquals(statuses(await burst(notes(token)[0], 6, notes(token)[1])), { 200: 6 });
  });
});

describe("examples/api_keys.ts", () => {
  const server = running(apiKeys);
  const as = (key: string) => ({ headers: { "x-api-key": key } });

  it("gives each customer a quota of its own", async () => {
    for (const [key, name] of [["key-of-acme", "Acme"], ["key-of-emca", "Emca"]]) {
      const answers = await burst(server.url, 12, as(key));
      assertEquals(statuses(answers), { 200: 10, 429: 2 });
      assertEquals(answers.find(({ status }) => status === 200)?.text, `Hello ${name}`);
    }
  });

  it("gives made-up keys that of their address, all together", async () => {
    const answered: number[] = [];
    for (let i = 0; i < 12; i++) answered.push((await get(server.url, as(`made-up-${i}`))).status);
    assertEquals(answered, [...Array(10).fill(200), 429, 429]);
    assertEquals((await get(server.url)).status, 429);
  });
});

describe("examples/login_brute_force.ts", () => {
  const server = running(loginBruteForce);
  const attempt = (
    account: string,
    password: string,
    from: string,
  ): [string, RequestInit] => [`${server.url}/login`, {
    method: "POST",
    body: new URLSearchParams({ account, password }),
    headers: { "x-forwarded-for": from },
  }];
  const login = async (...words: Parameters<typeof attempt>) => (await get(...attempt(...words))).status;

  it("refuses the sixth attempt on an account after five wrong ones, though the password is right", async () => {
    const answered: number[] = [];
    for (let i = 0; i < 5; i++) answered.push(await login("ann", `guess ${i}`, "192.0.2.1"));
    assertEquals(answered, [401, 401, 401, 401, 401]);
    const sixth = await get(...attempt("ann", "correct horse", "192.0.2.1"));
    assertEquals(sixth.status, 429);
    assert(Number(sixth.headers.get("retry-after")) > 890);
    assertEquals(JSON.parse(sixth.text)["violated-policies"], ["account"]);
  });

  it("lets another account in from the same address, as often as its password is right", async () => {
    for (let i = 0; i < 30; i++) assertEquals(await login("ben", "battery staple", "192.0.2.1"), 200);
  });

  it("refuses attempts on one account from wherever they come, however its name is spelled", async () => {
    const answered: number[] = [];
    for (let i = 0; i < 8; i++) {
      answered.push(await login(i % 2 ? "Carol " : "carol", `guess ${i}`, `198.51.100.${i + 1}`));
    }
    assertEquals(answered, [...Array(5).fill(401), 429, 429, 429]);
  });

  it("lets only five of many attempts at once be made", async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => login("dan", `guess ${i}`, `203.0.113.${i + 1}`)),
    );
    assertEquals(answers.filter((status) => status === 401).length, 5);
    assertEquals(answers.filter((status) => status === 429).length, 15);
  });

  it("refuses one address after twenty wrong attempts on any accounts", async () => {
    const answered: number[] = [];
    for (let i = 0; i < 22; i++) answered.push(await login(`account-${i}`, "guess", "192.0.2.77"));
    assertEquals(answered, [...Array(20).fill(401), 429, 429]);
    assertFalse(await login("ben", "battery staple", "192.0.2.77") === 200);
    assertEquals(await login("ben", "battery staple", "192.0.2.78"), 200);
  });
});
