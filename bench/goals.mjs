/** The goals: ratios of figures from the same rounds. */
import { contestants as paths, PLAIN } from "./sections/paths.mjs";
import { median } from "./timing.mjs";

/** Computed per round, so that a slow round affects both sides of a ratio. */
function ratio(results, metric, ours, theirs, base) {
  const of = (id) => results?.[id]?.[metric];
  if (!of(ours) || !of(theirs) || (base && !of(base))) return null;
  const ratios = of(ours)
    .map((value, i) => {
      const zero = base ? of(base)[i] : 0;
      return value === null || of(theirs)[i] === null ? null : (value - zero) / (of(theirs)[i] - zero);
    })
    .filter((value) => value !== null && Number.isFinite(value));
  return ratios.length === 0 ? null : median(ratios);
}

function value(results, metric, id) {
  const found = results?.[id]?.[metric]?.filter((number) => number !== null) ??
    [];
  return found.length === 0 ? null : median(found);
}

/** The lowest median of the peers that have one. */
function best(results, metric, ids) {
  const found = ids.filter((id) => value(results, metric, id) !== null);
  return found.sort((a, b) => value(results, metric, a) - value(results, metric, b))[0];
}

const STORES = [
  "rate-limiter-flexible",
  "express-rate-limit",
  "hono-rate-limiter",
  "hitlimit",
];
const PEERS = [
  "rate-limiter-flexible, 3 headers",
  "express-rate-limit, 3 headers",
  "hitlimit, 3 headers",
  "hono-rate-limiter, 4 headers",
  "elysia-rate-limit, 3 headers",
];
const DENIED = [
  "rate-limiter-flexible, 4",
  "express-rate-limit, 4",
  "hitlimit, 4",
  "hono-rate-limiter, 1",
];

/** Weir's memory store under each kind of state. */
const STATES = [
  "Weir",
  "Weir, gcra",
  "Weir, slidingLog",
  "Weir, slidingWindow",
  "Weir, concurrency",
  "Weir, a block",
];
/** Redis with a large limit. */
const LARGE = ["slidingLog, 10,000", "slidingWindow, 1000 slots", "concurrency, 60,000"];

const REPLAY = "weir replay, two rules";

/** The ratio of one metric to another, per round. */
function within(results, id, metric, base) {
  const { [metric]: values, [base]: bases } = results?.[id] ?? {};
  if (!values || !bases) return null;
  const ratios = values.map((value, i) => value / bases[i]).filter((ratio) =>
    Number.isFinite(ratio) && ratio > 0
  );
  return ratios.length === 0 ? null : median(ratios);
}

