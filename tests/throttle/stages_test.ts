import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import type { Authenticate } from "../../src/auth/authenticate.ts";
import type { Context } from "../../src/context.ts";
import type { ThrottleEvent } from "../../src/observers/events.ts";
import { compose, firstOf } from "../../src/keys/compose.ts";
import { byGlobal } from "../../src/keys/global.ts";
import { byIp } from "../../src/keys/ip.ts";
import type { Key } from "../../src/keys/key.ts";
import { byUser } from "../../src/keys/user.ts";
import type { Rule } from "../../src/rules/rule.ts";
import { memoryStore } from "../../src/stores/memory/memory_store.ts";
import { createThrottle, type Throttle, withThrottle } from "../../src/throttle/throttle.ts";
import { writtenDuring } from "../harness/console.ts";
import { get } from "../harness/http.ts";
import { serve } from "../harness/serve.ts";
import { pause } from "../harness/until.ts";

const client = { address: () => "192.0.2.1" };

/** `Authorization: <name>` is that user, "wrong" nobody at all; without it the request is anonymous. */
const authenticate: Authenticate = ({ request }) => {
  const name = request.headers.get("authorization");
  if (name === "wrong") return new Response("who?", { status: 401, headers: { "www-authenticate": "Test" } });
  return name === null ? null : { id: name };
};

function asking(name?: string): Request {
  return new Request("https://example.com/", { headers: name === undefined ? {} : { authorization: name } });
}

/** The statuses of requests in these names, one after the other. */
async function statuses(rules: Rule[], names: (string | undefined)[], changes = {}): Promise<number[]> {
  const handler = withThrottle(() => new Response("in"), rules, {
    authenticate,
    client,
    store: memoryStore({ clock: () => 0 }),
    ...changes,
  });
  const answered: number[] = [];
  for (const name of names) answered.push((await handler(asking(name))).status);
  return answered;
}

/** The warnings of `run`. */
const warnings = (run: () => unknown): readonly string[] => writtenDuring(run, "warn").lines;

