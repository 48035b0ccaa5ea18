/** A request through a throttled handler, in process. */
import { freshAddress, seeded } from "../keys.mjs";
import { platformOf } from "../runtime.mjs";
import { timed } from "../timing.mjs";

export const title = "A request in process: what throttling adds to the bare handler";
export const metrics = { ns: "ns per request" };
export const runtimes = ["node", "bun", "deno"];

const HOUR = 3_600_000;
const HOURLY = { name: "hourly", limit: 10_000, windowMs: HOUR };
const THREE = [
  { name: "burst", limit: 5_000, windowMs: HOUR / 4 },
  HOURLY,
  { name: "daily", limit: 50_000, windowMs: 24 * HOUR },
];
const SCENES = {
  "1 rule": { rules: [HOURLY] },
  "3 rules": { rules: THREE },
  "denied": { rules: [{ ...HOURLY, limit: 1 }], status: 429 },
  "1 rule and its trial": { rules: [{ ...HOURLY, trial: HOURLY.limit / 2 }] },
};
const CLIENTS = 1000;

/**
 * Every contestant of a scene: its name, its file, and its rate headers. Compared contestants follow each
 * other, as the machine's speed varies over minutes.
 */
const LINEUP = {
  "1 rule": [
    ["by hand", "floor", 2],
    ["Weir", "weir", 2],
    ["by hand, nothing awaited", "floor_now", 3],
    ["by hand, looking first", "floor_looking", 3],
    ["one function", "fused", 3],
    ["by hand", "floor", 3],
    ["Weir", "weir", 3],
    ["Weir", "weir", 3, "1 rule and its trial"],
    ["rate-limiter-flexible", "rate_limiter_flexible", 3],
    ["express-rate-limit", "express_rate_limit", 3],
    ["hitlimit", "hitlimit", 3],
    ["hono-rate-limiter", "hono_rate_limiter", 4],
    ["elysia-rate-limit", "elysia_rate_limit", 3],
    ["Hono alone", "hono", 0],
  ],
  "3 rules": [
    ["by hand", "floor", 2],
    ["Weir", "weir", 2],
    ["by hand, nothing awaited", "floor_now", 3],
    ["by hand, looking first", "floor_looking", 3],
    ["one function", "fused", 3],
    ["by hand", "floor", 3],
    ["Weir", "weir", 3],
    ["rate-limiter-flexible", "rate_limiter_flexible", 3],
    ["express-rate-limit", "express_rate_limit", 3],
    ["hitlimit", "hitlimit", 3],
    ["hono-rate-limiter", "hono_rate_limiter", 4],
  ],
  "denied": [
    ["by hand", "floor", 4],
    ["one function", "fused", 4],
    ["Weir", "weir", 4],
    ["rate-limiter-flexible", "rate_limiter_flexible", 4],
    ["express-rate-limit", "express_rate_limit", 4],
    ["hitlimit", "hitlimit", 4],
    ["hono-rate-limiter", "hono_rate_limiter", 1],
  ],
};

export const contestants = [
  { id: "bare", name: "bare handler", file: null, scene: "1 rule", headers: 0 },
  ...Object.entries(LINEUP).flatMap(([scene, lineup]) =>
    lineup.map(([name, file, headers, other = scene]) => ({
      id: `${other}: ${name}, ${headers} headers`,
      name,
      file,
      scene: other,
      headers,
    }))
  ),
];

/** The reported metric: the cost above the bare handler's. */
export const over = "bare";

/**
 * The response to the current request. It is made ahead, since on Node making one takes longer than the
 * measured code.
 */
let response;
const handler = () => response;

export async function measure(id, { quick }) {
  const { file, scene, headers } = contestants.find((contestant) => contestant.id === id);
  const { rules, status = 200 } = SCENES[scene];
  const wrapped = file === null ? handler : (await import(`../contestants/${file}.mjs`)).wrap(handler, {
    rules,
    headers: headers === 2 ? 2 : 3,
  });
  const random = seeded(7);
  const prepare = (client = Math.floor(random() * CLIENTS)) => ({
    request: new Request("http://localhost/items/1"),
    platform: platformOf(freshAddress(client)),
    response: new Response("hello"),
  });
  const call = (prepared) => {
    response = prepared.response;
    return wrapped(prepared.request, prepared.platform);
  };
  for (let client = 0; client < CLIENTS; client++) await call(prepare(client));
  const answer = await call(prepare());
  if (answer.status !== status) {
    throw new Error(`${id} answers ${answer.status}`);
  }
  return { ns: await timed(() => prepare(), call, quick ? 300 : 1200) };
}