/** Each goal: its section, its text, and its number on one runtime. */
const GOALS = [
  ...["1 rule", "3 rules"].flatMap((scene) => [
    ...[2, 3].map((headers) => ({
      section: "pipeline",
      text: `in process, ${scene}, ${headers} headers: overhead over the wrapper's by hand`,
      most: 1.25,
      of: (results) =>
        ratio(
          results,
          "ns",
          `${scene}: Weir, ${headers} headers`,
          `${scene}: by hand, ${headers} headers`,
          "bare",
        ),
    })),
    {
      section: "pipeline",
      text: `in process, ${scene}: overhead over the best peer's`,
      most: 1,
      of(results) {
        const peer = best(
          results,
          "ns",
          PEERS.map((peer) => `${scene}: ${peer}`),
        );
        return peer === undefined ? null : ratio(results, "ns", `${scene}: Weir, 3 headers`, peer, "bare");
      },
    },
    {
      section: "pipeline",
      text: `in process, ${scene}: overhead over that of a wrapper by hand that looks first`,
      most: scene === "1 rule" ? 1.15 : 1.2,
      of: (results) =>
        ratio(
          results,
          "ns",
          `${scene}: Weir, 3 headers`,
          `${scene}: by hand, looking first, 3 headers`,
          "bare",
        ),
    },
    {
      section: "http",
      text: `over HTTP, ${scene}: throughput over the wrapper's by hand`,
      least: 0.97,
      of: (results) => ratio(results, "rps", `${scene}: Weir`, `${scene}: by hand`),
    },
  ]),
  {
    section: "http",
    text: "over HTTP, denied: throughput over the wrapper's by hand",
    least: 0.97,
    of: (results) => ratio(results, "rps", "denied: Weir", "denied: by hand"),
  },
  {
    section: "pipeline",
    text: "in process, denied: time over the best peer's",
    most: 1,
    of(results) {
      const peer = best(
        results,
        "ns",
        DENIED.map((peer) => `denied: ${peer} headers`),
      );
      return peer === undefined ? null : ratio(results, "ns", "denied: Weir, 4 headers", peer);
    },
  },
  ...["1 rule", "3 rules"].flatMap((scene) =>
    ["turn", "many"].flatMap((metric) => [
      {
        section: "sqlite",
        text: `SQLite, ${scene}, ${metric === "turn" ? "in turn" : "32 at once"}: decisions over the peer's`,
        least: scene === "1 rule" ? 1.2 : 2.5,
        of: (results) =>
          ratio(results, metric, `libsql: Weir, ${scene}`, `libsql: rate-limiter-flexible, ${scene}`),
      },
      {
        section: "sqlite",
        text: `SQLite, ${scene}, ${
          metric === "turn" ? "in turn" : "32 at once"
        }: decisions over those by hand`,
        least: 1 / 1.5,
        of: (results) => ratio(results, metric, `libsql: Weir, ${scene}`, `libsql: by hand, ${scene}`),
      },
    ])
  ),
  {
    section: "pipeline",
    text: "in process, 1 rule and its trial: time over the rule's without one",
    most: 1.15,
    of: (results) => ratio(results, "ns", "1 rule and its trial: Weir, 3 headers", "1 rule: Weir, 3 headers"),
  },
  {
    section: "paths",
    text: "a path of 15 KB: time of the worst over a plain one's",
    most: 3,
    of(results) {
      const ratios = paths.map(({ id }) => ratio(results, "us", id, PLAIN)).filter((found) => found !== null);
      return ratios.length === 0 ? null : Math.max(...ratios);
    },
  },
  ...[["one hot key", "hot", 1.15], ["a million keys", "zipf", 0.5]].map(([keys, metric, most]) => ({
    section: "decisions",
    text: `${keys}: time over the best peer's`,
    most,
    of(results) {
      const peer = best(results, metric, STORES);
      return peer === undefined ? null : ratio(results, metric, "Weir", peer);
    },
  })),
  {
    section: "memory",
    text: "bytes per key",
    most: 32,
    of: (results) => value(results, "bytes", "Weir"),
  },
  ...STATES.flatMap((id) => [
    {
      section: "attack",
      text: `${id}: longest pause, ms`,
      most: 30,
      of: (results) => value(results, "pause", id),
    },
    {
      section: "attack",
      text: `${id}: a new key once the store is full, over one while there is room`,
      most: 3,
      of: (results) => within(results, id, "full", "filling"),
    },
    {
      section: "attack",
      text: `${id}: a known key once the store is full, over a new one while there is room`,
      most: 3,
      of: (results) => within(results, id, "known", "filling"),
    },
  ]),
  ...LARGE.flatMap((id) =>
    ["charge", "refuse", "correct"].map((metric) => ({
      section: "redis_time",
      text: `${id}, ${metric}: Redis's own time, us`,
      most: 300,
      of: (results) => value(results, metric, id),
    }))
  ),
  {
    section: "attack",
    text: "held at the end over the start, MB; a million keys of 32 bytes are 30.5",
    most: 30.5,
    of: (results) => value(results, "held", "Weir"),
  },
  ...[1, 3].flatMap((count) =>
    ["fixedWindow", "gcra"].map((algorithm) => ({
      section: "redis_calls",
      text: `Redis's own time, ${count} of ${algorithm}: over the build of 57fc96d`,
      most: 0.45,
      of: (results) =>
        ratio(results, "us", `Weir, ${count} of ${algorithm}`, `Weir at 57fc96d, ${count} of ${algorithm}`),
    }))
  ),
  ...["fixedWindow", "gcra"].map((algorithm) => ({
    section: "redis_calls",
    text: `bytes per key, ${algorithm}: over rate-limiter-flexible's counter`,
    most: 1.3,
    of: (results) => ratio(results, "bytes", `Weir, 1 of ${algorithm}`, "rate-limiter-flexible, 1"),
  })),
  ...[
    ["TCP", "rate-limiter-flexible", "1 rule", "turn", 0.95],
    ["TCP", "rate-limiter-flexible", "1 rule", "many", 1.1],
    ["TCP", "rate-limiter-flexible", "3 rules", "many", 1.5],
    ["HTTP", "@upstash/ratelimit", "1 rule", "many", 1.1],
    ["HTTP", "@upstash/ratelimit", "3 rules", "many", 1.6],
  ].map(([way, peer, scene, metric, least]) => ({
    section: "redis",
    text: `Redis over ${way}, ${scene}, ${
      metric === "turn" ? "in turn" : "32 at once"
    }: requests/s over ${peer}'s`,
    least,
    of: (results) => ratio(results, metric, `${way}: Weir, ${scene}`, `${way}: ${peer}, ${scene}`),
  })),
  {
    section: "redis",
    text: "3 rules over TCP: round trips",
    most: 1,
    of: (results) => value(results, "trips", "TCP: Weir, 3 rules"),
  },
  {
    section: "redis",
    text: "3 rules over HTTP: round trips",
    most: 1,
    of: (results) => value(results, "trips", "HTTP: Weir, 3 rules"),
  },
  {
    section: "redis",
    text: "3 rules over HTTP, 32 at once: throughput over PING's",
    least: 0.9,
    of: (results) => ratio(results, "many", "HTTP: Weir, 3 rules", "HTTP: PING"),
  },
  ...[["1 rule", 1.2], ["3 rules", 2.5]].flatMap(([scene, least]) =>
    [["turn", "in turn"], ["many", "32 at once"]].map(([metric, words]) => ({
      section: "postgres",
      text: `Postgres, ${scene}, ${words}: requests/s over rate-limiter-flexible's`,
      least,
      of: (results) => ratio(results, metric, `Weir, ${scene}`, `rate-limiter-flexible, ${scene}`),
    }))
  ),
  {
    section: "start",
    text: "import over an empty module, ms",
    most: 5,
    of: (results) => value(results, "ms", "Weir"),
  },
  {
    section: "start",
    text: "a throttle in a user's bundle, gzipped, kB",
    most: 20,
    of: (results) => value(results, "kB", "Weir"),
  },
  {
    section: "paced",
    text: "pacedFetch at a limit that 4 processes share: answers that are 429, %",
    most: 0.5,
    of: (results) => value(results, "refused", "Weir's pacedFetch"),
  },
  {
    section: "paced",
    text: "pacedFetch at a limit that 4 processes share: requests that pass, over the limit",
    least: 0.95,
    of: (results) => value(results, "rate", "Weir's pacedFetch"),
  },
  {
    section: "replay",
    text: "weir replay, two rules: time for 10 million lines, s",
    most: 60,
    of: (results) => {
      const rate = value(results, "rate", REPLAY);
      return rate === null ? null : 10_000_000 / rate;
    },
  },
  {
    section: "replay",
    text: "weir replay, two rules: peak of the process's memory, MB",
    most: 400,
    of: (results) => value(results, "rss", REPLAY),
  },
  {
    section: "replay",
    text: "weir replay, two rules: lines per second over a check of a Request for each line",
    least: 3,
    of: (results) =>
      ratio(results, "rate", REPLAY, "throttle.check(new Request(...)) for each line, by hand"),
  },
  {
    section: "replay",
    text: "weir suggest, six windows: time over weir replay's",
    most: 2,
    of: (results) => ratio(results, "seconds", "weir suggest, six windows", REPLAY),
  },
  {
    section: "stream",
    text: "10 MB that a model sends within a second, usage read: time over the stream alone",
    most: 1.03,
    of: (results) => value(results, "ratio", "proxied, within a second, chunks of 1 kB"),
  },
  {
    section: "stream",
    text: "10 MB at full speed, usage read: time over a stream that is passed on unread",
    most: 1.03,
    of: (results) => value(results, "reading", "made here, at full speed, chunks of 16 kB"),
  },
];

/** Each goal on each measured runtime. */
export function goals(sections = {}) {
  return GOALS.flatMap((
    { section, text, most = Infinity, least = -Infinity, of },
  ) =>
    Object.entries(sections[section] ?? {}).flatMap(([runtime, results]) => {
      const number = of(results);
      if (number === null) return [];
      return [{
        section,
        runtime,
        text,
        most,
        least,
        number,
        met: number <= most && number >= least,
      }];
    })
  );
}