describe("the two stages", () => {
  it("run in this order: before-auth rules, authentication, after-auth rules, handler", async () => {
    const path: string[] = [];
    const noting = (name: string, key: Key): Key =>
      Object.assign((context: Context) => {
        path.push(name);
        return key(context);
      }, { stage: key.stage, keyName: name } as Pick<Key, "stage">);
    const handler = withThrottle(
      () => {
        path.push("handler");
        return new Response("in");
      },
      [{ rate: "1/min", key: noting("after", byUser()) }, { rate: "3/min", key: noting("before", byIp()) }],
      {
        authenticate(context) {
          path.push("authenticate");
          return authenticate(context);
        },
        client,
      },
    );
    const paths: string[] = [];
    for (const name of ["alice", "wrong", "alice", "alice"]) {
      const { status } = await handler(asking(name));
      paths.push([...path.splice(0), status].join(" "));
    }
    assertEquals(paths, [
      "before authenticate after handler 200",
      "before authenticate 401",
      "before authenticate after 429",
      "before 429",
    ]);
  });

  it("count and end wrong credentials by address, so that guessing is limited", async () => {
    const rules = [{ rate: "3/min" }, { rate: "9/min", key: byUser() }];
    assertEquals(await statuses(rules, ["wrong", "wrong", "wrong", "wrong", "alice"]), [
      401,
      401,
      401,
      429,
      429,
    ]);
  });

  it("leave after-auth rules alone where authentication fails", async () => {
    const rules: Rule[] = [
      { rate: "99/min" },
      { rate: "1/min", key: byUser() },
      { rate: "1/min", key: byIp(), stage: "after-auth" },
      { rate: "1/min", key: byGlobal(), stage: "after-auth" },
    ];
    assertEquals(await statuses(rules, ["wrong", "wrong", "wrong", "alice", "alice"]), [
      401,
      401,
      401,
      200,
      429,
    ]);
  });

  it("send what authentication answered as it is, with the rate headers of the first stage", async () => {
    const handler = withThrottle(() => new Response("in"), [{ rate: "9/min" }, {
      rate: "5/min",
      key: byUser(),
    }], {
      authenticate,
      client,
    });
    const answer = await handler(asking("wrong"));
    assertEquals([answer.status, answer.headers.get("www-authenticate"), await answer.text()], [
      401,
      "Test",
      "who?",
    ]);
    assertEquals(answer.headers.get("x-ratelimit-remaining"), "8");
  });

  it("keep what the first charged when the second refuses, and charge nothing in the second", async () => {
    const throttle = createThrottle([
      { name: "address", rate: "9/min" },
      { name: "user", rate: "1/min", key: byUser() },
      { name: "all", rate: "9/min", key: byGlobal(), stage: "after-auth" },
    ], { authenticate, client, store: memoryStore({ clock: () => 0 }) });
    for (let i = 0; i < 4; i++) await throttle.check(asking("alice"));
    const left = async (rule: string) => (await throttle.usage(rule, asking("alice"))).remaining;
    assertEquals([await left("address"), await left("user"), await left("all")], [5, 0, 8]);
  });

  it("a key that needs no identity runs in either", async () => {
    assertEquals(await statuses([{ rate: "2/min" }], ["wrong", "alice", "alice"]), [401, 200, 429]);
    const late: Rule[] = [{ rate: "99/min" }, { rate: "2/min", stage: "after-auth" }];
    assertEquals(await statuses(late, ["wrong", "alice", "bob", "carol"]), [401, 200, 200, 429]);
  });

  it("are chosen by the key, the latest of its parts where it has such", () => {
    const stageOf = (key: Key) => createThrottle({ rate: "1/min", key }).rules[0].stage;
    const keys = [
      byIp(),
      byGlobal(),
      byUser(),
      byIp({ anonymousOnly: true }),
      compose(byIp(), byUser()),
      firstOf(byUser(), byIp()),
    ];
    assertEquals(keys.map(stageOf), [
      "before-auth",
      "before-auth",
      "after-auth",
      "after-auth",
      "after-auth",
      "after-auth",
    ]);
  });

  it("answer 429 before the handler reads anything of the request", async () => {
    const handler = withThrottle(async (request) => new Response(await request.text()), "1/min", { client });
    const post = () => new Request("https://example.com/", { method: "POST", body: "content" });
    assertEquals((await handler(post())).status, 200);
    const refused = post();
    assertEquals((await handler(refused)).status, 429);
    assertEquals(refused.bodyUsed, false);
  });

  it("hold over real HTTP, with authentication that takes its time", async () => {
    const served = await serve(withThrottle(() => new Response("in"), [
      { rate: "4/min" },
      { rate: "1/min", key: byUser() },
    ], {
      async authenticate(context) {
        await pause(1);
        return authenticate(context);
      },
    }));
    try {
      const answered = [];
      for (const authorization of ["wrong", "alice", "alice", "bob", "carol"]) {
        answered.push((await get(served.url, { headers: { authorization } })).status);
      }
      assertEquals(answered, [401, 200, 429, 200, 429]);
    } finally {
      await served.close();
    }
  });
});

describe("an identity that is read too early", () => {
  /** An error that is thrown at once is a rejection as well. */
  const check = async (throttle: Throttle, request: Request) => await throttle.check(request);
  const early = /^Cannot read context\.identity before authentication: /;

  it("is an error at construction where the key says that it needs one", () => {
    for (
      const key of [
        byUser(),
        byIp({ anonymousOnly: true }),
        compose(byIp(), byUser()),
        firstOf(byUser(), byIp()),
      ]
    ) {
      assertThrows(
        () => createThrottle({ rate: "1/min", key, stage: "before-auth" }),
        TypeError,
        'needs an identity, so stage must be "after-auth"',
      );
    }
  });

  it("is an error at the first request, and an event, where a function of the user's does it", async () => {
    const reading = ({ identity }: Context) => identity?.id ?? "nobody";
    const rules: Rule[] = [
      { rate: "1/min", key: reading },
      { rate: (context) => reading(context) === "x" ? "1/min" : "2/min" },
      { rate: "1/min", cost: (context) => reading(context) === "x" ? 2 : 1 },
      { rate: "1/min", unless: (context) => reading(context) === "x" },
    ];
    for (const rule of rules) {
      const events: ThrottleEvent[] = [];
      const throttle = createThrottle({ name: "early", ...rule }, {
        authenticate,
        client,
        observers: [(event) => events.push(event)],
      });
      const error = await assertRejects(() => check(throttle, asking("alice")), TypeError);
      assertMatch(error.message, early);
      assertEquals(events.map(({ type, rule }) => [type, rule]), [["error", "early"]]);
      // The same rule is right in the other stage.
      assert((await createThrottle({ ...rule, stage: "after-auth" }, { client }).check(asking())).allowed);
    }
  });

  it("is an error in authenticate itself", async () => {
    const throttle = createThrottle("1/min", { authenticate: ({ identity }) => identity, client });
    const error = await assertRejects(() => check(throttle, asking()), TypeError);
    assertMatch(error.message, early);
  });
});

