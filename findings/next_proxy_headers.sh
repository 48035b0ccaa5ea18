#!/usr/bin/env bash
# Next 16.4.6: a header that proxy.ts puts on NextResponse.next() takes the place of the same header of the route's own
# response. So where a proxy and a route both send X-RateLimit-Remaining, a route's 429 with "0" reaches the client
# with the proxy's "19", and a header that the route alone sends arrives.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
export NEXT_TELEMETRY_DISABLED=1 CI=1
echo '{ "private": true, "type": "module" }' > package.json
npm install --silent --no-audit --no-fund next@16.4.6 react@19.3.1 react-dom@19.3.1 >/dev/null 2>&1
mkdir -p app/login
echo 'export default ({ children }) => <html><body>{children}</body></html>;' > app/layout.jsx
echo 'export default () => <p>hello</p>;' > app/page.jsx
cat > proxy.js <<'JS'
import { NextResponse } from "next/server";
export const proxy = () => NextResponse.next({ headers: { "x-ratelimit-remaining": "19" } });
JS
cat > app/login/route.js <<'JS'
export const POST = () =>
  new Response("refused", { status: 429, headers: { "x-ratelimit-remaining": "0", "retry-after": "60" } });
JS
npx next build > build.log 2>&1 || { cat build.log; exit 1; }
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => console.log(s.address().port) ?? s.close())')
node node_modules/next/dist/bin/next start --hostname 127.0.0.1 --port "$port" > start.log 2>&1 &
server=$!
for _ in $(seq 100); do curl -s -o /dev/null "http://127.0.0.1:$port/" && break; sleep 0.1; done
echo "next $(node -p 'require("next/package.json").version'), node $(node --version)"
curl -s -i -X POST "http://127.0.0.1:$port/login" | tr -d '\r' | tee answer.txt | grep -i '^HTTP\|ratelimit\|retry'
grep -q '^HTTP/1.1 429' answer.txt && grep -qi '^retry-after: 60$' answer.txt &&
  [ "$(grep -ic '^x-ratelimit-remaining:' answer.txt)" = 1 ] && grep -qi '^x-ratelimit-remaining: 19$' answer.txt
