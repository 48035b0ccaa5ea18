/** The examples of frameworks whose packages are installed here, driven over sockets. `npm run test:frameworks` drives the others. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { readFileSync } from "node:fs";
import process from "node:process";
import { after, before, it } from "node:test";
import { type Seen, sendFrom, type Sent } from "../harness/loopback.ts";
import { type Program, startProgram } from "../harness/program.ts";
import { describeOnNode } from "../harness/runtime.ts";

/** How a framework's example is asked, and what it says. */
interface Trial {
  readonly hello: Sent;
  readonly text: RegExp;
  readonly login: Sent;
  readonly loginStatus: number;
  readonly refusal: RegExp;
  /** A login that is no failure, where failures alone count. */
  readonly rightLogin?: Sent;
}

const PROBLEM = /"violated-policies":\["login"\]/;
const byPassword = (password: string): Sent => ({ method: "POST", path: "/login", body: { password } });
const passwords = {
  ...{
    hello: { path: "/" },
    text: /^hello\n$/,
    login: byPassword("guess"),
    loginStatus: 401,
    refusal: PROBLEM,
  },
  rightLogin: byPassword("open sesame"),
};
const routes = {
  ...{ hello: { path: "/" }, text: /^hello\n$/, login: { method: "POST", path: "/login" }, loginStatus: 401 },
  refusal: PROBLEM,
};

const trials: Readonly<Record<string, Trial>> = {
  elysia: routes,
  express: passwords,
  fastify: passwords,
  h3: routes,
  trpc: {
    ...{ hello: { path: "/trpc/hello" }, text: /"data":"hello"/ },
    login: { method: "POST", path: "/trpc/login", body: {} },
    ...{ loginStatus: 200, refusal: /"TOO_MANY_REQUESTS"/ },
  },
  yoga: {
    ...{ hello: { path: "/graphql?query=%7Bhello%7D" }, text: /"hello":"hello"/ },
    login: { method: "POST", path: "/graphql", body: { query: 'mutation { login(password: "guess") }' } },
    ...{ loginStatus: 200, refusal: /"errors":\[\{"message":"Too many logins\."/ },
  },
};

const skip = process.platform === "linux" ? false : "only Linux has all of 127.0.0.0/8";

for (const [name, { hello, text, login, loginStatus, refusal, rightLogin }] of Object.entries(trials)) {
  describeOnNode(`examples/${name}.ts`, { skip }, () => {
    let program: Program;
    before(async () => {
      const [, command] = /`(.+?)`/.exec(readFileSync(`examples/${name}.ts`, "utf8"))!;
      const words = command.replace("deno serve", "deno serve --host=127.0.0.1 --port=0").split(" ");
      program = await startProgram(words, { HOST: "127.0.0.1" });
    });
    after(() => program.stop());
    const times = async (count: number, from: string, sent: Sent): Promise<Seen[]> => {
      const answers: Seen[] = [];
      for (let i = 0; i < count; i++) answers.push(await sendFrom(from, program.url, sent));
      return answers;
    };

    it("answers with the rate headers until the limit, then with 429 and when to come back", async () => {
      const answers = await times(21, "127.0.0.2", hello);
      const refused = answers.pop()!;
      answers.forEach(({ status, headers, text: body }, i) => {
        assertEquals([status, headers["x-ratelimit-remaining"]], [200, `${19 - i}`], program.output());
        assertMatch(body, text);
      });
      assertEquals([refused.status, refused.headers["x-ratelimit-limit"]], [429, "20"]);
      assertMatch(refused.headers["retry-after"], /^(?:60|5\d)$/);
      assertEquals(refused.headers["cache-control"], "no-store");
      const { status, error } = JSON.parse(refused.text);
      if (name === "trpc") {
        assertMatch(refused.headers["content-type"], /^application\/json/);
        assertEquals(error.data, { code: "TOO_MANY_REQUESTS", httpStatus: 429 });
        return;
      }
      assertMatch(refused.headers["content-type"], /^application\/problem\+json/);
      assertEquals(status, 429);
    });

    it("gives each address a quota of its own, and what no route takes counts too", async () => {
      const [before] = await times(1, "127.0.0.3", hello);
      const [lost] = await times(1, "127.0.0.3", { path: "/nothing/here" });
      const [other] = await times(1, "127.0.0.4", hello);
      const left = [before, lost, other].map(({ headers }) => headers["x-ratelimit-remaining"]);
      assertEquals([lost.status, left], [404, ["19", "18", "19"]]);
    });

    it("limits one route more strictly, and tells of that", async () => {
      const answers = await times(6, "127.0.0.5", login);
      const refused = answers.pop()!;
      assertEquals(answers.map(({ status }) => status), Array(5).fill(loginStatus), answers[0].text);
      assertEquals(refused.status, 429, refused.text);
      assertMatch(refused.text, refusal);
      assertMatch(refused.headers["retry-after"], /^(?:900|8\d\d)$/);
      const [elsewhere] = await times(1, "127.0.0.6", login);
      assertEquals(elsewhere.status, loginStatus);
    });

    if (rightLogin !== undefined) {
      it("gives back what its reply shows to be no failure", async () => {
        const statuses = (answers: Seen[]) => answers.map(({ status }) => status);
        assertEquals(statuses(await times(4, "127.0.0.7", login)), [401, 401, 401, 401]);
        assertEquals(statuses(await times(3, "127.0.0.7", rightLogin)), [200, 200, 200]);
        assertEquals(statuses(await times(2, "127.0.0.7", login)), [401, 429]);
      });
    }

    if (name === "trpc") {
      it("counts each call of a batch", async () => {
        const [{ status, text: body }] = await times(1, "127.0.0.8", {
          ...{ method: "POST", path: "/trpc/login,login,login,login,login,login?batch=1" },
          body: {},
        });
        const calls: { error?: unknown }[] = JSON.parse(body);
        assertEquals([status, calls.filter(({ error }) => error === undefined).length], [207, 5], body);
      });
    }

    if (name === "yoga") {
      it("counts each run of a document", async () => {
        const one = (i: number) => `m${i}: login(password: "guess")`;
        const query = `mutation { ${[1, 2, 3, 4, 5, 6].map(one).join(" ")} }`;
        const [{ status, text: body }] = await times(1, "127.0.0.8", { ...login, body: { query } });
        assert(status === 429 && JSON.parse(body).errors.length === 1, body);
      });
    }
  });
}
