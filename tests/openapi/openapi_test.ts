import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { describe as suite, it } from "node:test";
import {
  byGlobal,
  byIp,
  byUser,
  concurrency,
  createThrottle,
  detailJson,
  errorJson,
  gcra,
  type HeaderFormat,
  memoryStore,
  problemJson,
  rateLimit,
  type Rejection,
  retryAfter,
  type Rule,
  slidingLog,
  slidingWindow,
  type Store,
  type ThrottleOptions,
  xRateLimit,
} from "../../mod.ts";
import { describe, withThrottleResponses } from "../../src/openapi/mod.ts";
import { EXAMPLE_AT } from "../../src/openapi/example.ts";
import { oldSchema } from "../../src/openapi/old_schema.ts";
import { isAbout } from "../../src/openapi/same_path.ts";
import { compileMatch } from "../../src/rules/match.ts";
import { prepareRules } from "../../src/rules/prepare_rules.ts";
import {
  assertConforms,
  assertValid,
  assertValidAsWell,
  documentOf,
  found,
  type Json,
} from "../harness/openapi.ts";

const VERSIONS = ["3.0.3", "3.1.1", "3.2.0"];

const ok = { 200: { description: "Fine" } };
const client = { address: () => "192.0.2.1" };

/** The responses that a throttle adds to one operation, references followed. */
function responsesFor(rules: Rule | readonly Rule[], options: ThrottleOptions = {}, openapi = "3.1.1") {
  const paths = { "/": { get: { responses: ok } } };
  const document = withThrottleResponses(
    documentOf(openapi, paths),
    createThrottle(rules, { client, ...options }),
  );
  const { responses } = document.paths["/"].get as Json;
  const whole = Object.entries(responses).map(([status, response]) => {
    const { headers = {}, ...rest } = found(document, response);
    const named = Object.entries(headers).map(([name, header]) => [name, found(document, header)]);
    return [status, { ...rest, headers: Object.fromEntries(named) }];
  });
  return { document, responses: Object.fromEntries(whole) as Record<string, Json> };
}

/** The operations, as "GET /path", that have a 429. */
function throttledIn(document: Json): string[] {
  return Object.entries<Json>(document.paths).flatMap(([path, item]) =>
    Object.entries<Json>({ ...item, ...item.additionalOperations })
      .filter(([, operation]) => operation.responses?.["429"] !== undefined)
      .map(([method]) => `${method.toUpperCase()} ${path}`)
  );
}

function throttledPaths(on: Rule["on"], templates: readonly string[], rest: Json = {}): string[] {
  const parametersOf = (path: string) =>
    [...path.matchAll(/\{(.*?)\}/g)].map(([, name]) => ({
      ...{ name, in: "path", required: true },
      schema: { type: "string" },
    }));
  const paths = templates.map((path) => [path, { get: { parameters: parametersOf(path), responses: ok } }]);
  const document = documentOf("3.1.1", Object.fromEntries(paths), rest);
  const throttle = createThrottle({ rate: "5/min", ...(on === undefined ? {} : { on }) });
  return throttledIn(withThrottleResponses(document, throttle)).map((name) => name.slice("GET ".length));
}

// ---- which operations ----------------------------------------------------------------------------

