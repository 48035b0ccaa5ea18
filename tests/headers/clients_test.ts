/**
 * How clients from npm behave when they are refused, by the headers that tell them so: the matrix of docs/headers.md, over real
 * connections. A new version that reads otherwise is seen here. All cells run at once, each with a quota of its own.
 */
import { assert, assertEquals, assertGreaterOrEqual, assertStringIncludes } from "@std/assert";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import {
  byHeader,
  createThrottle,
  errorJson,
  type HeaderFormat,
  openAiJson,
  rateLimit,
  type Rejection,
  retryAfter,
  type Throttle,
  xRateLimit,
} from "../../mod.ts";
import { type Ask, httpClients, versionOf } from "../harness/http_clients.ts";
import { inTime, LATE_MS } from "../harness/in_time.ts";
import { runtime } from "../harness/runtime.ts";
import { type Handler, serve, type Served } from "../harness/serve.ts";
import { watchTimers } from "../harness/timers.ts";

/** Sets of headers. */
const SETS: Readonly<Record<string, readonly HeaderFormat[]>> = {
  "X-RateLimit, Retry-After": [xRateLimit(), retryAfter()],
  "X-RateLimit": [xRateLimit()],
  "X-RateLimit in Unix time": [xRateLimit({ reset: "epoch" })],
  "X-RateLimit in Unix time, Retry-After": [xRateLimit({ reset: "epoch" }), retryAfter()],
  "Retry-After": [retryAfter()],
  "draft 11": [rateLimit()],
  "draft 6": [rateLimit({ draft: 6 })],
  "draft 11 and next, Retry-After": [rateLimit({ draft: [11, "next"] }), retryAfter()],
  "X-RateLimit, Retry-After in ms": [xRateLimit(), retryAfter({ ms: true })],
};

/**
 * "asked": tries once more, when it was asked to. "own": tries by its own clock, and gets through. "early": tries before it may,
 * and gives up. "once": never tries again.
 */
type Way = "asked" | "own" | "early" | "once";

/** The way of each client, set by set in the order above. */
const MATRIX: Readonly<Record<string, readonly Way[]>> = {
  "ky": ["asked", "asked", "asked", "asked", "asked", "early", "asked", "asked", "asked"],
  "got": ["asked", "own", "own", "asked", "asked", "own", "own", "asked", "asked"],
  "axios-retry": ["asked", "early", "early", "asked", "asked", "early", "early", "asked", "asked"],
  "undici": ["asked", "own", "own", "asked", "asked", "own", "own", "asked", "asked"],
  // It takes seconds from now for Unix time, which is long past.
  "octokit, plugin-throttling": ["early", "early", "asked", "asked", "once", "once", "once", "once", "early"],
  "octokit, plugin-retry": ["own", "own", "own", "own", "own", "own", "own", "own", "own"],
  "openai": ["asked", "early", "early", "asked", "asked", "early", "early", "asked", "asked"],
  "anthropic": ["asked", "early", "early", "asked", "asked", "early", "early", "asked", "asked"],
  "p-retry with a sleep by Retry-After": [
    ...["asked", "early", "early", "asked", "asked", "early", "early", "asked", "asked"] as const,
  ],
};

/** The outcome of one client's patience. */
interface Outcome {
  /** When the server saw its requests, ms. */
  readonly at: readonly number[];
  /** The refusals' headers. */
  readonly refusals: readonly Headers[];
  /** The error that it threw when it gave up; null where it got through. */
  readonly error: Error | null;
}

/** The errors of SDKs. */
type Refused = Error & { readonly status: number };

const loaded = new Map<string, Ask>();
const unusable = new Map<string, string>();
for (const { name, load } of httpClients) {
  try {
    loaded.set(name, await load());
  } catch (error) {
    // On Node every client must run: elsewhere some ask for what the runtime has not.
    if (runtime === "node") throw error;
    unusable.set(name, `${name} does not run on ${runtime}: ${(error as Error).message}`);
  }
}

let server: Served;
const throttles = new Map<string, Throttle>();
const seen = new Map<string, { at: number[]; refusals: Headers[] }>();

const answer: Handler = async (request, ...platform) => {
  const cell = new URL(request.url).pathname.split("/")[1];
  const { at, refusals } = seen.get(cell)!;
  const throttle = throttles.get(cell)!;
  // The quota is used up as the client asks: however slow a machine, its whole window is before it.
  if (at.length === 0) { while ((await throttle.check(request, ...platform)).allowed); }
  at.push(performance.now());
  const body = { object: "list", data: [], has_more: false };
  const response = await throttle.wrap((_request: Request, ..._platform: unknown[]) => Response.json(body))(
    request,
    ...platform,
  );
  if (response.status === 429) refusals.push(response.headers);
  return response;
};

/** Lets a client ask where its quota is used up. */
async function ask(
  client: string,
  rate: string,
  headers: readonly HeaderFormat[],
  reject: Rejection = openAiJson(),
): Promise<Outcome> {
  const cell = `cell-${seen.size}`;
  throttles.set(cell, createThrottle({ name: "trial", rate, key: byHeader("host") }, { headers, reject }));
  const record = { at: [] as number[], refusals: [] as Headers[] };
  seen.set(cell, record);
  const url = `${server.url}/${cell}`;
  const error = await loaded.get(client)!(url).then(() => null, (thrown) => thrown as Error);
  return { ...record, error };
}

