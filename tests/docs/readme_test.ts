/** README's servers, driven: newcomer_test.ts has the first, and here are those that say more. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Hono } from "hono";
import { methodOverride } from "hono/method-override";
import { SignJWT } from "jose";
import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { concurrency, createThrottle, type Rule } from "../../mod.ts";
import { throttle } from "../../src/hono/mod.ts";
import { type Consumer, npmConsumer, npmPackage } from "../harness/consumer.ts";
import { type Seen, sendFrom, type Sent } from "../harness/loopback.ts";
import { type Program, startProgram } from "../harness/program.ts";
import { startRedis, withoutRedis } from "../harness/redis.ts";
import { describeOnNode } from "../harness/runtime.ts";
import { client, requestTo, throttled } from "../harness/throttled.ts";

const pages = [
  "README.md",
  ...readdirSync("docs").filter((file) => file.endsWith(".md")).map((file) => `docs/${file}`),
];

/** The block of code that has this text, on whichever page it is. */
function blockWith(text: string): string {
  const blocks = pages.flatMap((
    page,
  ) => [...readFileSync(page, "utf8").matchAll(/^```ts(?: ignore)?\n(.*?)^```/gms)]);
  const found = blocks.filter(([, code]) => code.includes(text));
  assertEquals(found.length, 1, `${found.length} blocks have ${text}`);
  return found[0][1];
}

const SECRET = "at least thirty-two bytes of secret";

/** A token as README's issuer makes it. */
async function token(sub: string, claims: Record<string, unknown>): Promise<string> {
  const { iat, exp } = { iat: Math.floor(Date.now() / 1000), exp: Math.floor(Date.now() / 1000) + 600 };
  const unsigned = new SignJWT({ ...claims, iat, exp }).setProtectedHeader({ alg: "HS256" });
  return await unsigned.setSubject(sub).setIssuer("https://id.example").sign(
    new TextEncoder().encode(SECRET),
  );
}

const statuses = (answers: readonly Seen[]) => answers.map(({ status }) => status);
const skip = process.platform === "linux" ? false : "only Linux has all of 127.0.0.0/8";

// The same program runs what README says, whichever runtime asks.
describeOnNode("README's servers", { skip }, () => {
  let consumer: Consumer;
  before(async () => {
    consumer = await npmConsumer([...Object.keys(npmPackage.peerDependencies), "ioredis"]);
  });
  after(() => consumer.remove());

  async function serving(
    text: string,
    run: (ask: (count: number, from: string, sent: Sent) => Promise<Seen[]>) => Promise<void>,
  ) {
    consumer.write("server.ts", blockWith(text));
    const words = ["deno", "serve", "--host=127.0.0.1", "--port=0", "server.ts"];
    const program: Program = await startProgram(words, {}, consumer.folder);
    try {
      await run(async (count, from, sent) => {
        const answers: Seen[] = [];
        for (let i = 0; i < count; i++) answers.push(await sendFrom(from, program.url, sent));
        return answers;
      });
    } finally {
      await program.stop();
    }
  }

  it("with rules for everything, a route and a cost does what each rule says", () =>
    serving('{ name: "search", rate: "30/min"', async (ask) => {
      const searches = await ask(11, "127.0.0.2", { path: "/search?q=x" });
      assertEquals(statuses(searches), [...Array(10).fill(200), 429]);
      assertMatch(searches[10].text, /"violated-policies":\["search"\]/);
      const logins = await ask(8, "127.0.0.3", { method: "POST", path: "/login" });
      assertEquals(statuses(logins), Array(8).fill(200), "what did not fail is given back");
      assertEquals(
        statuses(await ask(3, "127.0.0.4", { path: "/export" })),
        [200, 200, 200],
        "one after another",
      );
    }));

  it("with plans gives those that the token names what they have", () =>
    serving("at least thirty-two bytes of secret", async (ask) => {
      const free = { path: "/", headers: { authorization: `Bearer ${await token("ann", {})}` } };
      const pro = { path: "/", headers: { authorization: `Bearer ${await token("bob", { tier: "pro" })}` } };
      const answers = await ask(101, "127.0.0.2", free);
      assertEquals(statuses(answers), [...Array(100).fill(200), 429]);
      assertMatch(answers[100].text, /"violated-policies":\["plan"\]/);
      assertEquals(statuses(await ask(101, "127.0.0.3", pro)), Array(101).fill(200));
      // 200 of them would be all of the day's 100000, were they not settled.
      const asked = await ask(201, "127.0.0.4", { ...pro, method: "POST", path: "/ask" });
      assertEquals(statuses(asked), Array(201).fill(200));
    }));

  it("with Redis are one limit in two processes", { skip: withoutRedis }, async () => {
    const redis = await startRedis();
    const programs: Program[] = [];
    try {
      // Programs that are still cold, on a machine that may be busy, would miss the default deadline.
      const server = blockWith("redisStore({ client })").replace(
        "{ client }",
        "{ client, timeoutMs: 10_000 }",
      );
      consumer.write("server.ts", server.replace("redis://localhost", redis.url));
      // Not Deno's: told to end, it waits for the connection to Redis to end.
      for (let i = 0; i < 2; i++) {
        programs.push(await startProgram(["bun", "server.ts"], {}, consumer.folder));
      }
      const answers: Seen[] = [];
      for (const { url } of [...programs, ...programs]) {
        answers.push(await sendFrom("127.0.0.2", url, { path: "/" }));
      }
      assertEquals(statuses(answers), [200, 200, 200, 429]);
    } finally {
      for (const program of programs) await program.stop();
      await redis.stop();
    }
  });
});

describe("README says of charges", () => {
  it("that those of the rules decided together are all or none, and that those made before stay", async () => {
    const rules = ["9/hour", { name: "login", rate: "1/hour", on: "POST /login" }];
    const inner = throttled(rules);
    const outer = throttled("5/hour", {}, (request) => inner.send(request));
    for (let i = 0; i < 3; i++) await outer.send("POST /login");
    const left = async ({ throttle }: typeof inner) => (await throttle.peek(requestTo()))[0].remaining;
    assertEquals([await left(inner), await left(outer)], [8, 2]);
  });
});

describe("the page on frameworks says of Hono's methodOverride", () => {
  /** How a form that is to be a DELETE is answered, and what is left after it. */
  async function tried(order: "before" | "after", rule: Rule): Promise<[status: number, left: number]> {
    const app = new Hono();
    const limit = createThrottle(rule, { client });
    const uses = [() => app.use(methodOverride({ app })), () => app.use(throttle(limit))];
    for (const use of order === "before" ? uses : uses.reverse()) use();
    app.delete("/post", (c) => c.text("gone"));
    const form = new FormData();
    form.set("_method", "DELETE");
    const answer = await app.request("/post", { method: "POST", body: form });
    await answer.text();
    return [answer.status, (await limit.peek(requestTo()))[0].remaining];
  }

  it("that it goes before throttle: after it a request is charged twice, and refuses itself a single slot", async () => {
    const five: Rule = { rate: "5/min" };
    assertEquals(await tried("before", five), [200, 4]);
    assertEquals(await tried("after", five), [200, 3]);
    const slot: Rule = { rate: { limit: 1 }, algorithm: concurrency({ lease: "1min" }) };
    assertEquals(await tried("before", slot), [200, 1]);
    assertEquals(await tried("after", slot), [429, 1]);
    assert(readFileSync("docs/frameworks.md", "utf8").includes("methodOverride"));
  });
});