suite("which operations are throttled", () => {
  const cases: [on: string, yes: string[], no: string[]][] = [
    ["/items/:id", ["/items/{id}", "/items/mine"], ["/items", "/items/{id}/parts", "/other/{id}"]],
    ["/items/*", ["/items", "/items/{id}", "/items/{id}/parts"], ["/item", "/other"]],
    ["*", ["/", "/items", "/items/{id}/parts"], []],
    ["/*/parts", ["/items/parts", "/{kind}/parts"], ["/items/{id}/parts", "/parts"]],
    ["/items/:id?", ["/items", "/items/{id}"], ["/items/{id}/parts"]],
    ["/items/:id{[0-9]+}", ["/items/{id}", "/items/12"], ["/items/mine", "/items/{id}/parts"]],
    ["/files/:path{.+}", ["/files/{name}", "/files/a/b", "/files/{folder}/{name}"], [
      "/files",
      "/other/{name}",
    ]],
    ["/files/:name{.+\\.png}/size", ["/files/{name}/size", "/files/a.png/size"], ["/files/a.jpg/size"]],
    ["/items/mine", ["/items/mine", "/{kind}/mine"], ["/items", "/items/yours"]],
    ["/items.json", ["/items.json", "/items.{format}"], ["/items", "/things.{format}"]],
    ["/café", ["/café", "/caf%C3%A9"], ["/cafe"]],
    ["/items/", ["/items/", "/items", "/Items//"], ["/"]],
    ["/", ["/"], ["/items"]],
  ];
  for (const [on, yes, no] of cases) {
    it(`${on} is about ${yes.join(", ")}${no.length > 0 ? ` and not about ${no.join(", ")}` : ""}`, () => {
      assertEquals([...yes, ...no].filter((path) => throttledPaths(on, [path]).length > 0), yes);
    });
  }

  it("a rule without patterns is about every operation", () => {
    assertEquals(throttledPaths(undefined, ["/", "/a/{b}"]), ["/", "/a/{b}"]);
  });

  it("a rule that matches a stated path alone is not about the template beside it", () => {
    assertEquals(throttledPaths("/items/mine", ["/items/{id}"]), ["/items/{id}"]);
    assertEquals(throttledPaths("/items/mine", ["/items/{id}", "/items/mine"]), ["/items/mine"]);
    assertEquals(throttledPaths("/items/*", ["/items/{id}", "/items/mine"]), ["/items/{id}", "/items/mine"]);
  });

  it("the paths of servers are in front of the templates, unless a base path is given", () => {
    const servers = [{ url: "https://api.example/v1/" }];
    assertEquals(throttledPaths("/v1/items", ["/items"], { servers }), ["/items"]);
    assertEquals(throttledPaths("/items", ["/items"], { servers }), []);
    assertEquals(throttledPaths("/v2/items", ["/items"], { servers: [{ url: "/v2" }] }), ["/items"]);
    assertEquals(throttledPaths("/items", ["/items"], { servers: [{ url: "//api.example" }] }), ["/items"]);
    const version = {
      url: "https://{host}/{version}",
      variables: { host: { default: "a" }, version: { default: "b" } },
    };
    assertEquals(throttledPaths("/v3/items", ["/items"], { servers: [version] }), ["/items"]);
    const origin = { server: { default: "https://a.example/" } };
    for (
      const server of [
        { url: "{scheme}://{host}:{port}/v1" },
        { url: "{server}/v1", variables: origin },
        { url: "{server}", variables: { server: { default: "/v1" } } },
        ...[{ url: "v1" }, { url: "./v1/" }, { url: "../../v1" }, { url: "{unknown}/", variables: origin }],
      ]
    ) {
      assertEquals(throttledPaths("/v1/items", ["/items"], { servers: [server] }), ["/items"], server.url);
      assertEquals(throttledPaths("/v1/v1/items", ["/items"], { servers: [server] }), [], server.url);
    }
    for (const url of [".", "./", "/", "", "{scheme}://a.example", "#"]) {
      assertEquals(throttledPaths("/items", ["/items"], { servers: [{ url }] }), ["/items"], url);
    }
    const document = documentOf("3.1.1", { "/items": { get: { responses: ok } } }, { servers });
    const throttle = createThrottle({ rate: "5/min", on: "/api/items" });
    assertEquals(throttledIn(withThrottleResponses(document, throttle, { basePath: "/api" })), [
      "GET /items",
    ]);
  });

  it("an operation's own servers count before its path item's and the document's", () => {
    const at = (url: string) => [{ url }];
    const document = documentOf("3.1.1", {
      "/a": { servers: at("/item"), get: { responses: ok }, put: { servers: at("/own"), responses: ok } },
      "/b": { get: { responses: ok } },
    }, { servers: at("/all") });
    const throttle = createThrottle({ rate: "5/min", on: ["/own/a", "/all/b", "/all/a"] });
    assertEquals(throttledIn(withThrottleResponses(document, throttle)), ["PUT /a", "GET /b"]);
  });

  it("methods count; HEAD counts as GET", () => {
    const methods = ["get", "put", "post", "delete", "options", "head", "patch"];
    const paths = { "/a": Object.fromEntries(methods.map((method) => [method, { responses: ok }])) };
    const document = documentOf("3.1.1", paths);
    const on = (on: string) =>
      throttledIn(withThrottleResponses(document, createThrottle({ rate: "5/min", on })));
    assertEquals(on("GET /a"), ["GET /a", "HEAD /a"]);
    assertEquals(on("HEAD /a"), ["HEAD /a"]);
    assertEquals(on("POST,PATCH /a"), ["POST /a", "PATCH /a"]);
    assertEquals(on("/a"), methods.map((method) => `${method.toUpperCase()} /a`));
  });

  it("OpenAPI 3.2: QUERY and additional operations are throttled as well", async () => {
    const document = documentOf("3.2.0", {
      "/a": {
        query: { responses: ok },
        additionalOperations: { COPY: { responses: ok }, MOVE: { responses: ok } },
      },
    });
    const throttle = createThrottle({ rate: "5/min", on: ["QUERY /a", "COPY /a"] });
    const changed = withThrottleResponses(document, throttle);
    assertEquals(throttledIn(changed), ["QUERY /a", "COPY /a"]);
    await assertValid(changed);
  });

  it("rules in shadow and rules without limit are about nothing", () => {
    const document = documentOf("3.1.1", { "/a": { get: { responses: ok } } });
    for (const rule of [{ rate: "5/min", mode: "shadow" } as const, { rate: null }]) {
      const throttle = createThrottle([rule, { rate: "5/min", on: "/b" }]);
      assertEquals(withThrottleResponses(document, throttle), document);
    }
    assertEquals(describe(createThrottle({ rate: null })), { headers: {}, schemas: {}, responses: {} });
  });

  it("webhooks and callbacks are requests that others get", async () => {
    const document = documentOf("3.1.1", {
      "/a": {
        post: { responses: ok, callbacks: { done: { "{$request.body#/url}": { post: { responses: ok } } } } },
      },
    }, { webhooks: { news: { post: { responses: ok } } } });
    const changed = withThrottleResponses(document, createThrottle("5/min"));
    assertEquals(changed.webhooks, document.webhooks);
    assertEquals(changed.paths["/a"].post.callbacks, document.paths["/a"].post.callbacks);
    await assertValid(changed);
  });

  it("a path item that is a reference is described where it is used", async () => {
    const item = { get: { responses: ok } };
    const document = documentOf("3.1.1", {
      "/a": { $ref: "#/components/pathItems/Shared" },
      "/b": { $ref: "#/components/pathItems/Shared" },
    }, { components: { pathItems: { Shared: item } } });
    const changed = withThrottleResponses(document, createThrottle({ rate: "5/min", on: "/a" }));
    assertEquals(throttledIn(changed), ["GET /a"]);
    assertStrictEquals(changed.paths["/b"], document.paths["/b"]);
    assertStrictEquals(changed.components.pathItems.Shared, item);
    await assertValid(changed);
  });

  it("any pattern and template: as Hono's router says of the requests that the template stands for", () => {
    const words = ["a", "b", "xa"];
    const label = fc.constantFrom("a", "b", ":p", "*", ":q{[ab]}", ":r{x.*}");
    const segment = fc.constantFrom("a", "b", "{p}", "x{q}");
    const join = (parts: string[]) => `/${parts.join("/")}`;
    const pattern = fc.array(label, { minLength: 1, maxLength: 3 }).map(join);
    const template = fc.array(segment, { minLength: 1, maxLength: 3 }).map(join);
    const instances = (template: string): string[] =>
      template.includes("{")
        ? words.flatMap((word) => instances(template.replace(/\{.*?\}/, word)))
        : [template];

    fc.assert(
      fc.property(pattern, template, (pattern, template) => {
        const match = compileMatch(prepareRules({ rate: "5/min", on: pattern, name: "it" }));
        const isMatched = (path: string) =>
          match(new Request(`https://api.example${path}`)).before.length > 0;
        const some = instances(template).some(isMatched);
        const may = isAbout(pattern, template, new Set());
        // Of a regular expression and a parameter nobody knows whether they ever meet.
        if (pattern.includes("{") && template.includes("{")) return may || !some;
        return may === some;
      }),
      { numRuns: 2000 },
    );
  });
});

