/** Every row of the table in examples/presets.ts, by HTTP: as many requests pass as it says, and for as long. */
import { assert, assertEquals } from "@std/assert";
import { after, describe, it } from "node:test";
import { now, restoreDate } from "../harness/stopped_date.ts";
import presets from "../../examples/presets.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

type Row = readonly [rule: string, limit: number, windowMs: number, target: string, user: string | null];

/** The user is chosen so that this row's rule refuses first: staff are exempt from all but that of partners. */
const ROWS: readonly Row[] = [
  ["register", 3, HOUR, "POST /auth/register", null],
  ["password_reset", 3, HOUR, "POST /auth/password", null],
  ["email_verify", 5, HOUR, "POST /auth/verify", null],
  ["anon", 100, HOUR, "GET /", null],
  ["user", 1000, HOUR, "GET /", "ann"],
  ["api_key", 5000, HOUR, "GET /partners/orders", "root"],
  ["burst", 60, MINUTE, "GET /", null],
  ["order_create", 20, HOUR, "POST /orders", "ann"],
  ["payment", 10, HOUR, "POST /payments", "ann"],
  ["cart_modify", 100, HOUR, "PUT /cart/7", "ann"],
  ["search", 200, HOUR, "GET /search", "ann"],
  ["list", 500, HOUR, "GET /products", "ann"],
  ["retrieve", 1000, HOUR, "GET /products/7", "ann"],
  ["upload", 50, DAY, "POST /uploads", "ann"],
  ["export", 10, DAY, "GET /export", "ann"],
  ["report_generate", 20, DAY, "POST /reports", "ann"],
];

let clients = 0;

/** Sends requests from a client of its own. */
function visitor(target: string, user: string | null) {
  const [method, path] = target.split(" ");
  const headers = { "x-api-key": "k-1", ...(user === null ? {} : { "x-session": user }) };
  const peer = { remoteAddr: { transport: "tcp", hostname: `198.51.100.${++clients}`, port: 1 } };
  const handler = presets.fetch as (request: Request, peer: unknown) => Promise<Response>;
  return () => handler(new Request(`https://api.example${path}`, { method, headers }), peer);
}

/** Which rules refuse, in the body of a refusal. */
async function refusing(response: Response): Promise<readonly string[]> {
  assertEquals(response.status, 429);
  return (await response.json())["violated-policies"];
}

describe("the table of presets", () => {
  after(restoreDate);

  for (const [rule, limit, windowMs, target, user] of ROWS) {
    it(`${rule}: ${target} passes ${limit} times in ${windowMs / SECOND} s`, async () => {
      now.ms += DAY; // The quotas of the rows before are whole again.
      const send = visitor(target, user);
      const begun = now.ms;
      // Sixty in a minute, as the rule against bursts wants it of all but staff.
      const catchBreath = (passed: number) => {
        if (passed % 60 === 0 && user !== "root") now.ms += MINUTE;
      };
      for (let passed = 0; passed < limit; passed++) {
        if (passed > 0) catchBreath(passed);
        assertEquals((await send()).status, 200, `request ${passed + 1}`);
      }
      if (rule !== "burst") catchBreath(limit);
      const refused = await send();
      const waitMs = Number(refused.headers.get("retry-after")) * SECOND;
      assertEquals(now.ms + waitMs, begun + windowMs);
      const policies = await refusing(refused);
      assert(policies.includes(rule), `${policies} refused`);
      now.ms += waitMs;
      assertEquals((await send()).status, 200);
    });
  }

  it("login: POST /auth/login passes 5 times, and once more per 3 min", async () => {
    now.ms += DAY;
    const send = visitor("POST /auth/login", null);
    for (let passed = 0; passed < 5; passed++) assertEquals((await send()).status, 200);
    const refused = await send();
    assertEquals(refused.headers.get("retry-after"), "180");
    assertEquals(await refusing(refused), ["login"]);
    now.ms += 3 * MINUTE;
    assertEquals([(await send()).status, (await send()).status], [200, 429]);
  });

  it("sustained: GET / passes 1000 times in a day, a hundred per hour", async () => {
    now.ms += DAY;
    const send = visitor("GET /", null);
    const begun = now.ms;
    for (let hour = 0; hour < 10; hour++) {
      for (let passed = 0; passed < 100; passed++) {
        if (passed === 50) now.ms += MINUTE;
        assertEquals((await send()).status, 200);
      }
      now.ms += HOUR;
    }
    const refused = await send();
    assertEquals(now.ms + Number(refused.headers.get("retry-after")) * SECOND, begun + DAY);
    assertEquals(await refusing(refused), ["sustained"]);
  });

  it("spares staff, as often as they ask", async () => {
    const send = visitor("POST /payments", "root");
    for (let i = 0; i < 70; i++) assertEquals((await send()).status, 200);
  });
});
