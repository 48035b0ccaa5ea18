import { assert, assertEquals } from "@std/assert";
import { connect } from "node:net";
import process from "node:process";
import { after, before, it } from "node:test";
import { type Program, startProgram } from "../harness/program.ts";
import { describeOnNode } from "../harness/runtime.ts";
import type { PathReport } from "../platforms/path_report.ts";

/** The text that somebody writes into a request line in place of a path, and into Host where that matters. */
interface Spelling {
  readonly target: string;
  readonly host?: string;
}

/** How a path can be spelled; the last is for Elysia, which takes no host to be so short. Written by hand: whatever makes a Request, or sends one, resolves its path first. */
function spellingsOf(path: string): readonly Spelling[] {
  const rest = path.slice(1);
  const encoded = rest.replace("l", "%6C");
  return [
    ...[
      path,
      `${path}/`,
      path.toUpperCase(),
      `/${path}`,
      `${path}//`,
      `//${path}`,
      `/.${path}`,
      `/%2e${path}`,
    ],
    ...[`/x/..${path}`, `/x/%2E%2e${path}`, `/x/.%2e${path}`, `/..${path}`, `${path}/.`, `${path}/x/..`],
    ...[
      `\\${rest}`,
      `/x\\..\\${rest}`,
      `/.\\${rest}`,
      `/${encoded}`,
      `/${encoded}/`,
      `/./${encoded.toUpperCase()}`,
    ],
    ...[
      `${path}?x=/y`,
      `${path}#x`,
      `${path}/#/x`,
      `${path};x=1`,
      `${path}%2F`,
      `/%2F${rest}`,
      `/x%2F..%2F${rest}`,
    ],
    ...[`${path}%20`, `${path}%00`, `/%zz/..${path}`, `/%ff/..${path}`, `/%256Cogin`, rest, "*", "/"],
    ...[`http://other${path}`, `http://other/.${path}`, `http://other?${path}`, `http://u@other${path}`],
    ...[`${path}\t`, `/\u00e9/..${path}`, `/files/../${rest}`, `/files/./${rest}`, `/%66iles/..${path}`],
  ].map((target): Spelling => ({ target })).concat(
    ["x?", "x#", "x\\", "x/y", "x/..", "x@y", "x/login?", "x:80:80", "x y", ""].map((host) => ({
      target: path,
      host,
    })),
    { target: `/xx${path}`, host: "x" },
    // Bun hands over a path without an origin where it refuses the Host: Hono looks for its start behind a colon.
    ...[`/:/xx${path}`, `/x/..${path}`, `${path}?x://y/z`].map((target) => ({ target, host: "x y" })),
  );
}

/** Sends a request line as it is written; the answer, or null where the server gives none of the handler's. */
function ask(
  url: string,
  { target, host = "h.example" }: Spelling,
  method = "GET",
): Promise<PathReport | null> {
  return new Promise((answered, failed) => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    let text = "";
    socket.setTimeout(20_000, () => socket.destroy());
    socket.setEncoding("utf8").on("data", (piece: string) => text += piece).on("error", failed);
    socket.on("close", () => {
      const [, json] = /^HTTP\/1\.1 200 [^]*?\r\n\r\n[^{]*(\{[^]*\})/.exec(text) ?? [];
      answered(json === undefined ? null : JSON.parse(json));
    });
    socket.write(
      `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
      "latin1",
    );
  });
}

/** A cell of the table: "+" runs a handler and counts, "!" runs one and does not, "." runs none, "?" cannot be used. */
function cellOf(report: PathReport, router: string): string {
  const ran = report.ran[router];
  if (ran === null || ran === undefined) return ".";
  if (!ran.startsWith("/")) return "?";
  return report.counted.includes(ran) ? "+" : "!";
}

/** The table of a server: its lines, the cells in which a handler runs that no rule counts, and which routers ran any. */
async function tableOf(url: string) {
  const rows: string[] = [];
  const holes: string[] = [];
  const runs = new Map<string, boolean>();
  const spellings = spellingsOf("/login");
  const nested = spellingsOf("/trpc/login");
  for (const [i, spelling] of spellings.entries()) {
    const host = spelling.host === undefined ? "" : `, Host: ${spelling.host}`;
    const name = `${JSON.stringify(spelling.target)}${host}`.padEnd(WIDTH);
    const [report, below] = await Promise.all([ask(url, spelling), ask(url, nested[i])]);
    if (report === null) {
      rows.push(`${name} not handed over`);
      continue;
    }
    const cells = Object.keys(report.ran).map((router) => {
      // tRPC's procedures are below its endpoint.
      const both = [report, ...below === null ? [] : [below]].map((report) => cellOf(report, router));
      if (both.includes("!")) holes.push(`${name.trim()}: ${router}`);
      runs.set(router, runs.get(router) === true || both.includes("+"));
      return both.find((cell) => cell !== ".") ?? ".";
    });
    rows.push(`${name} ${cells.join("  ")}  ${report.url}`);
  }
  const heads = [...runs.keys()].map((router, i) => `${" ".repeat(WIDTH + 1)}${"|  ".repeat(i)}${router}`);
  return { lines: [...heads, ...rows], holes, runs };
}

const WIDTH = 28;

/** Bun's own routes look at the path that was sent, and hand over another: no rule with a path can know of it. */
const HOLES: Readonly<Record<string, readonly string[]>> = {
  "Bun.serve with routes": [`"/files/../login": Bun's routes`],
};

const SERVERS: readonly (readonly [name: string, command: string])[] = [
  ["Deno.serve", "deno run -A tests/platforms/entries/paths_deno.ts"],
  ["Bun.serve", "bun tests/platforms/entries/paths_bun.ts"],
  ["Bun.serve with routes", "bun tests/platforms/entries/paths_bun_routes.ts"],
  ["@hono/node-server", "node scripts/platform.mjs node tests/platforms/entries/paths_node.ts"],
  ["srvx on Node", "node scripts/platform.mjs node tests/platforms/entries/paths_srvx.ts"],
  ["workerd", "node scripts/platform.mjs workerd tests/platforms/entries/paths_workerd.ts"],
];

for (const [name, command] of SERVERS) {
  describeOnNode(`paths on ${name}, over a raw socket`, () => {
    let program: Program | null = null;
    before(async () => {
      try {
        program = await startProgram(command.split(" "));
      } catch (error) {
        if (process.env.CI) throw error;
        console.error(`\nNOT TRIED: ${name} cannot be started here, so no path is tried on it.\n${error}\n`);
      }
    });
    after(() => program?.stop());

    it("where a router runs a handler, the rule with the handler's path counts", async (t) => {
      if (program === null) return t.skip(`${name} cannot be started here`);
      const { lines, holes, runs } = await tableOf(program.url);
      t.diagnostic(
        `${name}: + runs a handler and counts, . runs none, ? cannot be used\n${lines.join("\n")}`,
      );
      assertEquals(holes, HOLES[name] ?? []);
      const unusable = name === "workerd" ? ["Elysia"] : [];
      assertEquals([...runs].filter(([, did]) => !did).map(([router]) => router), unusable);
    });

    it("a method in small letters is no other method", async (t) => {
      if (program === null) return t.skip(`${name} cannot be started here`);
      for (const method of ["post", "Patch", "pOST"]) {
        const report = await ask(program.url, { target: "/login" }, method);
        assert(report === null || report.counted.includes("/login"));
      }
    });
  });
}