// ---- what is written -----------------------------------------------------------------------------

suite("the documents", () => {
  const rules: Rule[] = [
    { name: "all", rate: "60/min" },
    { name: "login", rate: "5/15min", on: "POST /login", onStoreFailure: "deny" },
    { name: "plan", rate: () => "10/min", on: "/items/*", key: byUser() },
    { name: "uploads", rate: { limit: 3 }, algorithm: concurrency({ lease: 60 }), on: "PUT /items/:id" },
  ];
  const id = { name: "id", in: "path", required: true, schema: { type: "string" } };
  const paths = {
    "/login": { post: { responses: ok }, head: { responses: ok } },
    "/items/{id}": {
      parameters: [id],
      get: { responses: { ...ok, 404: { $ref: "#/components/responses/NotFound" } } },
      put: { responses: { 204: { description: "Kept" }, 404: { $ref: "#/components/responses/NotFound" } } },
    },
  };
  const components = { responses: { NotFound: { description: "No such item" } } };

  const formats: [name: string, format: HeaderFormat][] = [
    ["xRateLimit()", xRateLimit()],
    ["rateLimit()", rateLimit()],
    ["rateLimit({ draft: 7 })", rateLimit({ draft: 7 })],
    ["rateLimit({ draft: 6 })", rateLimit({ draft: 6 })],
  ];
  for (const openapi of VERSIONS) {
    for (const [name, format] of formats) {
      it(`OpenAPI ${openapi} with ${name} is valid, with every rejection and report`, async () => {
        const silent = () => new Response("no", { status: 429 });
        const told: ThrottleOptions[] = [
          ...[problemJson(), detailJson(), errorJson(), silent].map((reject) => ({ reject })),
          ...(["denied", "never"] as const).map((sendHeaders) => ({ sendHeaders })),
        ];
        for (const options of told) {
          const throttle = createThrottle(rules, {
            headers: [format, retryAfter()],
            authenticate: () => null,
            ...options,
          });
          const document = withThrottleResponses(documentOf(openapi, paths, { components }), throttle);
          assertEquals(document.openapi, openapi);
          await assertValid(document);
          await assertValid(documentOf(openapi, {}, { components: describe(throttle, { openapi }) }));
          if (options === told[0]) await assertValidAsWell(document);
        }
      });
    }
  }

  it("stay as they are: the new one shares what is the same", () => {
    const document = documentOf("3.1.1", { ...paths, "/health": { get: { responses: ok } } }, { components });
    const before = structuredClone(document);
    const changed = withThrottleResponses(document, createThrottle({ rate: "5/min", on: "/login" }));
    assertEquals(document, before);
    assertStrictEquals(changed.paths["/health"], document.paths["/health"]);
    assertStrictEquals(changed.info, document.info);
    assert(changed !== document && changed.paths["/login"] !== document.paths["/login"]);
  });

  it("done twice are as done once", () => {
    const throttle = createThrottle(rules, { authenticate: () => null });
    const once = withThrottleResponses(documentOf("3.1.1", paths, { components }), throttle);
    assertEquals(withThrottleResponses(once, throttle), once);
  });

  it("two throttles one around the other are both described", async () => {
    const outer = createThrottle("100/min");
    const inner = createThrottle({ rate: "5/min", on: "/login" }, {
      headers: [rateLimit()],
      reject: detailJson(),
    });
    const document = withThrottleResponses(
      withThrottleResponses(documentOf("3.1.1", paths, { components }), outer),
      inner,
    );
    const refused = found(document, (document.paths["/login"].post.responses as Json)["429"]);
    assertEquals(Object.keys(refused.content), ["application/json", "application/problem+json"]);
    assertEquals(Object.keys(refused.headers), [
      ...["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After", "Cache-Control"],
      ...["RateLimit-Policy", "RateLimit"],
    ]);
    await assertValid(document);
  });

  it("rate headers are on every response of a throttled operation, errors too", () => {
    const { document, responses } = (() => {
      const own = {
        ...ok,
        "4XX": { description: "Wrong" },
        default: { description: "Else" },
        101: { description: "Up" },
      };
      const document = withThrottleResponses(
        documentOf("3.1.1", { "/": { get: { responses: own } } }),
        createThrottle("5/min"),
      );
      return { document, responses: document.paths["/"].get.responses as Json };
    })();
    const names = ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"];
    for (const status of ["200", "4XX", "default"]) {
      assertEquals(Object.keys(responses[status].headers), names);
      assertEquals(found(document, responses[status].headers["X-RateLimit-Limit"]).example, 5);
    }
    assertEquals(responses["101"], { description: "Up" });
  });

  it("a 429 that is there is kept, and gets what it lacks", async () => {
    const own = {
      description: "Slow down",
      headers: { "x-ratelimit-limit": { description: "Mine", schema: { type: "string" } } },
      content: { "application/problem+json": { schema: { type: "object" } }, "text/plain": {} },
    };
    const document = documentOf("3.1.1", { "/": { get: { responses: { ...ok, 429: own } } } });
    const changed = withThrottleResponses(document, createThrottle("5/min"));
    const refused = (changed.paths["/"].get.responses as Json)["429"];
    assertEquals(refused.description, "Slow down");
    assertEquals(refused.content, own.content);
    assertEquals(Object.keys(refused.headers), [
      ...["x-ratelimit-limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After", "Cache-Control"],
    ]);
    assertEquals(refused.headers["x-ratelimit-limit"], own.headers["x-ratelimit-limit"]);
    await assertValid(changed);
  });

  it("a response that is referred to elsewhere too gets headers in a copy, one for all", async () => {
    const document = documentOf("3.1.1", paths, { components });
    const changed = withThrottleResponses(document, createThrottle({ rate: "5/min", on: "/items/:id" }));
    const { get, put } = changed.paths["/items/{id}"] as Json;
    assertEquals(get.responses["404"], { $ref: "#/components/responses/NotFoundThrottled" });
    assertEquals(put.responses["404"], get.responses["404"]);
    assertEquals(changed.components.responses.NotFound, components.responses.NotFound);
    assertEquals(found(changed, get.responses["404"]).description, "No such item");
    await assertValid(changed);
  });

  it("a part in another document is left as it is", () => {
    const elsewhere = { $ref: "errors.yaml#/NotFound" };
    const document = documentOf("3.1.1", {
      "/": { get: { responses: { 404: elsewhere } } },
      "/b": elsewhere,
    });
    const changed = withThrottleResponses(document, createThrottle("5/min"));
    assertStrictEquals((changed.paths["/"] as Json).get.responses["404"], elsewhere);
    assertStrictEquals(changed.paths["/b"], elsewhere);
  });

  it("a model that the document has already is referred to, and a name that it has is not taken", () => {
    const ErrorModel = detailJson().describe!.schema(429);
    const TooManyRequests = { description: "Something else" };
    const document = documentOf("3.1.1", { "/": { get: { responses: ok } } }, {
      components: { schemas: { ErrorModel }, responses: { TooManyRequests } },
    });
    const changed = withThrottleResponses(document, createThrottle("5/min", { reject: detailJson() }));
    assertEquals((changed.paths["/"].get.responses as Json)["429"], {
      $ref: "#/components/responses/TooManyRequests2",
    });
    const { schemas, responses } = changed.components as Json;
    assertEquals(Object.keys(schemas), ["ErrorModel"]);
    assertEquals(responses.TooManyRequests, TooManyRequests);
    assertEquals(responses.TooManyRequests2.content["application/json"].schema, {
      $ref: "#/components/schemas/ErrorModel",
    });
  });

  it("an operation without responses, and a document without paths", async () => {
    const bare = documentOf("3.1.1", { "/": { get: {} } });
    assertEquals(throttledIn(withThrottleResponses(bare, createThrottle("5/min"))), ["GET /"]);
    const hooks = { openapi: "3.1.1", info: { title: "Hooks", version: "1" }, webhooks: {} };
    assertEquals(withThrottleResponses(hooks, createThrottle("5/min")), hooks);
    await assertValid(withThrottleResponses(bare, createThrottle("5/min")));
  });

  it("a reference whose percent-encoding is broken points to nothing, as one to a name that is not there", () => {
    for (const $ref of ["#/paths/%", "#/paths/%zz", "#/paths/none"]) {
      const document = { openapi: "3.1.1", info: {}, paths: { "/": { $ref }, "/a": { get: {} } } };
      const { paths } = withThrottleResponses(document, createThrottle("5/min"));
      assertEquals([paths["/"], throttledIn({ paths })], [{ $ref }, ["GET /a"]]);
    }
  });

  it("of another version, or a throttle of another make, are refused in a sentence", () => {
    const throttle = createThrottle("5/min");
    assertThrows(
      () => withThrottleResponses({ openapi: "2.0" }, throttle),
      TypeError,
      'Cannot describe a throttle in this document as openapi must be 3.0, 3.1 or 3.2: current value is "2.0"',
    );
    for (const document of [undefined, null]) {
      assertThrows(
        () => withThrottleResponses(document as unknown as Json, throttle),
        TypeError,
        "openapi must be 3.0, 3.1 or 3.2: current value is undefined",
      );
    }
    assertThrows(() => describe(throttle, { openapi: "3.10.0" }), TypeError, "3.10.0");
    assertThrows(() => describe({ rules: [] } as Json), TypeError, "must be one that createThrottle made");
  });
});

