import { assert, assertEquals } from "@std/assert";
import { Session } from "node:inspector";
import { describe, it } from "node:test";
import { withThrottle } from "../../mod.ts";

const isNode = !("Deno" in globalThis || "Bun" in globalThis);
const MAX_FUNCTIONS = 45;
const MAX_FILES = 20;

interface Coverage {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly {
      readonly functionName: string;
      readonly ranges: readonly { readonly count: number }[];
    }[];
  }[];
}

/** The functions of this package that run in `run`, by file: V8's precise coverage, which counts each of them once. */
async function functionsRunIn(run: () => unknown): Promise<ReadonlyMap<string, readonly string[]>> {
  const session = new Session();
  session.connect();
  const post = (method: string, parameters: object = {}): Promise<Coverage> =>
    new Promise((resolve, reject) =>
      session.post(method, parameters, (error, value) => error ? reject(error) : resolve(value as Coverage))
    );
  await post("Profiler.enable");
  await post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
  await post("Profiler.takePreciseCoverage");
  run();
  const { result } = await post("Profiler.takePreciseCoverage");
  session.disconnect();
  const root = new URL("../../src/", import.meta.url).href;
  const files = result.filter(({ url }) => url.startsWith(root)).map(({ url, functions }) =>
    [
      url.slice(root.length),
      functions.filter(({ ranges }) => ranges[0].count > 0).map(({ functionName }) => functionName),
    ] as const
  );
  return new Map(files.filter(([, functions]) => functions.length > 0));
}

describe("the path of an allowed request under one rule", { skip: !isNode }, () => {
  it(`runs at most ${MAX_FUNCTIONS} functions in at most ${MAX_FILES} files`, async () => {
    const handler = withThrottle((_request: Request, _peer: unknown) => new Response("hello"), ["60/min"]);
    const peer = { remoteAddr: { transport: "tcp", hostname: "192.0.2.1", port: 1 } };
    const request = () => new Request("https://example.com/");
    // The first request of a client does what the others need not do again.
    await handler(request(), peer);
    const next = request();
    let response: Response | Promise<Response> | undefined;
    const files = await functionsRunIn(() => response = handler(next, peer));
    assertEquals((await response)?.headers.get("x-ratelimit-remaining"), "58");
    const shown = [...files].map(([file, functions]) => `${file}: ${functions.join(", ")}`).join("\n");
    const count = [...files.values()].flat().length;
    // A build that is measured wrongly shows nothing.
    assert(count > 10 && count <= MAX_FUNCTIONS, `${count} functions:\n${shown}`);
    assert(files.size <= MAX_FILES, `${files.size} files:\n${shown}`);
  });
});
