#!/bin/sh
# Prometheus 2.42.0: samples that get 429 from the address of a `remote_write` are dropped, and the next batch comes a second later,
# whatever Retry-After says; a batch that gets 503 is sent again until it arrives. So a limit before the store of metrics makes holes
# in them. With `retry_on_http_429: true` in `queue_config`, which is false by default, Prometheus waits as it is told, and loses
# nothing.
# Prometheus comes from Debian's package, unpacked in the folder; its store is a server of Node 24.21.0.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund node@24.21.0 >/dev/null 2>&1
apt-get download prometheus >/dev/null 2>&1
dpkg-deb -x prometheus_*.deb .
usr/bin/prometheus --version 2>&1 | head -1

cat > try.mjs <<'END'
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as wait } from "node:timers/promises";

/** The fate of samples whose first three batches got `status`: the batches' times, and the samples that Prometheus says are lost. */
async function write(status, queue) {
  const times = [];
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      if (request.url === "/metrics") return response.end("");
      times.push(performance.now());
      response.writeHead(times.length <= 3 ? status : 204, { "retry-after": "3" }).end();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const target = `127.0.0.1:${server.address().port}`;
  const name = `${status}-${queue === "" ? "default" : "retry"}`;
  const config = {
    global: { scrape_interval: "1s" },
    scrape_configs: [{ job_name: "app", static_configs: [{ targets: [target] }] }],
    remote_write: [{ url: `http://${target}/write`, queue_config: { batch_send_deadline: "1s", ...queue } }],
  };
  writeFileSync(`${name}.yml`, JSON.stringify(config)); // JSON is YAML
  const options = [`--config.file=${name}.yml`, `--storage.tsdb.path=${name}`, "--web.listen-address=127.0.0.1:0"];
  const prometheus = spawn("usr/bin/prometheus", options, { stdio: ["ignore", "ignore", "pipe"] });
  process.on("exit", () => prometheus.kill());
  let log = "";
  prometheus.stderr.on("data", (text) => log += text);
  for (let i = 0; i < 400 && times.length < 5; i++) await wait(100);
  prometheus.kill();
  await once(prometheus, "exit");
  server.close();
  server.closeAllConnections();
  const lost = log.match(/msg="non-recoverable error"/g)?.length ?? 0;
  return { lost, gaps: times.slice(1, 5).map((time, i) => ((time - times[i]) / 1000).toFixed(1)) };
}
const found = {};
await Promise.all([["429", ""], ["503", ""], ["429", { retry_on_http_429: true }]].map(async ([status, queue]) => {
  const what = queue === "" ? status : `${status}, retry_on_http_429`;
  found[what] = await write(Number(status), queue);
  const { lost, gaps } = found[what];
  console.log(`${what} three times: ${lost > 0 ? "batches are lost" : "nothing is lost"}; seconds between requests: ${gaps.join(", ")}`);
}));
const waits = ({ gaps }) => gaps.slice(0, 3).every((gap) => gap >= 2.9);
const isSo = found["429"].lost > 0 && !waits(found["429"]) && found["503"].lost === 0 &&
  found["429, retry_on_http_429"].lost === 0 && waits(found["429, retry_on_http_429"]);
process.exit(isSo ? 0 : 1);
END
echo "node $(npx node --version)"
npx node try.mjs
