import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { describe, it } from "node:test";
import { compileMatch, type Route, UNTOUCHED } from "../../src/rules/match.ts";
import { parsePattern } from "../../src/rules/pattern.ts";
import { type Rule } from "../../src/rules/rule.ts";
import { prepareRules } from "../../src/rules/prepare_rules.ts";
import { writtenDuring } from "../harness/console.ts";

/** Matches requests, written "POST /login", against rules named for their patterns. */
function matcher(...patterns: (string | readonly string[] | null)[]): (line: string) => Route {
  return matcherWith(false, ...patterns);
}

/** The same with `exactPaths` as it is said. */
function matcherWith(isExact: boolean, ...patterns: (string | readonly string[] | null)[]) {
  const rules = patterns.map((on, i): Rule => ({
    name: `r${i}`,
    rate: "5/min",
    ...on === null ? {} : { on },
  }));
  const match = compileMatch(prepareRules(rules), isExact);
  return (line: string): Route => {
    const [method, path] = line.split(" ");
    return match(new Request(`https://example.com${path}`, { method }));
  };
}

/** The places of the rules that a request is under. */
function hits(match: (line: string) => Route, line: string): number[] {
  return match(line).before.map(({ index }) => index);
}

const isUnder = (pattern: string, line: string) => hits(matcher(pattern), line).length === 1;

/** A pattern, requests under it, and requests that are not. */
const TABLE: readonly (readonly [pattern: string, under: string, not: string])[] = [
  [
    "POST /login",
    "POST /login|POST /login?next=/|POST /login#top|POST /login/|POST //login|POST /LogIn",
    "GET /login|HEAD /login|POST /logins|POST /a/login",
  ],
  ["GET /a", "GET /a|HEAD /a", "POST /a|OPTIONS /a"],
  ["HEAD /a", "HEAD /a", "GET /a"],
  ["GET,HEAD /a", "GET /a|HEAD /a", "POST /a"],
  ["get, post /a", "GET /a|HEAD /a|POST /a", "PUT /a"],
  ["PATCH /a", "PATCH /a", "GET /a"],
  ["/a", "GET /a|POST /a|HEAD /a|OPTIONS /a|PROPFIND /a|DELETE /a|GET /A", "GET /|GET /a/b"],
  ["*", "GET /|POST /a/b/c|DELETE /x", ""],
  ["/*", "GET /|POST /a/b/c", ""],
  ["DELETE *", "DELETE /|DELETE /a/b", "GET /a"],
  ["/api/*", "GET /api|GET /api/|GET /api/a|GET /api/a/b", "GET /apis|GET /|GET /x/api/a"],
  ["/items/:id", "GET /items/1|GET /items/a%20b|PUT /items/x", "GET /items|GET /items/|GET /items/1/2"],
  ["/items/:id/edit", "GET /items/1/edit", "GET /items/1|GET /items/edit"],
  ["/items/:id{[0-9]+}", "GET /items/12", "GET /items/x|GET /items/1x|GET /items/"],
  ["/items/:id{[0-9]{2}}", "GET /items/12", "GET /items/1|GET /items/123"],
  ["/:year{[0-9]{4}}/:month{[0-9]{2}}", "GET /2026/11", "GET /2026/1|GET /26/11"],
  ["/:kind{cat|dog}/:id", "GET /cat/1|GET /dog/2", "GET /cow/1"],
  ["/:kind{cat|dog}?", "GET /|GET //|GET /cat|GET /dog/", "GET /cats|GET /hotdog|GET /CAT"],
  ["/items/:id?", "GET /items|GET /items/1", "GET /items/1/2|GET /item"],
  ["/files/:path{.+}", "GET /files/a|GET /files/a/b/c", "GET /files|GET /files/"],
  ["/a/*/c", "GET /a/b/c", "GET /a/c|GET /a/b/b/c|GET /a/b"],
  ["/café", "GET /café|GET /caf%C3%A9", "GET /cafe"],
  ["/a b", "GET /a%20b", "GET /a+b"],
  ["/a%2Fb", "GET /a%2Fb|GET /a%2fb|GET /A%2fB/", "GET /a/b"],
  ["/a/b", "GET /a%2Fb|GET /a/b/|GET /a//b|GET //a/b|GET /A/B|GET /a%5Cb|GET /x%2F..%2Fa/b", "GET /a/b/c"],
  ["/Items/:Id/", "GET /items/7|GET /ITEMS/7/|GET /items//7", "GET /items|GET /items/|GET /items/7/x"],
  ["/api/*", "GET /API|GET /api/|GET //api//a|GET /api%2Fa", "GET /apis/a"],
  ["/users/@me", "GET /users/%40me|GET /users/@ME", "GET /users/me"],
  ["/a%40b", "GET /a@b|GET /a%40b", "GET /a%2540b"],
  ["/100%25", "GET /100%25|GET /100%", "GET /100"],
  ["/items/:id/edit", "GET /items//edit|GET /items/7/edit", "GET /items/edit"],
  [
    "/codes/:c{[A-Z]+}",
    "GET /codes/ABC|GET /CODES/ABC/|GET /codes//ABC|GET /codes/%41BC",
    "GET /codes/abc|GET /codes/A1",
  ],
  ["/names/:n{[^@]+}", "GET /names/a|GET /Names/a%40b", "GET /names/a@b|GET /names/@"],
  ["/v/:n{v.+}/Edit", "GET /v/vA/edit|GET /V/vA/b/EDIT", "GET /v/VA/edit|GET /v/vA"],
  ["/v/:n{[0-9]+}?", "GET /v|GET /V/|GET /v/7|GET /V/7/", "GET /v/x|GET /V/x"],
  ["/login*", "GET /login|GET /LOGIN-now|GET /loginX/y", "GET /logi"],
  ["/STRASSE", "GET /stra%C3%9Fe|GET /strasse", "GET /strase"],
];

