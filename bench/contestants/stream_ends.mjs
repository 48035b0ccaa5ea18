/**
 * Both ends of a proxy of a language model: the model, which sends streams of 10 MB, and a client, which asks the
 * proxy for them by turns on each of its paths.
 *
 *   node bench/contestants/stream_ends.mjs CHUNK_BYTES STREAM_MS TURNS
 *
 * It prints the model's port, reads the proxy's from its standard input, and ends with the ms of each turn, as JSON.
 */
import { Agent, createServer, get } from "node:http";
import process from "node:process";
import { BYTES, chunkOf, LAST, PATHS } from "../model_stream.mjs";

const [chunkBytes, streamMs, turns] = process.argv.slice(2).map(Number);
const chunk = chunkOf(chunkBytes);

const model = createServer((_, response) => {
  const count = Math.ceil(BYTES / chunkBytes);
  const start = performance.now();
  let sent = 0;
  function send() {
    const due = streamMs === 0 ? count : Math.min(count, (performance.now() - start) / streamMs * count);
    while (sent < due) {
      sent++;
      if (!response.write(chunk)) return response.once("drain", send);
    }
    if (sent < count) setTimeout(send, 1);
    else response.end(LAST);
  }
  send();
}).listen(0, "127.0.0.1", () => console.log(model.address().port));

const agent = new Agent({ keepAlive: true });
const ask = (url) =>
  new Promise((done, failed) => {
    const start = performance.now();
    get(url, { agent }, (response) => {
      let bytes = 0;
      response.on("data", ({ length }) => bytes += length).on("error", failed);
      response.on(
        "end",
        () => bytes > BYTES ? done(performance.now() - start) : failed(new Error(`${bytes} B`)),
      );
    }).on("error", failed);
  });

const port = await new Promise((read) => process.stdin.once("data", (text) => read(Number(text))));
/** So each path comes after each other as often: a stream may pay for the garbage of the one before. */
const ORDERS = [[0, 1, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0], [1, 0, 2], [0, 2, 1]];
const times = PATHS.map(() => []);
const warmUp = Math.min(5, turns);
for (let turn = -warmUp; turn < turns; turn++) {
  for (const i of ORDERS[(turn + warmUp) % ORDERS.length]) {
    const ms = await ask(`http://127.0.0.1:${port}${PATHS[i]}`);
    if (turn >= 0) times[i].push(ms);
  }
}
console.log(JSON.stringify(times));
process.exit(0);
