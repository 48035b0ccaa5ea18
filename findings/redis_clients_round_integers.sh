#!/bin/sh
# ioredis 6.0.0 and node-redis 6.3.1 round integer replies near 2^53: Redis sends `:9007199254740991`, the greatest safe integer, and
# both give 9007199254740992, which is none, while iovalkey gives what was sent. They add a digit's code before they take 48 off
# it, so that the sum passes 2^53. A limiter that checks replies by Number.isSafeInteger takes such a reply for no answer.
set -eu
server=""
folder=$(mktemp -d)
trap 'test -z "$server" || kill "$server"; rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund ioredis@6.0.0 iovalkey@0.4.0 redis@6.3.1 >/dev/null 2>&1

redis-server --port 0 --unixsocket "$folder/s" --save "" >/dev/null &
server=$!
until redis-cli -s "$folder/s" PING >/dev/null 2>&1; do sleep 0.1; done

cat > read.mjs <<'END'
import { Redis } from "ioredis";
import { Redis as Valkey } from "iovalkey";
import { createClient } from "redis";
const path = process.argv[2];
const script = "return {9007199254740991, 9007199254740989, 4503599627370497}";
for (const [name, Client] of [["ioredis", Redis], ["iovalkey", Valkey]]) {
  const client = new Client({ path });
  console.log(name, (await client.eval(script, 0)).join(" "));
  client.disconnect();
}
const client = createClient({ socket: { path } });
await client.connect();
console.log("node-redis", (await client.sendCommand(["EVAL", script, "0"])).join(" "));
client.destroy();
END

redis-server --version
for client in ioredis iovalkey redis; do
  echo "$client $(node -p "JSON.parse(require('fs').readFileSync('node_modules/$client/package.json')).version")"
done
echo "redis-cli $(redis-cli -s "$folder/s" EVAL "return {9007199254740991, 9007199254740989, 4503599627370497}" 0 | tr '\n' ' ')"
found=$(node read.mjs "$folder/s")
echo "$found"
for client in ioredis node-redis; do
  echo "$found" | grep -qx "$client 9007199254740992 9007199254740988 4503599627370497"
done
echo "$found" | grep -qx "iovalkey 9007199254740991 9007199254740989 4503599627370497"
