/**
 * The longest paths that servers accept, in spellings that need the slow reading: the most expensive requests
 * of a client.
 */
import { median } from "../timing.mjs";

export const title = "A path of 15 KB: what a client can make a request cost";
export const metrics = { us: "us per request" };
export const runtimes = ["node", "bun", "deno"];

const LENGTH = 15_000;
const HOST = "http://www.example.com";

/** A path with a given start and end, filled with repetitions of one piece. */
function path(start, piece, end = "") {
  const room = LENGTH - start.length - end.length;
  return start + piece.repeat(Math.ceil(room / piece.length)).slice(0, room) +
    end;
}

/** The baseline path, and the paths to compare with it. */
export const PLAIN = "plain";
const PATHS = {
  [PLAIN]: path("/items/", "abcdefgh"),
  "plain segments": path("/", "abcdefgh/"),
  "capital letters": path("/items/", "ABCDEFGH"),
  "a percent sign at the end": path("/items/", "abcdefgh", "%"),
  "percent signs": path("/", "%"),
  "encoded letters": path("/items/", "%6c"),
  "encoded letters among others": path("/items/", "ab%6C"),
  "bytes that are no UTF-8": path("/items/", "%ff"),
  "such bytes, one at a time": path("/items/", "%ffa"),
  "foreign letters": path("/items/", "%D0%90"),
  "reserved characters": path("/items/", "%40a"),
  "dot segments": path("/", "./"),
  "dot segments that go up": path("/", "x/../"),
  "dot segments, encoded": path("/", "%2e/"),
  "a dot segment and much else": path("/./items/", "%6c%40"),
  "slashes": path("/", "/"),
  "slashes, doubled": path("/", "a//"),
  "slashes, encoded": path("/", "a%2F"),
  "backslashes": path("/", "a\\"),
  "everything, at the end": path("/items/", "abcdefgh", "/./a%2Fb//%ff\\.."),
  "everything": path("/./", "%2f%40A//%c3%a9"),
};

export const contestants = Object.keys(PATHS).map((id) => ({ id }));

/** The number of calls per batch; a request of the worst kind took 28 ms once. */
const BATCH = 10;

export async function measure(id, { quick }) {
  const { onPaths } = await import("../contestants/weir.mjs");
  const response = new Response("hello");
  const handler = onPaths(() => response);
  let n = 0;
  // A Request resolves its URL; a server may pass the client's text. Each URL is a string of its own.
  const prepare = () => {
    const text = new TextDecoder().decode(
      new TextEncoder().encode(`${HOST}${PATHS[id]}?n=${n++}`),
    );
    return Object.defineProperty(new Request(HOST, { method: "POST" }), "url", {
      value: text,
    });
  };
  const times = [];
  const [warmUp, count] = quick ? [40, 60] : [100, 300];
  for (let batch = -warmUp; batch < count; batch++) {
    const requests = Array.from({ length: BATCH }, prepare);
    const start = performance.now();
    for (const request of requests) await handler(request);
    if (batch >= 0) times.push(performance.now() - start);
  }
  return { us: median(times) * 1000 / BATCH };
}
