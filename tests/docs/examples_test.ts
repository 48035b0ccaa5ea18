import { assert, assertEquals, assertMatch } from "@std/assert";
import { readdirSync, readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { startBridge } from "../harness/bridge.ts";
import { burst, get, statuses } from "../harness/http.ts";
import { lanes } from "../harness/lanes.ts";
import { type Program, startProgram } from "../harness/program.ts";
import { startRedis, withoutRedis } from "../harness/redis.ts";
import { runtime } from "../harness/runtime.ts";
import { until } from "../harness/until.ts";
import { WebSocket } from "ws";

/** A request to an example, and what so many of them are answered with. */
interface Trial {
  readonly path?: string;
  readonly init?: RequestInit;
  readonly statuses: Readonly<Record<number, number>>;
  /** The text of the first answer. */
  readonly text?: RegExp;
}

const SIXTY = { 200: 60, 429: 1 };
const POST = { method: "POST" };
const from = (header: string) => ({ headers: { [header]: "203.0.113.9" } });

/** A call of a tool, in the protocol of MCP. */
const TOOL_CALL = {
  headers: { "content-type": "application/json", "accept": "application/json, text/event-stream" },
  body: JSON.stringify({
    ...{ jsonrpc: "2.0", id: 1, method: "tools/call" },
    params: { name: "search", arguments: { query: "weirs" } },
  }),
};

/** Every example: what is asked of it, and what comes back. */
const trials: Readonly<Record<string, Trial>> = {
  api_keys: { statuses: { 200: 10, 429: 1 } },
  block: { statuses: { 200: 10, 429: 6 } },
  bun: { statuses: SIXTY, text: /^hello/ },
  bun_routes: { path: "/login", init: POST, statuses: { 200: 5, 429: 1 }, text: /^welcome/ },
  concurrency: { path: "/export?rows=2", statuses: { 200: 2 }, text: /^1\n2\n$/ },
  dashboard: {
    path: "/admin/throttle",
    init: { headers: { authorization: `Basic ${btoa("ops:change-me")}` } },
    statuses: { 200: 2 },
    text: /<h1>Overview<\/h1>/,
  },
  deno: { statuses: SIXTY, text: /^hello/ },
  hono: { path: "/login", init: POST, statuses: { 401: 5, 429: 1 } },
  jwt: { path: "/notes", statuses: { 401: 2 } },
  limits_page: { path: "/limits", statuses: { 200: 2 }, text: /^\{"limits":\[\{"rule":"search","limit":10,/ },
  login_brute_force: { path: "/login", init: POST, statuses: { 401: 1 } },
  // Driven by tests/frameworks/mcp_test.ts too, with the protocol's own client.
  mcp_server: { init: { ...POST, ...TOOL_CALL }, statuses: { 200: 6 }, text: /"text":"No weirs\."/ },
  monthly_plan: { init: { headers: { "x-api-key": "key-of-ann" } }, statuses: { 200: 20, 429: 1 } },
  node: { statuses: SIXTY, text: /^hello/ },
  llm_proxy: {
    init: { ...POST, body: "once upon a time" },
    statuses: { 200: 1 },
    text: /^data: \{"choices":\[\{"delta":\{"content":"once "\}\}\][^]+data: \[DONE\]\n\n$/,
  },
  otel: { statuses: SIXTY, text: /^hello/ },
  paced_client: { statuses: { 200: 1 }, text: /^(?:200 ){9}200\nitem 0\n/ },
  presets: { path: "/auth/login", init: POST, statuses: { 200: 5, 429: 1 } },
  proxy: { init: from("x-forwarded-for"), statuses: SIXTY, text: /^you are 203\.0\.113\.9/ },
  several_rules: { path: "/search/all?deep=1", statuses: { 200: 1, 429: 1 } },
  shadow: { statuses: { 200: 25, 429: 5 } },
  srvx: { statuses: SIXTY, text: /^hello/ },
  tiers: { statuses: { 200: 20, 429: 1 } },
  tokens: { init: { ...POST, body: "once upon a time" }, statuses: { 200: 1 }, text: /^once upon a time $/ },
  websocket_room: { statuses: { 200: 3 }, text: /^This is a room/ },
};

/** The examples whose counts are in Redis: a request to them, which lowers what is left by one. */
const shared: Readonly<Record<string, Omit<Trial, "statuses">>> = {
  aws_lambda: { text: /^hello/ },
  cloudflare_worker: { text: /^hello/ },
  netlify_edge: { text: /^hello, 127\.0\.0\.1/ },
  vercel_edge: { text: /^hello/ },
};

/** The examples of frameworks, driven by tests/frameworks/frameworks_test.ts and, where the framework is not installed here, by `npm run test:frameworks`. */
const frameworks: readonly string[] = [
  ...["elysia", "express", "fastify", "h3", "trpc", "yoga"],
  ...["astro_middleware", "next_proxy", "next_route", "react_router", "sveltekit_hooks", "tanstack_start"],
];

const names = readdirSync("examples").filter((file) => file.endsWith(".ts")).map((file) => file.slice(0, -3));
const source = (name: string) => readFileSync(`examples/${name}.ts`, "utf8");

/** The command in an example's first line. */
function commandOf(name: string): string {
  const [, command] = /^\/\*\* `([^`]+)`: [^\n]+\. \*\/\n/.exec(source(name)) ?? [];
  assert(command?.endsWith(` examples/${name}.ts`), `examples/${name}.ts has no command in its first line`);
  return command;
}

/** How this runtime runs an example: by its own command, or, as `deno serve` takes what any server takes, by the same for Bun and Node. */
function commandHere(name: string): string | null {
  const command = commandOf(name);
  if (command.startsWith(`${runtime} `)) {
    return command.replace("deno serve", "deno serve --host=127.0.0.1 --port=0");
  }
  const same = { deno: null, bun: "bun", node: "node scripts/platform.mjs node" }[runtime];
  return command.startsWith("deno serve ") && same !== null ? `${same} examples/${name}.ts` : null;
}

describe("the examples", () => {
  it("are at most 40 lines each, begin with the command that runs them, and are tried below", () => {
    for (const name of names) {
      assert(source(name).split("\n").length <= 41, `examples/${name}.ts has more than 40 lines`);
      commandOf(name);
      assert(
        name in trials || name in shared || frameworks.includes(name),
        `examples/${name}.ts is tried by no test`,
      );
    }
    assertEquals(names.length, Object.keys({ ...trials, ...shared }).length + frameworks.length);
  });

  it("of frameworks are driven, here or by npm run test:frameworks", () => {
    const drivers = ["tests/frameworks/frameworks_test.ts", "scripts/frameworks.mjs"].map((file) =>
      readFileSync(file, "utf8")
    );
    const driven = drivers.map((text) =>
      frameworks.filter((name) => new RegExp(`^ *${name}: `, "m").test(text))
    );
    assertEquals(driven.flat().sort(), [...frameworks].sort());
  });

  it("import what a user imports", () => {
    for (const name of names) assert(!/from "\.\.?\//.test(source(name)), `examples/${name}.ts`);
  });

  it("are all in the index, with their commands", () => {
    const index = readFileSync("examples/README.md", "utf8");
    const listed = [...index.matchAll(/^\| \[(\w+)\.ts\]\(\1\.ts\) +\| .+? \| `([^`]+)` +\|$/gm)];
    assertEquals(
      listed.map(([, name, command]) => [name, command]).sort(),
      names.map((name) => [name, commandOf(name)]).sort(),
    );
  });

  it("find the entries that they use in their tsconfig.json, as Bun and bundlers read it", () => {
    const { compilerOptions: { paths } } = JSON.parse(readFileSync("examples/tsconfig.json", "utf8"));
    const { exports } = JSON.parse(readFileSync("deno.json", "utf8"));
    const used = names.flatMap((name) => [...source(name).matchAll(/from "(@weir\/throttle[^"]*)"/g)]);
    const expected = new Set(used.map(([, entry]) => entry));
    assertEquals(Object.keys(paths).sort(), [...expected].sort());
    for (const [entry, [file]] of Object.entries<[string]>(paths)) {
      assertEquals(file, exports[entry.replace("@weir/throttle", ".")].replace(/^\./, ".."));
    }
  });
});

/** Programs wait for much until they listen. */
const inLane = lanes(3);

for (const [name, { path = "/", init, text, statuses: expected }] of Object.entries(trials)) {
  const command = names.includes(name) ? commandHere(name) : null;
  if (command === null) continue; // another runtime's
  const test = inLane(async () => {
    const program = await startProgram(command.split(" "));
    try {
      const count = Object.values(expected).reduce((sum, each) => sum + each);
      const answers = await burst(program.url + path, count, init);
      assertEquals(statuses(answers), expected, program.output());
      assertMatch(answers[0].text, text ?? /./);
    } finally {
      await program.stop();
    }
  });
  describe(`examples/${name}.ts`, () => it(`runs by \`${command}\``, test));
}

const room = commandHere("websocket_room");
if (room !== null) {
  describe("examples/websocket_room.ts, over sockets", () => {
    it("counts the messages of each address by itself", async () => {
      const program = await startProgram(room.split(" "));
      try {
        for (const localAddress of ["127.0.0.2", "127.0.0.3"]) {
          const socket = new WebSocket(program.url.replace("http", "ws"), { localAddress });
          await new Promise((opened) => socket.once("open", opened));
          const replies: string[] = [];
          socket.on("message", (data) => replies.push(String(data)));
          for (let i = 0; i < 6; i++) socket.send("hello");
          await until(() => replies.length === 6);
          assertEquals(replies.slice(0, 5), Array(5).fill("hello"));
          assertMatch(replies[5], /^Not so fast: wait \d+ s\.$/);
          socket.close();
        }
      } finally {
        await program.stop();
      }
    });
  });
}

// The platforms are the same whichever runtime starts them.
if (runtime === "node") {
  describe("examples of platforms, with counts in Redis", { skip: withoutRedis }, () => {
    const ends: (() => Promise<void>)[] = [];
    let environment: Record<string, string>;
    before(async () => {
      const redis = await startRedis();
      const bridge = await startBridge(redis);
      ends.push(() => bridge.close(), () => redis.stop());
      environment = { UPSTASH_REDIS_REST_URL: bridge.url, UPSTASH_REDIS_REST_TOKEN: bridge.token };
    });
    after(async () => {
      for (const end of ends) await end();
    });

    const inLane = lanes(2);
    for (const [name, { init, text }] of Object.entries(shared)) {
      const command = commandOf(name);
      const test = inLane(async () => {
        const program: Program = await startProgram(command.split(" "), environment);
        try {
          const first = await get(program.url, init);
          assertMatch(first.text, text!, program.output());
          // A program that is still cold may miss its store's deadline: then two answers are not of one count.
          await until(async () => {
            const left = [await get(program.url, init), await get(program.url, init)]
              .map(({ headers }) => Number(headers.get("x-ratelimit-remaining")));
            return left[0] - left[1] === 1;
          });
        } finally {
          await program.stop();
        }
      });
      it(`examples/${name}.ts runs by \`${command}\``, test);
    }
  });
}
