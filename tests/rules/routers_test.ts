import { assert, assertGreater } from "@std/assert";
import express from "express";
import fc from "fast-check";
import { createServer } from "node:http";
import { connect, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { byGlobal } from "../../src/keys/global.ts";
import { createThrottle, type Throttle } from "../../src/throttle/throttle.ts";
import { routers } from "../harness/routers.ts";

/** Parts of a path that one reader or another takes for something special. */
const PIECES = [
  ...["/", "/", "//", "\\", ".", "..", "%2e", "%2E", "%2f", "%2F", "%5c", "%", "%6", "%ff", "%25", "%252F"],
  ...[
    "%20",
    "%40",
    "%3a",
    "%C3%A9",
    "%E2%84%AA",
    "%C5%BF",
    "?x",
    ";a",
    "#",
    ".data",
    "*",
    ":id",
    "~",
    ",",
    "+",
  ],
  ...["x", "a", "7", "K", "é", "\t", "login", "LOGIN", "items", "edit", "files", "ABC", "trpc", "%6c", "%4C"],
];

type Change = (path: string, at: number, piece: string) => string;

/** Writes something else in place of what is at a place of a path. */
const replaced = (path: string, at: number, text: string) => path.slice(0, at) + text + path.slice(at + 1);
const slashFrom = (path: string, at: number) => Math.max(0, path.indexOf("/", at));

/** How somebody spells a path anew. */
const CHANGES: readonly Change[] = [
  (path, at, piece) => path.slice(0, at) + piece + path.slice(at),
  (path, at) => replaced(path, at, `%${path.charCodeAt(at).toString(16).padStart(2, "0")}`),
  (path, at) => replaced(path, at, path[at].toUpperCase()),
  (path, at) => replaced(path, at, ""),
  (path, at) => `${path.slice(0, slashFrom(path, at))}/.${path.slice(slashFrom(path, at))}`,
  (path, at) => `${path.slice(0, slashFrom(path, at))}/zz/..${path.slice(slashFrom(path, at))}`,
  (path, at) => `${path.slice(0, slashFrom(path, at))}/${path.slice(slashFrom(path, at))}`,
  (path, at) => `${path.slice(0, slashFrom(path, at))}\\${path.slice(slashFrom(path, at) + 1)}`,
  (path) => `${path}/`,
];

/** Spellings of a path, most of them near enough that some router takes one for the other. */
function spellingsOf(path: string): fc.Arbitrary<string> {
  const change = fc.tuple(fc.nat(60), fc.constantFrom(...CHANGES), fc.constantFrom(...PIECES));
  const near = fc.array(change, { maxLength: 4 }).map((changes) => {
    const spelled = changes.reduce((path, [n, change, piece]) => change(path, n % path.length, piece), path);
    return spelled.startsWith("/") ? spelled : `/${spelled}`;
  });
  const far = fc.array(fc.constantFrom(...PIECES)).map((pieces) => `/${pieces.join("")}`);
  return fc.oneof({ weight: 5, arbitrary: near }, { weight: 1, arbitrary: far });
}

/** A path that a pattern is for. */
const WRITTEN: Readonly<Record<string, string>> = {
  "/login": "/login",
  "/items/:id/edit": "/items/7/edit",
  "/files/*": "/files/a/b",
  "/codes/:code{[A-Z]+}": "/codes/ABC",
  "/years/:year{[^.%]+}": "/years/a@b",
  "/trpc/login": "/trpc/login",
};

function throttleOn(on: string): Throttle {
  return createThrottle({ name: "rule", rate: "1000000000/min", key: byGlobal(), on });
}

async function counts(throttle: Throttle, request: Request): Promise<boolean> {
  return (await throttle.check(request)).decisions.length > 0;
}

/** A Request whose server has handed over the URL as it came, as Deno.serve and workerd do: one made here is resolved. */
function unresolved(url: string): Request {
  return Object.defineProperty(new Request("http://h.example"), "url", { value: url });
}

/** A Request with this URL; null where there can be none. */
function resolved(url: string): Request | null {
  try {
    return new Request(url);
  } catch {
    return null;
  }
}

const MADE = [["resolved by the server", resolved], ["handed over as it came", unresolved]] as const;

describe("where a router runs a handler, the rule with the handler's path counts", () => {
  // React Router warns of every path that it cannot decode.
  const { warn } = console;
  before(() => void (console.warn = () => {}));
  after(() => void (console.warn = warn));

  for (const { name, routes, make } of routers) {
    for (const [pattern, route] of Object.entries(routes)) {
      for (const [how, requestTo] of MADE) {
        it(`${name}, ${pattern}, any spelling, ${how}`, async () => {
          const runs = make(route);
          const throttle = throttleOn(pattern);
          let ran = 0;
          await fc.assert(
            fc.asyncProperty(spellingsOf(WRITTEN[pattern]), async (path) => {
              const request = requestTo(`http://h.example${path}`);
              if (request === null || !await runs(request)) return;
              ran++;
              assert(await counts(throttle, request), path);
            }),
            { numRuns: 400 },
          );
          assertGreater(ran, 20);
        });
      }
    }
  }
});

/** Sends request lines over one connection and tells the body of each answer. */
class Line {
  #text = "";
  #wake = (): void => {};
  readonly #socket: Socket;

  constructor(port: number) {
    this.#socket = connect(port, "127.0.0.1");
    this.#socket.setEncoding("latin1").on("data", (text: string) => {
      this.#text += text;
      this.#wake();
    });
    this.#socket.on("close", () => this.#wake());
  }

  async send(path: string): Promise<string> {
    this.#socket.write(`GET ${path} HTTP/1.1\r\nHost: h.example\r\n\r\n`, "latin1");
    for (;;) {
      const [all, length] = /^[^]*?content-length: (\d+)[^]*?\r\n\r\n/i.exec(this.#text) ?? [];
      if (all !== undefined && this.#text.length >= all.length + Number(length)) {
        const body = this.#text.slice(all.length, all.length + Number(length));
        this.#text = this.#text.slice(all.length + Number(length));
        return body;
      }
      if (this.#socket.destroyed) throw new Error(`The server has closed the connection at ${path}`);
      await new Promise<void>((woken) => this.#wake = woken);
    }
  }

  end(): void {
    this.#socket.destroy();
  }
}

describe("where Express runs a handler, the rule with the handler's path counts", () => {
  for (
    const [pattern, route] of [["/login", "/login"], ["/items/:id/edit", "/items/:id/edit"], [
      "/files/*",
      "/files/*rest",
    ]]
  ) {
    it(`${pattern}, any spelling, over HTTP`, async () => {
      const throttle = throttleOn(pattern);
      const app = express().set("env", "test"); // silent about paths that it cannot decode
      app.use(async (req, res, next) => {
        const { decisions } = await throttle.check(new Request(new URL(req.originalUrl, "http://h.example")));
        res.locals.counted = decisions.length > 0;
        next();
      });
      app.get(route, (_req, res) => void res.send(res.locals.counted ? "counted" : "not counted"));
      app.use((_req, res) => void res.send("no handler"));
      const server = createServer(app);
      await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
      const line = new Line((server.address() as { port: number }).port);
      try {
        // A spelling is one that a request line can hold. Express looks at the path that was sent, the rule at that of the
        // Request made of it: of a text both find the same, of what a parameter may be only where nothing is resolved.
        const sendable = spellingsOf(WRITTEN[pattern]).filter((path) =>
          !/[^\x21-\x7e]/.test(path) &&
          (pattern === "/login" || !/\\|\/(?:\.|%2e){1,2}(?![^/?#])/i.test(path))
        );
        let ran = 0;
        await fc.assert(
          fc.asyncProperty(
            fc.oneof(sendable, sendable.map((path) => `http://h.example${path}`)),
            async (path) => {
              const answer = await line.send(path);
              if (answer === "counted") ran++;
              assert(answer !== "not counted", path);
            },
          ),
          { numRuns: 400 },
        );
        assertGreater(ran, 20);
      } finally {
        line.end();
        server.closeAllConnections();
        await new Promise((closed) => server.close(closed));
      }
    });
  }
});