describe("a pattern", () => {
  for (const [pattern, under, not] of TABLE) {
    it(`${pattern} matches ${under}${not === "" ? "" : ` and not ${not}`}`, () => {
      for (const line of under.split("|")) assert(isUnder(pattern, line), line);
      for (const line of not === "" ? [] : not.split("|")) assert(!isUnder(pattern, line), line);
    });
  }

  it("of any text is found where its text is sent", () => {
    const text = fc.stringMatching(/^[a-z0-9|@#?^$+()~!,;=&.é -]{1,8}$/).map((text) => `x${text}x`);
    const encoded = (text: string) =>
      text.replace(/[?#@:]/g, (char) => `%${char.charCodeAt(0).toString(16)}`);
    fc.assert(
      fc.property(
        text,
        fc.constantFrom("", "/:id", "/*", "/:id{[0-9]+}"),
        fc.boolean(),
        (text, rest, isExact) => {
          const match = matcherWith(isExact, "/other/:id", `/a/${encoded(text)}${rest}`, "/a/*");
          const path = `/a/${encodeURIComponent(text)}${rest === "" ? "" : "/7"}`;
          assertEquals(hits(match, `GET ${path}`), [1, 2], path);
          assertEquals(hits(match, "GET /other/7"), [0]);
          assertEquals(hits(match, "GET /a"), [2]);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("cannot be dodged by percent-encoding the path", () => {
    const dodges = [
      "/%6Cogin",
      "/%6c%6f%67%69%6e",
      "/login",
      "/./login",
      "/x/../login",
      "/%2e/login",
      "/x/%2E%2e/login",
    ];
    for (const path of dodges) assert(isUnder("POST /login", `POST ${path}`), path);
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 9, maxLength: 9 }), fc.boolean(), (which, upper) => {
        const path = [..."api/login"].map((c, i) => {
          const code = c.charCodeAt(0).toString(16);
          return which[i] && c !== "/" ? `%${upper ? code.toUpperCase() : code}` : c;
        }).join("");
        assert(isUnder("POST /api/login", `POST /${path}`));
      }),
    );
  });

  it("with a regular expression is found in any case, where Hono's router finds it in its own", () => {
    const labels = [":a", ":b{[a-c]+}", ":c{[^/]+x}", ":d{a.*}", "*", "a", "b7"];
    const pattern = fc.array(fc.constantFrom(...labels), { minLength: 1, maxLength: 3 }).map((l) =>
      `/${l.join("/")}`
    );
    const path = fc.array(fc.constantFrom("a", "b7", "ax", "c", "x"), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(pattern, path, (pattern, segments) => {
        const match = matcher(pattern);
        const line = `GET /${segments.join("/")}`;
        // A slash at the end is all that takes the other way.
        assertEquals(hits(match, `${line}/`), hits(match, line), line);
      }),
      { numRuns: 1000 },
    );
  });

  it("is found in a long path whatever its regular expressions say, where that can be read in several ways", () => {
    const long = "x".repeat(5000);
    assert(isUnder("/files/:path{[^.]+}/edit", `GET /files/${long}%2E/edit`));
    assert(!isUnder("/files/:path{[^.]+}/edit", `GET /file/${long}%2E/edit`));
    assert(isUnder("/files/:path{[^.]+}/edit", `GET /files/${long}/edit`));
    assert(!isUnder("/files/:path{[^.]+}/edit", `GET /files/${long}.a/edit`));
    assert(isUnder("/login", `GET /${"./".repeat(5000)}LOGIN/`));
  });

  it("with text behind a star is found in a long segment, however the path is spelled", () => {
    const long = "z".repeat(100);
    for (const start of ["", "/.", "/%2E", "/y/.."]) {
      const match = compileMatch(prepareRules(["/v*x", "/a*b/c"].map((on): Rule => ({ rate: "5/min", on }))));
      const hitsOf = (path: string) =>
        match({ url: `https://example.com${start}${path}`, method: "GET", headers: new Headers() }).before
          .length;
      assertEquals(
        [`/v${long}x`, `/a${long}b/c`, `/a${long}b/d`, `/a${long}`].map(hitsOf),
        [1, 1, 0, 0],
        start,
      );
    }
  });

  it("is found whatever the case of the method", () => {
    for (const method of ["patch", "Patch", "PATCH"]) {
      const match = compileMatch(prepareRules({ rate: "5/min", on: "PATCH /a" }));
      // As a server hands it over: some methods are spelled anew in a Request that is made here.
      const request = Object.defineProperty(new Request("https://example.com/a"), "method", {
        value: method,
      });
      assertEquals(match(request).before.length, 1, method);
    }
  });

  it("matches paths that cannot be decoded as they are", () => {
    for (const line of ["GET /api/%", "GET /api/%zz", "GET /api/%ff", "GET /api/%e0%a4%a"]) {
      assert(isUnder("/api/*", line), line);
      assert(!isUnder("/other", line), line);
    }
  });

  it("is shown in its normal form", () => {
    const shown = (text: string) => parsePattern(text, "rule 1").text;
    assertEquals(shown("  get , post   /a/:id  "), "GET,POST /a/:id");
    for (
      const text of [
        "/a/*",
        "*",
        "/*.php",
        "/a*",
        "/*-small/x",
        "/a/:id{[0-9]+}",
        "/a/:id?",
        "/a/x[1]",
        "/wiki/C++",
      ]
    ) {
      assertEquals(shown(text), text);
    }
  });
});

/** Patterns that are refused, and why. */
const REFUSED: readonly (readonly [string, why: string])[] = [
  ["", "on must be a path, or methods and a path"],
  ["login", "on must be a path, or methods and a path"],
  ["POST", "on must be a path, or methods and a path"],
  ["POST login", "on must be a path, or methods and a path"],
  ["https://example.com/login", "on must be a path, or methods and a path"],
  ["PO ST /login", "its methods must be names separated by commas"],
  ["GET;POST /login", "its methods must be names separated by commas"],
  ["GET, /login", "its methods must be names separated by commas"],
  ["*/login", 'the path of on must start with "/"'],
  ["POST *login", 'the path of on must start with "/"'],
  ["/a?b=c", "it can have no query"],
  ["/a?", "it can have no query"],
  ["/a/:id?/b", "it can have no query"],
  ["/a#b", "it can have no query"],
  ["/a/:id{[0-9]+", "the braces in on must be in pairs"],
  ["/a/:id}", "the braces in on must be in pairs"],
  ["/a/:id{[0-9]{2}", "the braces in on must be in pairs"],
  ["/caf%C3%A9", "it must be written decoded"],
  ["/a%20b", "it must be written decoded"],
  ["/%6Cogin", "it must be written decoded"],
  ["/login POST", 'the methods of on come before its path, as in "POST /login"'],
  ["/login GET, post", "the methods of on come before its path"],
  ["PUT /blog post", "the methods of on come before its path"],
  ["/x/../login", "it can have no dot segments and no backslashes"],
  ["/.", "it can have no dot segments and no backslashes"],
  ["/a\\b", "it can have no dot segments and no backslashes"],
  ["/items/{id}", "braces in on are for the regular expression of a parameter"],
  ["/items/:id{[0-9]+}.json", "braces in on are for the regular expression of a parameter"],
  ["/a/%3Aid", "a colon that begins a segment of on"],
  ["/items/[id]", 'a parameter of on is ":id"'],
  ["/docs/[...slug]", 'a parameter of on is ":id"'],
  ["GET /[[lang]]/docs", 'a parameter of on is ":id"'],
  ["/items/<id>", 'a parameter of on is ":id"'],
  ["/files/:path*", '"*" at its end is for all further segments'],
  ["/files/:path+", '"*" at its end is for all further segments'],
  ["/files/*path", '"*" at its end is for all further segments'],
  ["/api/**", '"*" at its end is for all further segments'],
  ["/**/edit", '"*" at its end is for all further segments'],
  ["/@:user", 'a parameter of on is ":id"'],
  ["GET /files/readme.:format", 'a parameter of on is ":id"'],
  ["/login, /signup", 'on must be a path, or methods and a path, such as "POST /login"'],
  ["GET /login POST /signup", 'on must be a path, or methods and a path, such as "POST /login"'],
  ["/a/:id{(}", "its regular expression cannot be used"],
  ["/a/:id{[z-a]}", "its regular expression cannot be used"],
];

describe("a pattern that no request could match", () => {
  for (const [on, why] of REFUSED) {
    it(`${JSON.stringify(on)} is refused: ${why}`, () => {
      const build = () =>
        compileMatch(prepareRules([{ rate: "5/min" }, { name: "login", rate: "5/min", on }]));
      const error = assertThrows(build, TypeError, why) as Error;
      assert(error.message.startsWith('Cannot use rule "login" as '), error.message);
      assert(error.message.endsWith(`: current value is ${JSON.stringify(on)}`), error.message);
    });
  }

  it("is warned of where its method is in no standard", () => {
    const { lines } = writtenDuring(() => {
      prepareRules({ name: "typo", rate: "5/min", on: "PSOT /login" });
      prepareRules({ name: "typo", rate: "5/min", on: "PSOT /login" });
    }, "warn");
    assertEquals(lines.length, 1);
    assert(lines[0].includes('PSOT of rule "typo"'));
  });
});

describe("several rules", () => {
  it("for everything, for a group and for an endpoint are joined", () => {
    const match = matcher(null, "/api/*", "POST /api/login", "/admin/*", ["GET /api/a", "/b"]);
    assertEquals(hits(match, "POST /api/login"), [0, 1, 2]);
    assertEquals(hits(match, "GET /api/login"), [0, 1]);
    assertEquals(hits(match, "GET /api/a"), [0, 1, 4]);
    assertEquals(hits(match, "GET /b"), [0, 4]);
    assertEquals(hits(match, "GET /admin/api/login"), [0, 3]);
    assertEquals(hits(match, "GET /x"), [0]);
  });

  it("come in the order they were written, whatever is more specific", () => {
    const match = matcher("/api/users/:id", "*", "/api/*", null, "GET /api/users/7", "/api/users/*");
    assertEquals(hits(match, "GET /api/users/7"), [0, 1, 2, 3, 4, 5]);
  });

  it("one without a pattern is for every request", () => {
    assertEquals(hits(matcher(null), "GET /"), [0]);
    assertEquals(hits(matcher(null, "/a"), "OPTIONS /x/y"), [0]);
  });

  it("count once where two of their patterns match", () => {
    assertEquals(hits(matcher(["/api/*", "GET /api/a", "*"]), "GET /api/a"), [0]);
  });

  it("nest as groups do", () => {
    const match = matcher("/*", "/a/*", "/a/b/*", "/a/b/:c", "/a/b/c");
    assertEquals(hits(match, "GET /a/b/c"), [0, 1, 2, 3, 4]);
    assertEquals(hits(match, "GET /a/b"), [0, 1, 2]);
    assertEquals(hits(match, "GET /a/x"), [0, 1]);
    assertEquals(hits(match, "GET /x"), [0]);
  });

  it("are split by stage, each in its order", () => {
    const rules: Rule[] = [
      { name: "a", rate: "5/min", stage: "after-auth" },
      { name: "b", rate: "5/min" },
      { name: "c", rate: "5/min", on: "/x", stage: "after-auth" },
      { name: "d", rate: "5/min", on: "/x" },
    ];
    const { before, after } = compileMatch(prepareRules(rules))(new Request("https://example.com/x"));
    assertEquals([before, after].map((list) => list.map(({ name }) => name)), [["b", "d"], ["a", "c"]]);
  });

  it("are found in any combination, in more of them than are kept", () => {
    const letters = [..."abcdefghijkl"];
    const match = matcher(...letters.map((letter) => `/:text{.*${letter}.*}`));
    for (let set = 1; set < 2 ** letters.length; set++) {
      const chosen = letters.flatMap((_, i) => (set >> i) % 2 === 1 ? [i] : []);
      assertEquals(hits(match, `GET /${chosen.map((i) => letters[i]).join("")}`), chosen);
    }
  });

  it("together match what each matches alone", () => {
    const pool = [
      ...[
        "/",
        "/*",
        "*",
        "/a",
        "/a/*",
        "/a/b",
        "/a/:x",
        "/:x",
        "/:y/b",
        "/a/:x?",
        "/a/:x{[0-9]+}",
        "/a/:z{[a-z]+}",
        "/:k{q|zz?}/:rest{b|c}",
      ],
      ...[
        "GET /a/b",
        "POST /a/*",
        "GET,POST /:x/b",
        "HEAD /a",
        "/a/*/c",
        "/:x/:y/c",
        "/a/b/:rest{.+}",
        "DELETE *",
      ],
    ];
    const lines = ["GET", "POST", "HEAD", "DELETE", "PUT"].flatMap((method) =>
      ["/", "/a", "/a/", "/a/b", "/a/7", "/q/b", "/a/b/c", "/a/b/c/d", "/z", "/a/7/c"].map((path) =>
        `${method} ${path}`
      )
    );
    const alone = new Map(pool.map((pattern) => [pattern, matcher(pattern)]));
    fc.assert(
      fc.property(fc.uniqueArray(fc.constantFrom(...pool), { minLength: 1 }), (patterns) => {
        const match = matcher(...patterns);
        for (const line of [...lines, ...lines]) {
          const expected = patterns.flatMap((pattern, i) =>
            hits(alone.get(pattern) as (line: string) => Route, line).length > 0 ? [i] : []
          );
          assertEquals(hits(match, line), expected, line);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe("the route", () => {
  const ROUTES: readonly (readonly [string, string | null])[] = [
    ["GET /items/7", "/items/:id"],
    ["GET /items/new", "/items/new"],
    ["POST /items/7", "/items/*"],
    ["GET /items/7/parts", "/items/*"],
    ["GET /other", "/*"],
  ];
  for (const [line, route] of ROUTES) {
    it(`of ${line} is ${route}, the most specific pattern`, () => {
      const match = matcher("/*", "/items/*", "GET /items/:id", null, "/items/new");
      assertEquals(match(line).pattern, route);
      assertEquals(match(line).pattern, route);
    });
  }

  it("is null where no rule has a pattern for it", () => {
    assertEquals(matcher(null, "/a")("GET /b").pattern, null);
    assertEquals(matcher(null)("GET /b").pattern, null);
  });

  it("is never the raw path", () => {
    assertEquals(matcher("/users/:email")("GET /users/a@example.com?token=x").pattern, "/users/:email");
  });
});

describe("exactPaths", () => {
  const isUnderExactly = (pattern: string, line: string) =>
    hits(matcherWith(true, pattern), line).length === 1;
  const EXACT: readonly (readonly [pattern: string, under: string, not: string])[] = [
    [
      "/login",
      "POST /login|POST /./login|POST /x/../login|POST /%6Cogin",
      "POST /login/|POST //login|POST /LOGIN",
    ],
    ["/login/", "GET /login/|GET /x/../login/", "GET /login|GET /login//"],
    ["/a//b", "GET /a//b", "GET /a/b"],
    ["/Items/:id", "GET /Items/A", "GET /items/A"],
    ["/a%2Fb", "GET /a%2Fb|GET /a%2fb", "GET /a/b"],
    ["/a/b", "GET /a/b", "GET /a%2Fb"],
    ["/codes/:c{[A-Z]+}", "GET /codes/ABC|GET /codes/%41", "GET /codes/abc|GET /CODES/ABC"],
  ];
  for (const [pattern, under, not] of EXACT) {
    it(`${pattern} matches ${under} and not ${not}`, () => {
      for (const line of under.split("|")) assert(isUnderExactly(pattern, line), line);
      for (const line of not.split("|")) assert(!isUnderExactly(pattern, line), line);
    });
  }

  it("leaves dot segments resolved where a server hands them over", () => {
    const match = compileMatch(prepareRules({ rate: "5/min", on: "/login" }), true);
    for (const path of ["/./login", "/x/../login", "/%2e/login", "/x\\..\\login", "/%6C%6fgin"]) {
      const request = Object.defineProperty(new Request("https://example.com"), "url", {
        value: `https://example.com${path}`,
      });
      assertEquals(match(request).before.length, 1, path);
    }
  });
});

describe("a rule with an empty list of patterns", () => {
  it("is for no request at all", () => {
    const match = matcher([], "/a", null);
    assertEquals(hits(match, "GET /a"), [1, 2]);
    assertEquals(hits(match, "GET /"), [2]);
    assertEquals(hits(matcher([]), "GET /"), []);
    assertEquals(hits(matcher([]), "OPTIONS *"), []);
  });
});

describe("a preflight", () => {
  const headers = { origin: "https://app.example", "access-control-request-method": "PUT" };
  const preflight = (path: string) =>
    new Request(`https://example.com${path}`, { method: "OPTIONS", headers });
  const rules: Rule[] = [
    { name: "all", rate: "5/min" },
    { name: "any", rate: "5/min", on: "/a" },
    { name: "named", rate: "5/min", on: "GET,OPTIONS /a" },
    { name: "group", rate: "5/min", on: ["/b", "OPTIONS /a/*"] },
  ];

  it("is under no rule but those whose pattern names OPTIONS", () => {
    const match = compileMatch(prepareRules(rules));
    const names = (request: Request) => match(request).before.map(({ name }) => name);
    assertEquals(names(preflight("/a")), ["named", "group"]);
    assertEquals(names(preflight("/A/")), ["named", "group"]);
    assertEquals(names(preflight("/a/b")), ["group"]);
    assertEquals(names(preflight("/b")), []);
    assertEquals(names(new Request("https://example.com/a", { method: "OPTIONS" })), [
      "all",
      "any",
      "named",
      "group",
    ]);
  });

  it("has the route of the rule that names it, and none else", () => {
    const match = compileMatch(prepareRules(rules));
    assertEquals(match(preflight("/a/b")).pattern, "/a/*");
    assertEquals(match(preflight("/b")), UNTOUCHED);
  });
});