// ---- the refusals ----------------------------------------------------------------------------------

suite("the description of a refusal", () => {
  it("its description says when it is raised", () => {
    assertEquals(
      responsesFor({ rate: "5/min" }).responses["429"].description,
      "Raised when throttling rate was hit",
    );
  });

  it("its body is the rejection's own model, or the one that you describe", () => {
    const { document, responses } = responsesFor({ rate: "5/min" }, { reject: detailJson() });
    const { schema } = responses["429"].content["application/json"];
    assertEquals(found(document, schema), detailJson().describe!.schema(429));
    const reject: Rejection = Object.assign(() => new Response("Slow down.", { status: 429 }), {
      describe: {
        contentType: "text/plain",
        schema: () => ({ type: "string" }),
        example: () => "Slow down.",
      },
    });
    const mine = responsesFor({ rate: "5/min" }, { reject });
    assertEquals(mine.responses["429"].content, {
      "text/plain": { schema: { $ref: "#/components/schemas/TooManyRequestsBody" }, example: "Slow down." },
    });
  });

  it("every format tells its headers, described, required", () => {
    const texts: [name: string, text: string, format: HeaderFormat][] = [
      ["X-RateLimit-Limit", "The maximum number of requests permitted", xRateLimit()],
      ["X-RateLimit-Remaining", "The number of requests remaining", xRateLimit()],
      ["X-RateLimit-Reset", "The number of seconds until the current rate limit window resets", xRateLimit()],
      ["Retry-After", "Indicates how long the user agent should wait", retryAfter()],
      ["RateLimit", "Current rate limiting state", rateLimit()],
      ["RateLimit-Policy", "Lists all rate limiting policies", rateLimit()],
    ];
    for (const [name, text, format] of texts) {
      const header = responsesFor({ rate: "5/min" }, { headers: [format] }).responses["429"].headers[name];
      assert(header.description.startsWith(text), header.description);
      assertEquals(header.required, true);
    }
  });

  it("a format of your own tells its headers, one that says nothing of itself tells none", () => {
    const fields = () => ({ "X-Plan": "free" });
    const mine: HeaderFormat = {
      fields,
      describe: {
        "X-Plan": { description: "Your plan.", on: "every", schema: { const: "free" }, example: "free" },
      },
    };
    const silent: HeaderFormat = { fields: () => ({ "X-Quiet": "1" }) };
    const { responses } = responsesFor({ rate: "5/min" }, { headers: [mine, silent] }, "3.0.3");
    assertEquals(Object.keys(responses["200"].headers), ["X-Plan"]);
    assertEquals(Object.keys(responses["429"].headers), ["X-Plan", "Cache-Control"]);
    assertEquals(responses["200"].headers["X-Plan"], {
      description: "Your plan.",
      schema: { enum: ["free"] },
      example: "free",
    });
  });

  const unsure: [why: string, rule: Rule, options?: ThrottleOptions][] = [
    ["a rate from a function may be 0", { rate: () => "5/min" }],
    ["a cost from a function may never pass", { rate: "5/min", cost: () => 6 }],
    ["a limit of 0 never passes", { rate: "0/min" }],
    ["a cost above the burst never passes", { rate: "5/min", cost: 6 }],
    ["without an address nobody passes", { rate: "5/min", key: byIp({ onMissing: "deny" }) }],
  ];
  for (const [why, rule, options] of unsure) {
    it(`Retry-After is not required where ${why}`, () => {
      const { headers } = responsesFor(rule, options).responses["429"];
      assertEquals(headers["Retry-After"].required, undefined);
      assertEquals(headers["X-RateLimit-Limit"].required, true);
    });
  }

  it("no header is required where a rate from a function is not asked for, as the address is missing", () => {
    const rule: Rule = { rate: () => "5/min", key: byIp({ onMissing: "deny" }) };
    const { headers } = responsesFor(rule).responses["429"];
    assertEquals(headers["X-RateLimit-Limit"].required, undefined);
    assertEquals(headers["Retry-After"].required, undefined);
  });

  it("redirects are described without the headers that stay off them", () => {
    const document = (headers: HeaderFormat[]) =>
      withThrottleResponses(
        documentOf("3.1.1", {
          "/": {
            get: {
              responses: {
                200: { description: "ok" },
                302: { description: "there" },
                "3XX": { description: "there" },
              },
            },
          },
        }),
        createThrottle("5/min", { headers }),
      );
    const namesIn = (headers: HeaderFormat[]) =>
      ["200", "302", "3XX"].map((status) => {
        const made = document(headers);
        const response = (made.paths["/"].get.responses as Json)[status];
        return Object.keys(found(made, response).headers ?? {});
      });
    const legacy = ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"];
    const ietf = ["RateLimit-Policy", "RateLimit"];
    assertEquals(namesIn([xRateLimit(), rateLimit()]), [[...legacy, ...ietf], legacy, legacy]);
    assertEquals(namesIn([rateLimit({ redirects: true })]), [ietf, ietf, ietf]);
    assertEquals(namesIn([rateLimit()]), [ietf, [], []]);
  });

  it("Retry-After is described for rules with formats of their own, as the throttle or another rule sends it", () => {
    const own: Rule = { name: "own", rate: "5/min", headers: [xRateLimit()] };
    assertEquals(responsesFor(own).responses["429"].headers["Retry-After"].required, true);
    const other: Rule = { name: "other", rate: "9/min", headers: [retryAfter()] };
    const { headers } = responsesFor([own, other], { headers: [] }).responses["429"];
    assertEquals(headers["Retry-After"].required, true);
    assertEquals(headers["X-RateLimit-Limit"].required, undefined);
    assertEquals("Retry-After" in responsesFor(own, { headers: [] }).responses["429"].headers, false);
  });

  it("a header is required where every rule that may refuse sends it", () => {
    const own: Rule = { name: "own", rate: "5/min", headers: [retryAfter()] };
    const { headers } = responsesFor([own, { name: "other", rate: "50/min" }]).responses["429"];
    assertEquals(headers["Retry-After"].required, true);
    assertEquals(headers["X-RateLimit-Limit"].required, undefined);
  });

  const closed: [why: string, rule: Rule, options: ThrottleOptions, is503: boolean][] = [
    ["a rule says deny", { rate: "5/min", onStoreFailure: "deny" }, {}, true],
    ["the throttle says deny", { rate: "5/min" }, { onStoreFailure: "deny" }, true],
    [
      "the rule says otherwise",
      { rate: "5/min", onStoreFailure: "allow" },
      { onStoreFailure: "deny" },
      false,
    ],
    ["its rate is a function's", { rate: () => "5/min" }, {}, true],
    ["its cost is a function's", { rate: "5/min", cost: () => 1 }, {}, true],
    ["nothing is said", { rate: "5/min" }, {}, false],
  ];
  for (const [why, rule, options, is503] of closed) {
    it(`503 is ${is503 ? "" : "not "}described where ${why}`, () => {
      assertEquals("503" in responsesFor(rule, options).responses, is503);
    });
  }

  it("401 is described where authentication is set, with the headers of the rules before it", () => {
    const rules: Rule[] = [
      { name: "ip", rate: "60/min" },
      { name: "user", rate: "5/min", key: byUser(), headers: [rateLimit()] },
    ];
    const authenticate = () => null;
    assertEquals("401" in responsesFor(rules[0]).responses, false);
    const { responses } = responsesFor(rules, { authenticate });
    assertEquals(Object.keys(responses["401"].headers), [
      ...["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"],
    ]);
    assertEquals(responses["401"].headers["X-RateLimit-Limit"].example, 60);
    assertEquals(responsesFor(rules[1], { authenticate }).responses["401"].headers, {});
    const isOver = Object.assign(() => null, { isOver: true });
    assertEquals("401" in responsesFor(rules, { authenticate: isOver }).responses, false);
  });

  it("HEAD is refused without a body", () => {
    const document = withThrottleResponses(
      documentOf("3.1.1", { "/": { head: { responses: ok } } }),
      createThrottle("5/min"),
    );
    const refused = found(document, (document.paths["/"].head.responses as Json)["429"]);
    assertEquals(refused.content, undefined);
    assertEquals(Object.keys(refused.headers).length, 5);
  });

  it("describe: components to refer to from a document of one's own", () => {
    const throttle = createThrottle(
      [{ name: "a", rate: "10/s" }, { name: "b", rate: "1000/day", on: "/b" }],
      {
        headers: [rateLimit(), retryAfter()],
        onStoreFailure: "deny",
        authenticate: () => null,
      },
    );
    const { headers, schemas, responses } = describe(throttle);
    assertEquals(Object.keys(headers), ["RateLimitPolicy", "RateLimit", "RetryAfter", "NoStore"]);
    assertEquals(Object.keys(schemas), ["TooManyRequestsBody", "ServiceUnavailableBody"]);
    assertEquals(Object.keys(responses), ["TooManyRequests", "ServiceUnavailable", "Unauthorized"]);
    assertEquals(headers.RateLimitPolicy.content, {
      "text/plain": { schema: { type: "string" }, example: '"a";q=10;w=1, "b";q=1000;w=86400' },
    });
    assertEquals(describe(throttle, { openapi: "3.0.3" }).headers.NoStore.schema, {
      type: "string",
      enum: ["no-store"],
    });
    assertEquals(headers.NoStore.schema, { type: "string", const: "no-store" });
  });
});

