/**
 * One of several processes that share a server's quota: sends a number of requests, some at once, and repeats
 * each until its status is 200.
 *
 *   node bench/contestants/paced_client.mjs paced http://127.0.0.1:40123/ 2500 25
 */
import process from "node:process";
import { pathToFileURL } from "node:url";

const [kind, url, count, atOnce] = process.argv.slice(2);

/**
 * Retries after 100 ms, 200 ms and so on up to 10 s, with a random half of each wait: the recommended backoff
 * without headers.
 */
function backingOff() {
  return async (address) => {
    for (let n = 0;; n++) {
      const response = await fetch(address);
      if (response.status !== 429) return response;
      await response.arrayBuffer();
      const longest = Math.min(10_000, 100 * 2 ** n);
      await new Promise((over) => setTimeout(over, longest * (0.5 + Math.random() / 2)));
    }
  };
}

async function paced() {
  const folder = pathToFileURL(`${process.env.WEIR ?? "dist"}/`);
  const { pacedFetch } = await import(
    new URL("src/paced_fetch/mod.js", folder)
  );
  return pacedFetch({ maxWaitMs: Infinity });
}

const ask = kind === "paced" ? await paced() : backingOff();
let left = Number(count);
await Promise.all(Array.from({ length: Number(atOnce) }, async () => {
  while (left-- > 0) await (await ask(url)).arrayBuffer();
}));
