#!/bin/sh
# Bottleneck 2.19.5: a job that the listener of "failed" has run again spends nothing of the reservoir and waits for no minTime. So a
# queue of two calls per second, told to retry what gets 429, sends its server twelve within the first second: at the moment that it
# is refused for being too fast. The README says that minTime is not heeded, and nothing of the reservoir. A job that is scheduled
# anew counts. SGrondin/bottleneck#223 asks for that.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund bottleneck@2.19.5 >/dev/null 2>&1

cat > try.cjs <<'END'
const Bottleneck = require("bottleneck");
const { createServer } = require("node:http");
const { once } = require("node:events");

const queue = () => new Bottleneck({ reservoir: 2, reservoirRefreshAmount: 2, reservoirRefreshInterval: 1000, minTime: 100 });

async function main() {
  console.log("bottleneck", require("bottleneck/package.json").version);
  let from;
  let times = [];
  const server = createServer((_request, response) => {
    times.push(performance.now() - from);
    response.writeHead(429, { "retry-after": "1" }).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const call = async () => {
    const response = await fetch(`http://127.0.0.1:${server.address().port}/`);
    await response.arrayBuffer();
    if (!response.ok) throw new Error(String(response.status));
  };
  const within = (ms) => times.filter((time) => time < ms).length;

  const byListener = queue();
  byListener.on("failed", (_error, { retryCount }) => (retryCount < 5 ? 0 : null));
  from = performance.now();
  await Promise.allSettled([byListener.schedule(call), byListener.schedule(call)]);
  const free = within(900);
  console.log(`two jobs, each run again five times by "failed": ${free} requests in the first 0.9 s`);
  await byListener.disconnect();

  times = [];
  const anew = queue();
  const again = async (left) => {
    for (let i = 0; i <= left; i++) await anew.schedule(call).catch(() => {});
  };
  from = performance.now();
  await Promise.all([again(2), again(2)]);
  const counted = within(900);
  console.log(`two jobs, each scheduled again twice: ${counted} requests in the first 0.9 s, all ${times.length} in ${Math.round(times.at(-1))} ms`);
  process.exit(free === 12 && counted === 2 ? 0 : 1);
}
main();
END
echo "node $(node --version)"
node try.cjs