function wayOf({ at, error }: Outcome): Way {
  if (error === null) return at.length === 2 ? "asked" : "own";
  return at.length === 1 ? "once" : "early";
}

/** How long clients have asked a timer to wait, ms. */
const waits = new Set<number | undefined>();

/** All trials: asked at once before the first test, so that they all wait at the same time. */
const trials: (() => Promise<Outcome>)[] = [];
/** How late timers were during all of them, ms. */
let lateBy: Promise<number>;

/** Makes a test of what comes of a client's patience. */
function trial(
  title: string,
  how: Parameters<typeof ask>,
  judge: (outcome: Outcome) => void,
): void {
  const skip = unusable.get(how[0]) ?? false;
  let outcome: Promise<Outcome>;
  if (skip === false) trials.push(() => outcome = ask(...how));
  it(title, { skip }, async () => {
    try {
      judge(await outcome);
    } catch (error) {
      // A client that tries too early comes in time where the machine is late.
      if (await lateBy < LATE_MS) throw error;
      await inTime(async () => judge(await ask(...how)));
    }
  });
}

describe("clients from npm", () => {
  const { setTimeout } = globalThis;
  before(async () => {
    for (const why of unusable.values()) console.warn(why);
    server = await serve(answer);
    globalThis.setTimeout = ((...words: Parameters<typeof setTimeout>) => {
      waits.add(words[1]);
      return setTimeout(...words);
    }) as typeof setTimeout;
    const timers = watchTimers();
    lateBy = Promise.all(trials.map((begin) => begin())).then(timers.lateBy);
  });
  after(() => {
    globalThis.setTimeout = setTimeout;
    server.close();
  });

  for (const { name, from } of httpClients) {
    Object.entries(SETS).forEach(([set, headers], i) => {
      const way = MATRIX[name][i];
      trial(`${name} ${versionOf(from)}, on ${set}: ${way}`, [name, "1/3s", headers], (outcome) => {
        const found = wayOf(outcome);
        const gaps = outcome.at.map((at) => Math.round(at - outcome.at[0])).join(", ");
        // To come by its own clock may happen to be once, and late enough.
        const isSame = found === way || (way === "own" && found === "asked");
        assert(isSame, `${found}, not ${way}: requests at ${gaps} ms`);
      });
    });
  }

  for (const name of ["openai", "anthropic"]) {
    const sdk = [xRateLimit(), retryAfter({ ms: true })];
    trial(
      `${name} waits exactly as long as the header in ms says, below its bound`,
      [name, "1/1200ms", sdk],
      (outcome) => {
        const { at, refusals, error } = outcome;
        assertEquals([error, at.length], [null, 2]);
        const told = Number(refusals[0].get("retry-after-ms"));
        assertEquals(refusals[0].get("retry-after"), String(Math.ceil(told / 1000)));
        assertGreaterOrEqual(Math.ceil(at[1] - at[0]), told - 1);
        assert(waits.has(told), `waits of ${told} ms: ${[...waits].join(", ")}`);
      },
    );

    trial(`${name} gives up after one try above its bound`, [name, "1/hour", sdk], (outcome) => {
      const { at, refusals, error } = outcome;
      assertEquals(refusals.map((headers) => headers.get("x-should-retry")), ["false"]);
      assertEquals([at.length, (error as Refused).status], [1, 429]);
    });
  }

  const ignored = "openai ignores a Retry-After above 60 s, and tries three times at once";
  trial(ignored, ["openai", "1/hour", [retryAfter()]], ({ at, error }) => {
    assertEquals([at.length, (error as Refused).status], [3, 429]);
  });

  const throttling = "octokit, plugin-throttling";
  const unix = [xRateLimit({ reset: "epoch" }), retryAfter()];
  trial(`${throttling} comes back once, when it may, on Unix time`, [throttling, "1/2s", unix], (outcome) => {
    const { at, refusals, error } = outcome;
    assertEquals([error, at.length, refusals.length], [null, 2, 1]);
    assertGreaterOrEqual(at[1] - at[0], (Number(refusals[0].get("retry-after")) - 1) * 1000);
  });

  const delta = [xRateLimit(), retryAfter()];
  trial(
    `${throttling} sends six requests at once on seconds from now`,
    [throttling, "1/hour", delta],
    ({ at }) => assertEquals(at.length, 6),
  );

  const bodies: [client: string, reject: Rejection, shown: string][] = [
    ["openai", openAiJson(), 'Too many requests for the limit "trial". Please try again in 3600 s.'],
    ["anthropic", errorJson(), "Too many requests. Please slow down."],
    [throttling, errorJson(), "Too many requests. Please slow down."],
  ];
  for (const [client, reject, shown] of bodies) {
    trial(
      `${client} shows of a refusal: ${shown}`,
      [client, "1/hour", [retryAfter({ ms: true })], reject],
      (outcome) => assertStringIncludes(outcome.error!.message, shown),
    );
  }
});

describe("docs/headers.md", () => {
  const text = readFileSync("docs/headers.md", "utf8");
  for (const { name, from } of httpClients) {
    it(`tells of ${name} as the version that is tried here, with a date`, () => {
      const row = text.split("\n").find((line) => line.startsWith(`| ${name} `));
      assert(row !== undefined, `no row of ${name}`);
      const [version, date] = row.split("|").map((cell) => cell.trim()).slice(-3);
      assertEquals(version, versionOf(from));
      assert(/^2026-\d\d-\d\d$/.test(date), row);
    });
  }
});
