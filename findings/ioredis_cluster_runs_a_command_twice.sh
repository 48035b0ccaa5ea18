#!/bin/sh
# ioredis 6.0.0 and its fork iovalkey 0.4.0: Cluster sends a command again when the connection to its node ends before the answer,
# though the node has run it, and though it was made with autoResendUnfulfilledCommands: false and maxRetriesPerRequest: 0.
# retryDelayOnFailover: 0 stops that, and so does maxRedirections: 0, with which the client follows no MOVED either. Counters
# that are incremented are otherwise incremented twice.
# Needs node, npm and redis-server. Exits with 0 while it is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-fund --no-audit ioredis@6.0.0 iovalkey@0.4.0 >/dev/null
cat >try.cjs <<'JS'
const { spawn } = require("node:child_process");
const { createServer } = require("node:net");
const { setTimeout: pause } = require("node:timers/promises");

async function main(port) {
  const words = ["--bind", "127.0.0.1", "--port", port, "--save", "", "--cluster-enabled", "yes"];
  const server = spawn("redis-server", [...words, "--cluster-announce-ip", "127.0.0.1"], { stdio: "ignore" });
  let isSo = true;
  try {
    for (const name of ["ioredis", "iovalkey"]) {
      const { Redis, Cluster } = require(name);
      const admin = new Redis(port, "127.0.0.1");
      admin.on("error", () => {});
      while (!(await admin.call("CLUSTER", "INFO").catch(() => "")).includes("cluster_state:ok")) {
        await admin.call("CLUSTER", "ADDSLOTSRANGE", 0, 16383).catch(() => {});
        await pause(100);
      }
      for (const options of [{}, { retryDelayOnFailover: 0 }, { maxRedirections: 0 }]) {
        const cluster = new Cluster([{ host: "127.0.0.1", port }], {
          ...options,
          redisOptions: { autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0 },
        });
        cluster.on("error", () => {});
        await cluster.set("counter", 0);
        // The node runs what follows, and answers nothing.
        cluster.nodes("master")[0].call("CLIENT", "REPLY", "OFF").catch(() => {});
        const answer = cluster.incr("counter").then((n) => `answer ${n}`, (error) => `error "${error.message}"`);
        await pause(200);
        const before = await admin.get("counter");
        await admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
        const said = await Promise.race([answer, pause(5000, "nothing")]);
        const after = await admin.get("counter");
        const { version } = require(`${name}/package.json`);
        console.log(`${name} ${version} ${JSON.stringify(options)}: one INCR, counter ${before} -> ${after}, ${said}`);
        isSo &&= after === (Object.keys(options).length === 0 ? "2" : "1");
        cluster.disconnect();
      }
      admin.disconnect();
    }
  } finally {
    server.kill("SIGKILL");
  }
  process.exit(isSo ? 0 : 1);
}
const probe = createServer().listen(0, "127.0.0.1", () => {
  const { port } = probe.address();
  // The cluster's own port is 10000 higher, and has to be one.
  probe.close(() => main(port > 50000 ? port - 20000 : port));
});
JS
node try.cjs
