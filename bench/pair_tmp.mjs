import process from "node:process";
import { pathToFileURL } from "node:url";
import { freshAddress, seeded } from "./keys.mjs";
import { platformOf, runtime } from "./runtime.mjs";
const [scene, headers, batchesText, ...builds] = process.argv.slice(2);
const HOUR = 3_600_000;
const HOURLY = { name: "hourly", limit: 10_000, windowMs: HOUR };
const THREE = [{ name: "burst", limit: 5_000, windowMs: HOUR / 4 }, HOURLY, {
  name: "daily",
  limit: 50_000,
  windowMs: 24 * HOUR,
}];
const SCENES = { 1: [HOURLY], 3: THREE, denied: [{ ...HOURLY, limit: 1 }] };
const rules = SCENES[scene].map(({ name, limit, windowMs }) => ({
  name,
  rate: { limit, window: windowMs / 1000 },
}));
let response;
const handler = () => response;
const N = 250;
const wraps = [];
for (const b of builds) {
  const w = await import(pathToFileURL(b + "/mod.js").href);
  const wrapped = w.withThrottle(handler, rules, {
    headers: headers === "3" ? undefined : [w.rateLimit(), w.retryAfter()],
  });
  // A loop of each build's own.
  wraps.push(
    new Function(
      "wrapped",
      "set",
      `return async function callAll(batch) { for (let i = 0; i < batch.length; i++) { set(batch[i].response); const a = wrapped(batch[i].request, batch[i].platform); if (typeof a?.then === "function") await a; } }`,
    )(wrapped, (r) => {
      response = r;
    }),
  );
}
const random = seeded(7);
const prep = () => ({
  request: new Request("http://localhost/items/1"),
  platform: platformOf(freshAddress(Math.floor(random() * 1000))),
  response: new Response("hello"),
});
const times = builds.map(() => []);
const batch = new Array(N);
const T = +batchesText;
for (let n = -500; n < T; n++) {
  for (let k = 0; k < builds.length; k++) {
    const i = (k + (n & 0xffff)) % builds.length;
    for (let j = 0; j < N; j++) batch[j] = prep();
    const s = performance.now();
    await wraps[i](batch);
    const e = performance.now() - s;
    if (n >= 0) times[i].push(e);
  }
}
const med = (a) => {
  a = [...a].sort((x, y) => x - y);
  return a[a.length >> 1];
};
const q = (a, p) => {
  a = [...a].sort((x, y) => x - y);
  return a[Math.floor(a.length * p)];
};
console.log(
  runtime.padEnd(5),
  `${scene}/${headers}`.padEnd(9),
  builds.map((b, i) =>
    `${b.replace(/.*weir_/, "")} ${(med(times[i]) * 1e6 / N).toFixed(0)} ` +
    (i
      ? `x${(med(times[i]) / med(times[0])).toFixed(3)} q25 x${
        (q(times[i], .25) / q(times[0], .25)).toFixed(3)
      }`
      : "")
  ).join(" | "),
);
process.exit(0);