// ---- what the server sends -----------------------------------------------------------------------

/** The headers of a response that its document has a word for: all but those that every response has. */
function sentBy(response: Response): Record<string, string> {
  const sent = Object.fromEntries(response.headers);
  delete sent["content-type"];
  return sent;
}

/** Fails unless a response is the very example that is documented. */
async function assertIsExample(document: Json, status: number, described: Json, response: Response) {
  assertEquals(response.status, status);
  const sent = sentBy(response);
  const examples = Object.entries<Json>(described.headers).map(([name, header]) => {
    const text = header.content?.["text/plain"];
    const value = sent[name.toLowerCase()];
    const { schema, example } = text ?? header;
    assertConforms(document, schema.type === "integer" ? Number(value) : value, schema);
    return [name.toLowerCase(), String(example)];
  });
  assertEquals(sent, Object.fromEntries(examples.sort(([a], [b]) => a < b ? -1 : 1)));
  if (described.content === undefined) return;
  const type = response.headers.get("content-type")!;
  const { schema, example } = described.content[type];
  const body = await response.json();
  assertConforms(document, body, schema);
  assertEquals(body, example);
}

suite("every documented example really is what the server sends", () => {
  const formats: [name: string, formats: HeaderFormat[]][] = [
    ["xRateLimit", [xRateLimit(), retryAfter()]],
    ["xRateLimit in Unix time", [xRateLimit({ reset: "epoch" }), retryAfter()]],
    ["rateLimit", [rateLimit(), retryAfter()]],
    ["rateLimit, draft 7", [rateLimit({ draft: 7 }), retryAfter()]],
    ["rateLimit, draft 6", [rateLimit({ draft: 6 }), retryAfter()]],
    ["xRateLimit and rateLimit", [xRateLimit(), rateLimit(), retryAfter()]],
    ["retryAfter alone", [retryAfter()]],
    ["none", []],
  ];
  const rejections: [name: string, rejection: Rejection][] = [
    ["problemJson", problemJson()],
    ["detailJson", detailJson()],
    ["errorJson", errorJson()],
  ];
  const rules: [name: string, rules: Rule[]][] = [
    ["one rule", [{ name: "burst", rate: "5/min" }]],
    ["two rules", [{ name: "burst", rate: "5/15min" }, { name: "daily", rate: "1000/day" }]],
    ["two that refuse together", [{ name: "a", rate: "4/min" }, {
      name: "b",
      rate: "4/hour",
      key: byGlobal(),
    }]],
    ["two stages", [{ name: "ip", rate: "50/min" }, { name: "user", rate: "3/hour", key: byUser() }]],
    ["costs", [{ name: "units", rate: "10/min", cost: 3 }]],
    ["gcra", [{ name: "meter", rate: "7/min", algorithm: gcra({ burst: 3 }) }]],
    ["slidingLog", [{ name: "log", rate: "3/min", algorithm: slidingLog() }]],
    ["slidingWindow", [{ name: "slots", rate: "3/min", algorithm: slidingWindow() }]],
    ["a block", [{ name: "harsh", rate: "2/min", block: { after: 1, window: "1min", for: "5min" } }]],
    ["formats of its own", [
      { name: "own", rate: "2/min", headers: [rateLimit(), retryAfter()] },
      { name: "other", rate: "2/hour", headers: [xRateLimit()] },
    ]],
  ];
  const clock = () => EXAMPLE_AT;
  const authenticate = () => ({ id: "ann" });

  for (const [formatName, headers] of formats) {
    for (const [ruleName, written] of rules) {
      it(`${formatName}, ${ruleName}: with every rejection and report`, async () => {
        for (const [, reject] of rejections) {
          for (const sendHeaders of ["always", "denied", "never"] as const) {
            const options = { headers, reject, sendHeaders, authenticate, client };
            const { document, responses } = responsesFor(written, options);
            const throttle = createThrottle(written, { ...options, store: memoryStore({ clock }) });
            const handler = throttle.wrap(() => new Response(null));
            const send = () => handler(new Request("https://api.example/"));
            let response = await send();
            await assertIsExample(document, 200, responses["200"], response);
            for (let sent = 0; sent < 60 && response.status === 200; sent++) response = await send();
            await assertIsExample(document, 429, responses["429"], response);
          }
        }
      });
    }

    it(`${formatName}: 503 while the store is out of reach, with every rejection and report`, async () => {
      const written: Rule[] = [
        { name: "strict", rate: "5/min", onStoreFailure: "deny" },
        { name: "lenient", rate: "50/min", onStoreFailure: "local" },
      ];
      const store: Store = {
        shared: false,
        clock,
        decide: () => {
          throw new Error("No store.");
        },
      };
      for (const [, reject] of rejections) {
        for (const sendHeaders of ["always", "denied", "never"] as const) {
          const options = { headers, reject, sendHeaders, client };
          const { document, responses } = responsesFor(written, options);
          const response = await createThrottle(written, { ...options, store })
            .wrap(() => new Response(null))(new Request("https://api.example/"));
          await assertIsExample(document, 503, responses["503"], response);
        }
      }
    });

    it(`${formatName}: 401 where authentication turns a client away`, async () => {
      const written: Rule[] = [{ name: "ip", rate: "50/min" }, {
        name: "user",
        rate: "5/min",
        key: byUser(),
      }];
      const authenticate = () => new Response(null, { status: 401 });
      for (const sendHeaders of ["always", "denied", "never"] as const) {
        const options = { headers, sendHeaders, authenticate, client };
        const { document, responses } = responsesFor(written, options);
        const response = await createThrottle(written, { ...options, store: memoryStore({ clock }) })
          .wrap(() => new Response(null))(new Request("https://api.example/"));
        await assertIsExample(document, 401, responses["401"], response);
      }
    });
  }

  it("concurrency: a request while all slots are taken", async () => {
    const written: Rule = { name: "uploads", rate: { limit: 2 }, algorithm: concurrency({ lease: 60 }) };
    const { document, responses } = responsesFor(written);
    const handler = createThrottle(written, { client, store: memoryStore({ clock }) })
      .wrap(() => new Response(new ReadableStream()));
    const [first, second, refused] = await Promise.all(
      [1, 2, 3].map(() => handler(new Request("https://api.example/"))),
    );
    await assertIsExample(document, 200, responses["200"], first);
    await assertIsExample(document, 429, responses["429"], refused);
    await Promise.all([first.body!.cancel(), second.body!.cancel()]);
  });

  it("a 503 for a rate that cannot be used", async () => {
    const written: Rule = { name: "plan", rate: () => "many" };
    const { document, responses } = responsesFor(written);
    const response = await createThrottle(written, { client, store: memoryStore({ clock }) })
      .wrap(() => new Response(null))(new Request("https://api.example/"));
    await assertIsExample(document, 503, responses["503"], response);
  });
});

