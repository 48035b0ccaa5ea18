#!/bin/sh
# Deno 2.9.6: where a handler's response has `connection: close`, Deno.serve sends the header, keeps the connection open and answers
# further requests on it. RFC 9112 (section 9.6) has a server that says so close the connection. node:http does on Deno too, as do
# Bun.serve 1.4.5 and Node 24.21.0. So a refusal that means to rid the server of a client's connection does not.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund deno@2.9.6 bun@1.4.5 node@24.21.0 >/dev/null 2>&1

cat > close.mjs <<'END'
import http from "node:http";
import { connect } from "node:net";

const fields = { connection: "close" };
const fetch = () => new Response("refused", { status: 429, headers: fields });
const own = globalThis.Deno
  ? () => Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, fetch).addr.port
  : globalThis.Bun && (() => Bun.serve({ port: 0, hostname: "127.0.0.1", fetch }).port);
async function nodes() {
  const server = http.createServer((_request, response) => response.writeHead(429, fields).end("refused"));
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return server.address().port;
}
/** Sends a request, and another one while the connection is open, until three are answered or 5 s have passed. */
async function talk(port) {
  let text = "";
  const answers = () => text.split("refused").length - 1;
  const end = await new Promise((over) => {
    const ask = () => socket.write("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
    const socket = connect(port, "127.0.0.1", ask);
    socket.on("end", () => over("closed")).on("error", () => over("closed")).on("data", (bytes) => {
      text += bytes;
      if (bytes.toString().includes("refused") && answers() < 3) setTimeout(ask, 200);
      else if (answers() === 3) over("open");
    });
    setTimeout(over, 5000, "open");
  });
  return `${/^connection: close\r$/im.test(text) ? "says close" : "says nothing"}, ${answers()} answered, ${end}`;
}
if (own) console.log(`its own server: ${await talk(own())}`);
console.log(`node:http: ${await talk(await nodes())}`);
process.exit(0);
END

closes="says close, 1 answered, closed"
on_node=$(npx node close.mjs)
echo "node $(npx node --version): $on_node"
on_bun=$(npx bun close.mjs)
echo "bun $(npx bun --version): $on_bun"
on_deno=$(npx deno run -A --quiet close.mjs)
echo "$(npx deno --version | head -n 1): $on_deno"
[ "$on_node" = "node:http: $closes" ]
[ "$on_bun" = "its own server: $closes
node:http: $closes" ]
[ "$on_deno" = "its own server: says close, 3 answered, open
node:http: $closes" ]
