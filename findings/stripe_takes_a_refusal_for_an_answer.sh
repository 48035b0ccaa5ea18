#!/bin/sh
# stripe 23.1.0: a 429 whose body is JSON without a member `error`, such as problem details or a gateway's {"message": ...}, is no
# error: `customers.create` resolves to that body as if it were the customer, and is not tried again. The client looks at the
# body alone, and rejects with StripeRateLimitError only where that has an object `error`. So a limiter between this client and
# its API, or in front of an API with Stripe's form, has to refuse in Stripe's form.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund stripe@23.1.0 >/dev/null 2>&1

cat > try.mjs <<'END'
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import Stripe from "stripe";

let [body, requests] = [undefined, 0];
const server = createServer((request, response) => {
  requests++;
  request.resume();
  response.writeHead(429, { "content-type": "application/json", "retry-after": "30" }).end(JSON.stringify(body));
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const stripe = new Stripe("sk_test_t", { host: "127.0.0.1", port: server.address().port, protocol: "http", telemetry: false });

console.log(`stripe ${JSON.parse(readFileSync("node_modules/stripe/package.json", "utf8")).version}`);
const found = [];
for (body of [
  { type: "about:blank", title: "Too Many Requests", status: 429 },
  { message: "Too Many Requests" },
  { error: { message: "Too Many Requests" } },
]) {
  requests = 0;
  const outcome = await stripe.customers.create({ email: "someone@example.com" })
    .then((customer) => `resolves to ${JSON.stringify(customer)}`, ({ type, statusCode }) => `rejects, ${type} ${statusCode}`);
  console.log(`429 ${JSON.stringify(body)}: ${outcome}, ${requests} request(s)`);
  found.push(outcome.startsWith("resolves to {") ? `resolves after ${requests}` : outcome);
}
server.closeAllConnections();
server.close();
process.exit(found.join() === "resolves after 1,resolves after 1,rejects, StripeRateLimitError 429" ? 0 : 1);
END
echo "node $(node --version)"
node try.mjs