suite("schemas in the words of OpenAPI 3.0", () => {
  const cases: [schema: Json, old: Json][] = [
    [{ const: 1 }, { enum: [1] }],
    [{ type: ["string", "null"] }, { type: "string", nullable: true }],
    [{ type: ["null", "integer"], minimum: 1 }, { type: "integer", nullable: true, minimum: 1 }],
    [{ type: ["integer", "string"] }, { anyOf: [{ type: "integer" }, { type: "string" }] }],
    [{ type: "null" }, { anyOf: [{ enum: [null] }] }],
    [{ type: "array" }, { type: "array", items: {} }],
    [{ exclusiveMinimum: 0 }, { minimum: 0, exclusiveMinimum: true }],
    [{ examples: ["a", "b"] }, { example: "a" }],
    [{ properties: { a: { const: 1 }, b: true, c: false } }, {
      properties: { a: { enum: [1] }, b: {}, c: { not: {} } },
    }],
    [{ allOf: [{ const: 1 }], not: { const: 2 } }, { allOf: [{ enum: [1] }], not: { enum: [2] } }],
    [{ additionalProperties: false, $comment: "no", "x-mine": 1 }, {
      additionalProperties: false,
      "x-mine": 1,
    }],
  ];
  for (const [schema, old] of cases) {
    it(`${JSON.stringify(schema)} is ${JSON.stringify(old)}, and valid`, async () => {
      assertEquals(oldSchema(schema), old);
      await assertValid(documentOf("3.0.3", {}, { components: { schemas: { A: old } } }));
    });
  }
});