describe("authentication that nothing comes before", () => {
  const told = (rules: Rule[], options = {}) =>
    warnings(() => createThrottle(rules, { authenticate, client, ...options }));
  const user = { name: "user-of-this-test", rate: "1/min", key: byUser() };

  it("is warned of at construction, once", () => {
    const [warning, ...more] = told([user]);
    assertStringIncludes(
      warning,
      'Nothing limits how often a client may try to authenticate: "user-of-this-test"',
    );
    assertEquals([...more, ...told([user])], []);
  });

  it("is not warned of where a rule does; where nobody authenticates another warning says so", () => {
    assertEquals(told([{ ...user, name: "another" }, { rate: "60/min" }]), []);
    const [warning, ...more] = told([{ ...user, name: "a-third" }], { authenticate: undefined });
    assertStringIncludes(warning, 'Rules that never apply: "a-third"');
    assertEquals(more, []);
  });
});

describe("rules for anonymous requests", () => {
  it("count by address those that nobody is known of, and leave users alone", async () => {
    let address = "192.0.2.1";
    const handler = withThrottle(() => new Response("in"), [
      { rate: "99/min" },
      { rate: "2/min", key: byIp({ anonymousOnly: true }) },
      { rate: "3/min", key: byUser() },
    ], { authenticate, client: { address: () => address }, store: memoryStore({ clock: () => 0 }) });
    const status = async (name?: string) => (await handler(asking(name))).status;
    assertEquals([await status(), await status(), await status()], [200, 200, 429]);
    assertEquals(
      [await status("alice"), await status("alice"), await status("alice"), await status("alice")],
      [200, 200, 200, 429],
    );
    assertEquals([await status("bob"), await status()], [200, 429]);
    address = "192.0.2.2";
    assertEquals([await status(), await status("alice")], [200, 429]);
  });

  it("count those for whom authenticate gives undefined, false, zero or an empty text as anonymous", async () => {
    for (const nobody of [null, undefined, false, 0, ""]) {
      const throttle = createThrottle([
        { rate: "99/min" },
        { name: "anonymous", rate: "1/min", key: byIp({ anonymousOnly: true }) },
        { rate: "1/min", key: byUser() },
      ], { authenticate: () => Promise.resolve(nobody as never), client });
      assertEquals((await throttle.peek(asking())).map(({ rule }) => rule).includes("anonymous"), true);
      assertEquals((await throttle.check(asking())).allowed, true);
      assertEquals((await throttle.check(asking())).allowed, false, String(nobody));
      assertEquals((await throttle.usage("anonymous", asking())).remaining, 0);
      assertEquals((await throttle.explain(asking())).identity, null);
    }
  });

  it("are skipped for users, while the rules beside them still apply", async () => {
    const rules: Rule[] = [{ rate: "1/min", key: byIp({ anonymousOnly: true }) }, { rate: "3/min" }];
    assertEquals(await statuses(rules, ["alice", "bob", "carol", "dan"]), [200, 200, 200, 429]);
  });
});

describe("any order of requests", () => {
  it("gives each of address and user exactly their quota, and charges no user for what failed", async () => {
    const name = fc.constantFrom("alice", "bob", "wrong", undefined);
    await fc.assert(
      fc.asyncProperty(fc.array(name, { maxLength: 40 }), async (names) => {
        const answered = await statuses([{ rate: "20/min" }, { rate: "3/min", key: byUser() }], names);
        const used: Record<string, number> = {};
        answered.forEach((status, i) => {
          const who = names[i];
          if (i >= 20) return assertEquals(status, 429);
          if (who === undefined) return assertEquals(status, 200);
          if (who === "wrong") return assertEquals(status, 401);
          used[who] = (used[who] ?? 0) + 1;
          assertEquals(status, used[who] <= 3 ? 200 : 429);
        });
      }),
    );
  });
});
