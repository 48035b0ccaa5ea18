/** Why a rule applies to a request, or does not. */
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { describe, it } from "node:test";
import {
  byApiKey,
  byHeader,
  byIp,
  byUser,
  createThrottle,
  firstOf,
  keyOf,
  type Rule,
  type ThrottleOptions,
} from "../../mod.ts";
import { client, requestTo, throttled } from "../harness/throttled.ts";

interface Row {
  readonly rule: Omit<Rule, "rate"> & Partial<Pick<Rule, "rate">>;
  readonly target?: string;
  readonly headers?: Record<string, string>;
  readonly options?: ThrottleOptions;
  readonly applies?: boolean;
  readonly because: string;
}

/** The header "x-user" is a user's id; "x-user: none" is turned away, "x-user: error" fails. */
const authenticate: ThrottleOptions["authenticate"] = ({ request }) => {
  const id = request.headers.get("x-user");
  if (id === "none") return new Response(null, { status: 401 });
  if (id === "error") throw new Error("The directory is away.");
  return id === null ? null : { id, staff: id === "staff" };
};

const PREFLIGHT = { "origin": "https://x.example", "access-control-request-method": "POST" };
const noAddress = { client: { address: () => null } };

const ROWS: Readonly<Record<string, Row>> = {
  "every request": { rule: {}, applies: true, because: "it is for every request" },
  "a pattern": {
    rule: { on: "POST /login" },
    target: "POST /LOGIN/",
    applies: true,
    because: 'the request matches its pattern "POST /login"',
  },
  "one of several patterns": {
    rule: { on: ["/a", "GET /items/:id"] },
    target: "/items/7",
    applies: true,
    because: 'the request matches one of its patterns "/a", "GET /items/:id"',
  },
  "HEAD under GET": {
    rule: { on: "GET /a" },
    target: "HEAD /a",
    applies: true,
    because: 'the request matches its pattern "GET /a"',
  },
  "another method": {
    rule: { on: "POST /login" },
    target: "/login",
    because: 'the method is GET, and its pattern is "POST /login"',
  },
  "another method of several patterns": {
    rule: { on: ["POST /login", "PUT,PATCH /items/*"] },
    target: "DELETE /items/7",
    because: 'the method is DELETE, and its patterns are "POST /login", "PUT,PATCH /items/*"',
  },
  "another path, without its query": {
    rule: { on: "POST /login" },
    target: "POST /logout?token=secret#part",
    because: 'the path is "/logout", and its pattern is "POST /login"',
  },
  "no pattern": { rule: { on: [] }, because: "its list of patterns is empty, so no request is under it" },
  "a preflight under every request": {
    rule: {},
    target: "OPTIONS /",
    headers: PREFLIGHT,
    because: "the request is a CORS preflight, which only rules with OPTIONS in a pattern count",
  },
  "a preflight under a pattern": {
    rule: { on: "/a" },
    target: "OPTIONS /a",
    headers: PREFLIGHT,
    because: 'the request is a CORS preflight, and its pattern is "/a"',
  },
  "a preflight that a pattern names": {
    rule: { on: "OPTIONS /a" },
    target: "OPTIONS /a",
    headers: PREFLIGHT,
    applies: true,
    because: 'the request matches its pattern "OPTIONS /a"',
  },
  "unless": { rule: { unless: () => Promise.resolve(true) }, because: "its `unless` exempts the request" },
  "a key without an identity": {
    rule: { key: byUser() },
    because: "its key (user) is null: nobody is authenticated",
  },
  "a key that exempts": {
    rule: { key: byUser() },
    headers: { "x-user": "staff" },
    because: "its key (user) exempts the client",
  },
  "a composed key that exempts": {
    rule: { key: firstOf(byUser(), byIp()) },
    headers: { "x-user": "staff" },
    because: "its key (user-or-ip) exempts the client",
  },
  "a key of anonymous requests": {
    rule: { key: byIp({ anonymousOnly: true }) },
    headers: { "x-user": "ann" },
    because: "its key (ip) is null: it counts anonymous requests alone",
  },
  "a key without an address": {
    rule: { key: byIp({ onMissing: "skip" }) },
    options: noAddress,
    because: "its key (ip) is null: the request has no address",
  },
  "a key that refuses requests without an address": {
    rule: { key: byIp({ onMissing: "deny" }) },
    options: noAddress,
    applies: true,
    because: "it is for every request",
  },
  "a key that needs an address": {
    rule: { key: byIp() },
    options: noAddress,
    applies: true,
    because: "it is for every request, but a function of the rule fails: Cannot throttle by address as " +
      'client.address returned no address. byIp({ onMissing: "skip" | "deny" }) skips or denies such requests',
  },
  "a key of a header": {
    rule: { key: byHeader("X-Tenant") },
    because: "its key (header-x-tenant) is null: the request has no header x-tenant",
  },
  "a key of one's own": { rule: { key: () => null }, because: "its key (custom) is null" },
  "a named key of one's own": {
    rule: { key: keyOf("country", "before-auth", () => Promise.resolve(null)) },
    because: "its key (country) is null",
  },
  "an unlimited rate": {
    rule: { rate: null },
    because: "its rate is null, so it does not limit the request",
  },
  "a rate that is null for this request": {
    rule: { rate: () => null },
    because: "its rate is null, so it does not limit the request",
  },
  "a rate that cannot be used": {
    rule: { rate: () => "many" as never },
    applies: true,
    because: "it is for every request, but it cannot be counted: Cannot use rule",
  },
  "a cost that fails": {
    rule: {
      cost: () => {
        throw new Error("No scales.");
      },
    },
    applies: true,
    because: "it is for every request, but a function of the rule fails: No scales",
  },
  "authentication that turns the request away": {
    rule: { key: byUser() },
    headers: { "x-user": "none" },
    because: "authentication turns the request away with status 401",
  },
  "authentication that fails": {
    rule: { key: byApiKey() },
    headers: { "x-user": "error" },
    because: "authentication fails: The directory is away",
  },
};

