#!/bin/sh
# OpenTelemetry's OTLP exporter for JavaScript 0.223.1: a Retry-After that is longer than the rest of its time-out (10 s) makes it
# drop the batch at once, and send the next batch without a wait. After a refusal without the header, or with a short wait, it
# tries again. So a limit per minute in front of a collector loses the spans that it refuses, and the exporter comes back before
# the stated time all the same. A Retry-After of 0 uses up all five retries within some ms.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund @opentelemetry/exporter-trace-otlp-http@0.223.1 @opentelemetry/sdk-trace-node@2.12.1 \
  @opentelemetry/api@1.9.1 >/dev/null 2>&1

cat > try.mjs <<'END'
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

/** A collector that refuses the first requests: whose spans it gets, and how often it was asked. */
async function collected(title, refusals, headers) {
  const names = [];
  let requests = 0;
  const server = createServer(async (request, response) => {
    const isRefused = ++requests <= refusals;
    const parts = [];
    for await (const part of request) parts.push(part);
    const { resourceSpans } = JSON.parse(Buffer.concat(parts).toString());
    if (!isRefused) names.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)).map(({ name }) => name));
    response.writeHead(isRefused ? 429 : 200, isRefused ? headers : {}).end("{}");
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const exporter = new OTLPTraceExporter({ url: `http://127.0.0.1:${server.address().port}/v1/traces` });
  const provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter, { exportTimeoutMillis: 30_000 })] });
  const from = Date.now();
  for (const name of ["first", "second"]) {
    provider.getTracer("trial").startSpan(name).end();
    await provider.forceFlush().catch(() => {});
  }
  const ms = Date.now() - from;
  await provider.shutdown();
  server.closeAllConnections();
  server.close();
  console.log(`${title}: ${requests} requests in ${ms} ms, spans ${names.join(", ") || "none"}`);
  return { spans: names.join(), ms };
}
const { version } = JSON.parse(readFileSync("node_modules/@opentelemetry/otlp-exporter-base/package.json", "utf8"));
console.log(`@opentelemetry/otlp-exporter-base ${version}`);
const none = await collected("refused once, no Retry-After", 1, {});
const short = await collected("refused once, Retry-After: 2", 1, { "retry-after": "2" });
const long = await collected("refused once, Retry-After: 60", 1, { "retry-after": "60" });
const zero = await collected("refused six times, Retry-After: 0", 6, { "retry-after": "0" });
process.exit(
  none.spans === "first,second" && short.spans === "first,second" && short.ms >= 1990 && long.spans === "second" && long.ms < 50_000 &&
    zero.spans === "second" ? 0 : 1,
);
END
echo "node $(node --version)"
node try.mjs
