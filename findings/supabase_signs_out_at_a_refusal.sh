#!/bin/sh
# @supabase/auth-js 2.119.1, which supabase-js has inside: where the server answers the refresh of an expired token with 429, the
# client deletes the session from its storage and tells the app SIGNED_OUT, so that the user has to sign in again. At a 503 it
# keeps the session and tries again. Only 500 to 504, 520 to 530 and a lost connection count as passing there.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund @supabase/auth-js@2.119.1 node@24.21.0 >/dev/null 2>&1

cat > try.mjs <<'END'
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { GoTrueClient } from "@supabase/auth-js";

console.error = () => {}; // the client prints each of its errors

/** Asks for a session whose token has expired 10 s ago, of a server that has one status for its refresh. */
async function refresh(status) {
  let asked = 0;
  const server = createServer((request, response) => {
    asked++;
    request.resume();
    const headers = { "content-type": "application/json", "retry-after": "2" };
    response.writeHead(status, headers).end('{ "code": "over_request_rate_limit", "msg": "Too many requests" }');
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const expires_at = Math.floor(Date.now() / 1000) - 10;
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const access_token = [part({ alg: "HS256" }), part({ sub: "u", exp: expires_at }), part("signature")].join(".");
  const session = { access_token, refresh_token: "r", expires_in: 3600, expires_at, token_type: "bearer", user: { id: "u" } };
  const stored = new Map([["session", JSON.stringify(session)]]);
  const storage = {
    getItem: (key) => stored.get(key) ?? null,
    setItem: (key, value) => void stored.set(key, value),
    removeItem: (key) => void stored.delete(key),
  };
  const url = `http://127.0.0.1:${server.address().port}`;
  const client = new GoTrueClient({ url, storage, storageKey: "session", autoRefreshToken: false });
  const events = [];
  client.onAuthStateChange((event) => void events.push(event));
  await Promise.race([client.getSession(), sleep(3000)]);
  const isKept = stored.has("session");
  console.log(`${status} after ${asked} request(s): the session is ${isKept ? "kept" : "deleted"}; events: ${events.join(", ") || "none so far"}`);
  server.close();
  server.closeAllConnections();
  return { asked, isKept, events };
}
console.log("@supabase/auth-js", JSON.parse(readFileSync("node_modules/@supabase/auth-js/package.json", "utf8")).version);
const refused = await refresh(429);
const away = await refresh(503);
process.exit(
  refused.asked === 1 && !refused.isKept && refused.events.includes("SIGNED_OUT") && away.asked > 1 && away.isKept ? 0 : 1,
);
END
echo "node $(npx node --version)"
npx node try.mjs
