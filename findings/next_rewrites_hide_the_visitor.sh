#!/usr/bin/env bash
# Next 16.4.6: a request that `rewrites` of next.config sends to another server has no X-Forwarded-For of Next's, though it has an
# X-Forwarded-Host. So an API behind it sees Next's own address alone, and counts all visitors as one client. The app's own routes
# get the header. One that came in passes as it is, without an entry for the peer that sent it.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-}" "${api:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
export NEXT_TELEMETRY_DISABLED=1 CI=1
echo '{ "private": true, "type": "module" }' > package.json
npm install --no-audit --no-fund --loglevel=error next@16.4.6 react@19.3.1 react-dom@19.3.1
cat > api.js <<'JS'
import { createServer } from "node:http";
createServer((request, response) => {
  const names = Object.keys(request.headers).filter((name) => name.startsWith("x-forwarded"));
  response.end(names.map((name) => `${name}: ${request.headers[name]}\n`).sort().join(""));
}).listen(0, "127.0.0.1", function () {
  console.log(this.address().port);
});
JS
node api.js > api.port &
api=$!
until [ -s api.port ]; do sleep 0.1; done
cat > next.config.js <<JS
export default { rewrites: () => [{ source: "/api/:path*", destination: "http://127.0.0.1:$(cat api.port)/:path*" }] };
JS
mkdir -p app/own
echo 'export default ({ children }) => <html><body>{children}</body></html>;' > app/layout.jsx
echo 'export default () => <p>hello</p>;' > app/page.jsx
cat > app/own/route.js <<'JS'
export const GET = ({ headers }) =>
  new Response([...headers].filter(([name]) => name.startsWith("x-forwarded")).map((pair) => `${pair.join(": ")}\n`).sort().join(""));
JS
npx next build > build.log 2>&1 || { cat build.log; exit 1; }
port=$(node -p 'const s = require("net").createServer().listen(0, () => { console.log(s.address().port); s.close(); }); ""' | head -2 | tr -d '\n')
node node_modules/next/dist/bin/next start --hostname 127.0.0.1 --port "$port" > start.log 2>&1 &
server=$!
for _ in $(seq 100); do curl -s -o /dev/null "http://127.0.0.1:$port/" && break; sleep 0.1; done
echo "next $(node -p 'require("next/package.json").version'), node $(node --version)"
curl -s "http://127.0.0.1:$port/own" > own.txt
curl -s "http://127.0.0.1:$port/api/a" > api.txt
curl -s -H 'X-Forwarded-For: 203.0.113.9' "http://127.0.0.1:$port/api/a" > proxied.txt
echo "a route of its own gets:"; cat own.txt
echo "a server by rewrites gets:"; cat api.txt
echo "... of a request that has X-Forwarded-For: 203.0.113.9:"; cat proxied.txt
grep -q '^x-forwarded-for: .*127.0.0.1$' own.txt && grep -q '^x-forwarded-host: ' api.txt && ! grep -q '^x-forwarded-for: ' api.txt &&
  grep -q '^x-forwarded-for: 203.0.113.9$' proxied.txt
