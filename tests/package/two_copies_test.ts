/** Two copies of the package in one process: a dev server's, or one from JSR beside one from npm. */
import { assertEquals, assertNotEquals } from "@std/assert";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import * as here from "../../mod.ts";
import { throttle as honoThrottle, type ThrottleVariables } from "../../src/hono/mod.ts";

type Copy = typeof here;
const client = { address: () => "192.0.2.1" };
const request = () => new Request("https://example.com/");

/** The package as it runs, compiled on Node, in a folder from which its dependencies are found. */
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const extension = /\.\w+$/.exec(import.meta.url)![0];
mkdirSync(".artefacts", { recursive: true });
const folder = mkdtempSync(join(".artefacts", "copy-"));
after(() => rmSync(folder, { recursive: true, force: true }));

describe("two copies of the package in one process", () => {
  let there: Copy;
  before(async () => {
    cpSync(join(root, `mod${extension}`), join(folder, `mod${extension}`));
    cpSync(join(root, "src"), join(folder, "src"), { recursive: true });
    there = await import(pathToFileURL(join(folder, `mod${extension}`)).href);
    assertNotEquals(there.createThrottle, here.createThrottle);
  });

  it("know each other's throttles: throttleOf tells what was decided, and settle corrects it", async () => {
    for (const [outer, inner] of [[here, there], [there, here]]) {
      const throttle = outer.createThrottle({ name: "tokens", rate: "1000/hour", cost: 500 }, { client });
      const handler = throttle.wrap(async (request) => {
        const known = inner.throttleOf(request);
        await known?.settle("tokens", 120);
        return Response.json(known?.decisions.map(({ remaining }) => remaining) ?? "unknown");
      });
      const response = await handler(request());
      assertEquals(await response.json(), [880]);
      assertEquals(response.headers.get("x-ratelimit-remaining"), "880");
      assertEquals((await throttle.usage("tokens", "192.0.2.1")).remaining, 880);
    }
  });

  it("nest: the rules of both are decided, sent and settled", async () => {
    const inside = there.withThrottle(
      async (request) => {
        await here.throttleOf(request)?.settle("outer", 3);
        await here.throttleOf(request)?.settle("inner", 2);
        return Response.json(
          there.throttleOf(request)?.decisions.map(({ limit, remaining }) => [limit, remaining]),
        );
      },
      { name: "inner", rate: "5/min" },
      { client },
    );
    const handler = here.withThrottle(inside, { name: "outer", rate: "9/min" }, { client });
    const response = await handler(request());
    assertEquals(await response.json(), [[9, 6], [5, 3]]);
    assertEquals(response.headers.get("x-ratelimit-limit"), "5");
    assertEquals(response.headers.get("x-ratelimit-remaining"), "3");
  });

  it("take each other's throttles and keys: who is exempt in one is exempt in the other", async () => {
    const staff = { id: "carol", staff: true };
    const throttle = here.createThrottle({
      rate: "1/min",
      key: here.firstOf(there.byUser(), there.byIp({ onMissing: "deny" })),
    }, { client, authenticate: () => staff });
    for (let i = 0; i < 3; i++) assertEquals((await throttle.check(request())).allowed, true);

    const { Hono } = await import("hono");
    const app = new Hono<{ Variables: ThrottleVariables }>();
    app.use(honoThrottle(there.createThrottle({ name: "all", rate: "7/min" }, { client })));
    app.get("/", (c) => c.json(c.get("throttle").decisions));
    const [{ remaining }] = await (await app.request("/")).json();
    assertEquals(remaining, 6);
  });
});
