/**
 * An access log in combined format from a seed, as a stream of chunks: no log of this size is kept.
 *
 *   node bench/log_lines.mjs 10000000 | weir replay - --rules rules.mjs
 *
 * A site with a million requests in a day: clients and pages drawn by Zipf's law, whole seconds, one query in fifty that nobody asks again, and one
 * line in a thousand that a user agent with a newline broke.
 */
import process from "node:process";
import { fileURLToPath } from "node:url";
import { freshAddress, seeded, zipf } from "./keys.mjs";

const SEED = 17;
const CLIENTS = 100_000;
const PAGES = 5000;
const START = Date.UTC(2026, 10, 19);
/** Ten million lines in ten days. */
const PER_SECOND = 10_000_000 / (10 * 86_400);
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const AGENTS = Array.from(
  { length: 40 },
  (_, i) =>
    i % 4 === 0
      ? `curl/8.${i}.0`
      : `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/1${i}.0.0.0 Safari/537.36`,
);

/** `29/Nov/2026:04:30:20 +0000`. */
function timeText(at) {
  const [, year, month, day, time] = /^(\d+)-(\d+)-(\d+)T([\d:]+)/.exec(
    new Date(at).toISOString(),
  );
  return `${day}/${MONTHS[month - 1]}/${year}:${time} +0000`;
}

function pageOf(number) {
  if (number % 5 === 0) {
    return `GET /api/items/${number}?page=${number % 7} HTTP/1.1" 200 ${900 + number}`;
  }
  if (number % 5 === 1) return `POST /api/orders HTTP/1.1" 201 ${200 + number}`;
  if (number % 50 === 2) {
    return `POST /login HTTP/1.1" ${number % 3 === 0 ? 401 : 302} 0`;
  }
  return `GET /assets/pages/${number}.html HTTP/1.1" 200 ${5000 + number}`;
}

/** The lines, in texts of about 64 kB. */
function* logChunks(count) {
  const random = seeded(SEED);
  const client = zipf(CLIENTS, random);
  const page = zipf(PAGES, random);
  const clients = Array.from(
    { length: CLIENTS },
    (_, i) => freshAddress(i * 7919),
  );
  const pages = Array.from({ length: PAGES }, (_, i) => pageOf(i));
  let second = -1;
  let time = "";
  let chunk = "";
  for (let i = 0; i < count; i++) {
    const now = START / 1000 + Math.floor(i / PER_SECOND);
    if (now !== second) {
      second = now;
      time = timeText(now * 1000);
    }
    const who = client();
    const request = i % 50 === 7
      ? `GET /search?q=${Math.floor(random() * 1e9).toString(36)} HTTP/1.1" 200 4711`
      : pages[page()];
    chunk += i % 1000 === 999
      ? ' half an agent"\n'
      : `${clients[who]} - - [${time}] "${request} "-" "${AGENTS[who % AGENTS.length]}"\n`;
    if (chunk.length > 65_000) {
      yield chunk;
      chunk = "";
    }
  }
  if (chunk !== "") yield chunk;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const chunk of logChunks(Number(process.argv[2]))) {
    if (!process.stdout.write(chunk, "latin1")) {
      await new Promise((ready) => process.stdout.once("drain", ready));
    }
  }
}
