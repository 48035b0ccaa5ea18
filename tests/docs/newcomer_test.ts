import { assert, assertEquals, assertGreaterOrEqual, assertLessOrEqual } from "@std/assert";
import { readFileSync } from "node:fs";
import { after, before, it } from "node:test";
import { type Consumer, npmConsumer, npmPackage } from "../harness/consumer.ts";
import { type Answer, get } from "../harness/http.ts";
import { startProgram } from "../harness/program.ts";
import { describeOnNode } from "../harness/runtime.ts";

const readme = readFileSync("README.md", "utf8");

/** The blocks of a language in README, from the top. */
const blocks = (language: string): string[] =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, "gms"))].map(([, text]) => text);

/** README's commands for the first block: "deno serve server.ts", ... */
const commands = [...readme.matchAll(/`([^`\n]+ server\.m?ts|[^`\n]+ server\.mjs)`/g)].map(([, command]) =>
  command
);

/** A response as README draws it. */
interface Drawn {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
}

/** The two responses side by side in README, and the body of the second. */
function drawn(): { allowed: Drawn; refused: Drawn; body: unknown } {
  const [picture] = blocks("http");
  const [heads, body] = picture.split("\n\n");
  const lines = heads.split("\n");
  const column = lines[0].lastIndexOf("HTTP/1.1");
  const read = ([start, ...rest]: string[]): Drawn => ({
    status: Number(start.split(" ")[1]),
    headers: new Map(
      rest.filter((line) => line.includes(": ")).map((line) => {
        const [, name, value] = /^([^:]+): (.+)$/.exec(line)!;
        return [name.toLowerCase(), value];
      }),
    ),
  });
  return {
    allowed: read(lines.map((line) => line.slice(0, column).trim())),
    refused: read(lines.map((line) => line.slice(column).trim())),
    body: JSON.parse(body),
  };
}

/** Seconds on a machine that may be busy: as drawn, or a little of it has passed. */
const PASSING = new Set(["x-ratelimit-reset", "retry-after"]);

/** The answers of a throttle to clients; README is to leave out none of them. */
const OURS = /^(?:x-ratelimit-|ratelimit|retry-after$|cache-control$)/;

function assertAsDrawn({ status, headers }: Answer, expected: Drawn): void {
  assertEquals(status, expected.status);
  for (const [name, value] of expected.headers) {
    if (!PASSING.has(name)) assertEquals(headers.get(name), value, name);
    else {
      assertLessOrEqual(Number(headers.get(name)), Number(value), name);
      assertGreaterOrEqual(Number(headers.get(name)), Number(value) - 20, name);
    }
  }
  const sent = [...headers.keys()].filter((name) => OURS.test(name));
  assertEquals(sent.filter((name) => !expected.headers.has(name)), []);
}

// Each runtime is started here, whichever it is that asks.
describeOnNode("a newcomer who follows README", () => {
  let consumer: Consumer;
  before(async () => {
    consumer = await npmConsumer(["srvx"]);
    for (const file of ["server.ts", "server.mjs"]) consumer.write(file, blocks("ts")[0]);
  });
  after(() => consumer.remove());

  it("finds a command for Deno, Bun and Node", () => {
    assertEquals(commands.map((command) => command.split(" ")[0]), ["deno", "bun", "npx"]);
  });

  it("runs this project by commands that it has", () => {
    const words = [...blocks("sh").join("\n").matchAll(/\bnpm (?:run )?(\w+)/g)].map(([, word]) => word);
    assertEquals(new Set(words), new Set(["ci", "start", "test"]));
    for (const word of words) assert(word === "ci" || word in npmPackage.scripts, word);
  });

  for (const command of commands) {
    it(`gets what README shows by \`${command}\``, async () => {
      // npx only finds the program, and would leave it running when it is ended itself.
      const words = command.replace("deno serve", "deno serve --port=0").replace("npx ", "").split(" ");
      const program = await startProgram(words, {}, consumer.folder);
      const { allowed, refused, body } = drawn();
      try {
        const first = await get(program.url);
        assertAsDrawn(first, allowed);
        assertEquals(first.text, "hello");
        for (let login = 1; login <= 5; login++) {
          const { status, text, headers } = await get(`${program.url}/login`, { method: "POST" });
          assertEquals([status, text], [200, "hello"], `login ${login}`);
          assertEquals(headers.get("x-ratelimit-remaining"), `${5 - login}`);
        }
        const sixth = await get(`${program.url}/login`, { method: "POST" });
        assertAsDrawn(sixth, refused);
        assertEquals(JSON.parse(sixth.text), body);
      } finally {
        await program.stop();
      }
    });
  }
});