describe("an explanation", () => {
  for (const [title, row] of Object.entries(ROWS)) {
    it(`says why a rule applies or not: ${title}`, async () => {
      const { rule, target, headers = {}, options = {}, applies = false, because } = row;
      const throttle = createThrottle({ rate: "1/min", name: "r", ...rule }, {
        client,
        authenticate,
        ...options,
      });
      const request = requestTo(target, { headers });
      const { rules: [explained], text } = await throttle.explain(request);
      assertEquals(explained.applies, applies, explained.because);
      assert(explained.because.startsWith(because), explained.because);
      assertStringIncludes(text, `Rule "r" ${applies && explained.decision?.windowMs ? "(" : ""}`);
      assertStringIncludes(text, explained.because);
      assert(!text.includes("secret"), text);
    });
  }

  it("applies a rule exactly where a peek decides it", async () => {
    for (const [title, { rule, target, headers = {}, options = {} }] of Object.entries(ROWS)) {
      const throttle = createThrottle({ rate: "1/min", name: "r", ...rule }, {
        client,
        authenticate,
        ...options,
      });
      const request = () => requestTo(target, { headers });
      const { rules: [{ applies, decision }] } = await throttle.explain(request());
      let peeked: unknown;
      try {
        [peeked = null] = await throttle.peek(request());
      } catch {
        assertEquals([applies || headers["x-user"] === "error", decision], [true, null], title);
        continue;
      }
      const timeless = (value: unknown): unknown => value && { ...value, at: 0 };
      assertEquals([applies, timeless(decision)], [peeked !== null, timeless(peeked)], title);
    }
  });

  it("is of a refused request where authentication fails, turns it away, or a function of a rule fails", async () => {
    const throttle = createThrottle("5/min", { client, authenticate });
    const of = async (user: string) => {
      const { allowed, text } = await throttle.explain(requestTo("/", { headers: { "x-user": user } }));
      return [allowed, text.split("\n")[0]];
    };
    assertEquals(await of("none"), [
      false,
      'The request "GET /" would be refused now as authentication turns the request away with status 401.',
    ]);
    assertEquals((await of("error"))[0], false);
    assertEquals(await of("ann"), [true, 'The request "GET /" would be allowed now.']);
    const { allowed, text } = await createThrottle({ name: "r", rate: "1/min" }).explain(requestTo());
    assertEquals(allowed, false);
    assertMatch(
      text,
      /^The request "GET \/" would be refused now as a function of rule "r" fails\.\nThe request has no address, as /,
    );
  });

  it("names the identity, and the key under which it counts", async () => {
    const throttle = createThrottle({ rate: "1/min", key: byUser() }, { client, authenticate });
    const { identity, rules: [{ key }], text } = await throttle.explain(
      requestTo("/", { headers: { "x-user": "ann" } }),
    );
    assertEquals([identity, key?.kind, key?.value], ["ann", "user", "ann"]);
    assertStringIncludes(text, '\nAuthentication found the identity "ann".\n');
    assertStringIncludes(
      text,
      'applies, after authentication: it is for every request. It counts by user, under the key "ann".',
    );
  });

  it("tells observers nothing, not even of errors", async () => {
    const { throttle, events } = throttled([{ rate: () => "many" as never }, {
      rate: "1/min",
      key: () => null,
    }]);
    await throttle.explain(requestTo());
    await throttle.check(requestTo());
    await throttle.explain(requestTo());
    assertEquals(events.map(({ type }) => type), ["error", "skipped", "denied"]);
  });

  it("shows a key without characters that move a cursor or turn the direction of writing", async () => {
    const key = "a\u001b[2Jb\u202ec\n\u009bd";
    const { rules: [rule], text } = await createThrottle({ rate: "1/min", key: () => key }, { client })
      .explain(requestTo());
    assertEquals(rule.key?.value, key);
    assertStringIncludes(text, '"a\\u001b[2Jb\\u202ec\\n\\u009bd"');
  });

  it("needs a Request", async () => {
    await assertRejects(
      async () => await createThrottle("1/min").explain({} as Request),
      TypeError,
      "Request",
    );
  });
});
