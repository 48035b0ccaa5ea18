#!/bin/sh
# Node 24.21.0, Deno 2.9.6 and Bun 1.4.5: a server answers `Expect: 100-continue` with 100 Continue before its handler has said a
# word, though the handler refuses by 429 and never reads the body. So a client that asks before it sends, such as curl with an upload
# of more than 1 MB, sends all of what is refused. RFC 9110 (section 10.1.1) has a server answer with a final status in the place of
# the 100 where it can. Node's listener of "checkContinue" can; Deno.serve and Bun.serve have no such thing.
set -eu
server=""
folder=$(mktemp -d)
trap 'test -z "$server" || kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund deno@2.9.6 bun@1.4.5 node@24.21.0 >/dev/null 2>&1

cat > node.mjs <<'END'
import { createServer } from "node:http";
const refuse = (_request, response) => response.writeHead(429, { "retry-after": "5" }).end("refused");
const server = createServer(refuse);
if (process.argv[2] === "checkContinue") server.on("checkContinue", refuse);
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
END
cat > deno.mjs <<'END'
const refuse = () => new Response("refused", { status: 429, headers: { "retry-after": "5" } });
Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: ({ port }) => console.log(port) }, refuse);
END
cat > bun.mjs <<'END'
const fetch = () => new Response("refused", { status: 429, headers: { "retry-after": "5" } });
console.log(Bun.serve({ port: 0, hostname: "127.0.0.1", fetch }).port);
END
cat > ask.mjs <<'END'
import { connect } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
const socket = connect(Number(process.argv[2]), "127.0.0.1").on("error", () => {});
let text = "";
socket.on("data", (bytes) => text += bytes);
socket.write("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\nExpect: 100-continue\r\n\r\n");
for (let i = 0; i < 50 && !text.includes(" 429 "); i++) await wait(100);
socket.destroy();
console.log([...text.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => status).join(", "));
END
found=""
try() { # a name, then the server's command
  name=$1
  shift
  "$@" >port &
  server=$!
  until [ -s port ]; do sleep 0.1; done
  statuses=$(npx node ask.mjs "$(cat port)")
  echo "$name: with no byte of the body sent, the client got $statuses"
  found="$found$statuses; "
  kill "$server"
  wait "$server" 2>/dev/null || true
  server=""
  rm port
}
bin=$folder/node_modules/.bin
try "node $("$bin/node" --version), createServer" "$bin/node" node.mjs
try "the same, checkContinue" "$bin/node" node.mjs checkContinue
try "deno $("$bin/deno" eval 'console.log(Deno.version.deno)'), Deno.serve" "$bin/deno" run --quiet --allow-net deno.mjs
try "bun $("$bin/bun" --version), Bun.serve" "$bin/bun" bun.mjs
[ "$found" = "100, 429; 429; 100, 429; 100, 429; " ]
