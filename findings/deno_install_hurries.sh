#!/bin/sh
# Deno 2.9.6: `deno install` asks a registry that refuses it with `Retry-After: 3` three times more within a second, and fails. Bun
# 1.4.5 waits three seconds before each of its retries, and says so. So a registry, or a proxy of one, that limits its clients
# breaks a build with Deno that it only delays with Bun.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund deno@2.9.6 bun@1.4.5 >/dev/null 2>&1

cat > try.mjs <<'END'
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";

const asked = [];
const server = createServer((request, response) => {
  request.resume();
  asked.push(Date.now());
  response.writeHead(429, { "retry-after": "3", "content-type": "application/json" }).end("{}");
}).listen(0, "127.0.0.1");
await once(server, "listening");

/** The ms between the requests of an installer for a package, until it gives up or 8 s are over. */
async function install(program, ...words) {
  asked.length = 0;
  const cwd = `${process.cwd()}/${program}`;
  mkdirSync(cwd);
  writeFileSync(`${cwd}/package.json`, '{ "dependencies": { "left-pad": "1.3.0" } }');
  writeFileSync(`${cwd}/.npmrc`, `registry=http://127.0.0.1:${server.address().port}/\n`);
  const env = { ...process.env, DENO_DIR: `${cwd}/cache`, BUN_INSTALL_CACHE_DIR: `${cwd}/cache` };
  const child = spawn(`${process.cwd()}/node_modules/.bin/${program}`, words, { cwd, env, stdio: "ignore" });
  const timer = setTimeout(() => child.kill(), 8000);
  const [code] = await once(child, "exit");
  clearTimeout(timer);
  console.log(`${program} install: ${code === null ? "still trying" : `exit code ${code}`}; requests at ${asked.map((at) => at - asked[0]).join(", ")} ms`);
  return { code, waits: asked.slice(1).map((at, i) => at - asked[i]) };
}
const deno = await install("deno", "install");
const bun = await install("bun", "install");
server.close();
server.closeAllConnections();
const isSo = deno.code > 0 && deno.waits.length === 3 && deno.waits.every((ms) => ms < 2000) &&
  bun.waits.length > 0 && bun.waits.every((ms) => ms >= 2900);
process.exit(isSo ? 0 : 1);
END
echo "node $(node --version)"
npx deno --version | head -n 1
echo "bun $(npx bun --version)"
node try.mjs
