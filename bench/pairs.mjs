/**
 * Compares builds of Weir within one process, in turns of short batches, so that a busy machine slows all of them alike:
 *
 *     node bench/pairs.mjs SCENE [--headers=2] [--rounds=800] FOLDER...    (or bun, or deno run -A)
 *
 * A FOLDER holds a build (`dist`), or is the name of a contestant. Scenes: "1 rule", "3 rules" and "denied", as in the section
 * `pipeline`; "hot key", the memory store alone; "redis", a request whose store waits for a client that answers at once, and "redis 32",
 * 32 of them at once. The 5th and the 50th percentile of the batches are shown, in ns per request, and the ratio to the first.
 */
import process from "node:process";
import { pathToFileURL } from "node:url";
import { freshAddress, seeded } from "./keys.mjs";
import { platformOf, runtime } from "./runtime.mjs";
import { scenesOf, scenesWithDenied } from "./scenes.mjs";

const BATCH = 128;
const WARM_UP = 400;
const RULES = scenesWithDenied(10_000);

const words = process.argv.slice(2);
const option = (name, otherwise) =>
  Number(
    words.find((word) => word.startsWith(`--${name}=`))?.replace(/.*=/, "") ??
      otherwise,
  );
const [scene, ...builds] = words.filter((word) => !word.startsWith("--"));
const headers = option("headers", 3);
const random = seeded(7);
const address = () => freshAddress(Math.floor(random() * 1000));

/** The response to the current request, made ahead. */
let response;
const handler = () => response;

/** A client whose script finds no state, at once, in the form of this build: what a call costs beside it is Weir's. */
const client = {
  send: (_command, [, keys]) => Promise.resolve(`${Date.now()}${"\xA6".repeat(Number(keys))}`),
};

const request = () => ({
  request: new Request("http://localhost/items/1"),
  platform: platformOf(address()),
  response: new Response("hello"),
});

/** @returns The call of a scene, the function that prepares its argument, and the number of calls at once. */
async function trialOf(build) {
  const contestant = /^\w+$/.test(build) && build !== "dist" ? build : "weir";
  if (contestant === "weir") process.env.WEIR = build;
  // Each build's own copy of the contestant.
  const { decider, wrap } = await import(
    `./contestants/${contestant}.mjs?${encodeURIComponent(build)}`
  );
  if (scene === "hot key") {
    return {
      prepare: () => freshAddress(1),
      call: decider(scenesOf(1_000_000_000)["1 rule"][0]),
      atOnce: 1,
    };
  }
  const call = (wrapped) => (prepared) => {
    response = prepared.response;
    return wrapped(prepared.request, prepared.platform);
  };
  if (scene.startsWith("redis")) {
    const { redisStore } = await import(
      new URL("src/stores/redis/mod.js", pathToFileURL(`${build}/`))
    );
    const wrapped = wrap(handler, {
      rules: RULES["1 rule"],
      headers,
      store: redisStore({ client }),
    });
    return {
      prepare: request,
      call: call(wrapped),
      atOnce: scene === "redis" ? 1 : 32,
    };
  }
  return {
    prepare: request,
    call: call(wrap(handler, { rules: RULES[scene], headers })),
    atOnce: 1,
  };
}

/** A loop of each build's own, so that none is compiled for all of them: V8 makes one of two with the same text. */
const loopOf = (build, { call, atOnce }) =>
  new Function(
    "call",
    "atOnce",
    `// ${build}
    return async (batch) => {
      if (atOnce === 1) {
        for (const prepared of batch) {
          const answer = call(prepared);
          if (typeof answer?.then === "function") await answer;
        }
        return;
      }
      for (let i = 0; i < batch.length; i += atOnce) {
        const answers = [];
        for (let j = i; j < i + atOnce; j++) {
          const answer = call(batch[j]);
          if (typeof answer?.then === "function") answers.push(answer);
        }
        if (answers.length > 0) await Promise.all(answers);
      }
    };`,
  )(call, atOnce);

const percentile = (numbers, part) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length * part)];

const trials = [];
for (const build of builds) {
  const trial = await trialOf(build);
  trials.push({ build, ...trial, loop: loopOf(build, trial), times: [] });
}
const rounds = option("rounds", 800);
for (let n = -WARM_UP; n < rounds; n++) {
  for (let k = 0; k < trials.length; k++) {
    const { prepare, loop, times } = trials[(k + n + WARM_UP) % trials.length];
    const batch = Array.from({ length: BATCH }, prepare);
    const start = performance.now();
    await loop(batch);
    if (n >= 0) times.push((performance.now() - start) * 1e6 / BATCH);
  }
}
const [first] = trials;
for (const { build, times } of trials) {
  const [fast, middle] = [0.05, 0.5].map((part) => percentile(times, part));
  const ratios = [0.05, 0.5].map((part) =>
    (percentile(times, part) / percentile(first.times, part)).toFixed(3)
  );
  console.log(
    runtime,
    scene,
    build,
    `${fast.toFixed(0)} ${middle.toFixed(0)} ns`,
    `x${ratios.join(" x")}`,
  );
}
process.exit(0);
