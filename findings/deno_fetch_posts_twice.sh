#!/bin/sh
# Deno 2.9.6: where a server reads a POST and ends a kept connection without an answer, `fetch` sends the POST a second time
# by itself, and so does `node:http`; 2.9.5 did so on a new connection too. Node 24.21.0 sends each request once. Bun 1.4.5
# repeats a PUT on a kept connection, but no POST. A call that counts something, such as a script of Upstash Redis over HTTP,
# may count twice there, whatever its client's options of retries say. denoland/deno#35610 has the case of a GET.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund deno@2.9.6 bun@1.4.5 node@24.21.0 >/dev/null 2>&1

cat > once.mjs <<'END'
import http from "node:http";
import { createServer } from "node:net";

const ways = {
  fetch: (url, method) =>
    fetch(url, { method, body: "body" }).then((response) => response.text(), () => "an error"),
  "node:http": (url, method) =>
    new Promise((resolve) => {
      const sent = http.request(url, { method, agent, headers: { "content-length": 4 } }, (answer) => {
        answer.resume().on("end", () => resolve("ok"));
      });
      sent.on("error", () => resolve("an error")).end("body");
    }),
};
const agent = new http.Agent({ keepAlive: true });

/** How often the server reads one request that it never answers. */
async function timesRead(way, method, isKept) {
  let read = 0;
  const server = createServer((socket) => {
    let onThis = 0;
    socket.on("error", () => {}).on("data", (bytes) => {
      if (!bytes.toString().endsWith("body")) return;
      read++;
      if (++onThis === 1 && isKept) socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
      else setTimeout(() => socket.end(), 50);
    });
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const url = `http://127.0.0.1:${server.address().port}/`;
  if (isKept) await ways[way](url, method);
  const before = read;
  await ways[way](url, method);
  server.close();
  return read - before;
}

const said = [];
for (const [way, method, isKept] of [
  ["fetch", "POST", false], ["fetch", "POST", true], ["fetch", "PUT", true], ["node:http", "POST", true],
]) said.push(`${way} ${method} ${isKept ? "kept" : "new"} ${await timesRead(way, method, isKept)}`);
console.log(said.join(", "));
process.exit(0);
END

on_node=$(npx node once.mjs)
echo "node $(npx node --version): $on_node"
on_bun=$(npx bun once.mjs)
echo "bun $(npx bun --version): $on_bun"
on_deno=$(npx deno run -A --quiet once.mjs)
echo "$(npx deno --version | head -n 1): $on_deno"
[ "$on_node" = "fetch POST new 1, fetch POST kept 1, fetch PUT kept 1, node:http POST kept 1" ] &&
  [ "$on_bun" = "fetch POST new 1, fetch POST kept 1, fetch PUT kept 2, node:http POST kept 1" ] &&
  [ "$on_deno" = "fetch POST new 1, fetch POST kept 2, fetch PUT kept 2, node:http POST kept 2" ]
