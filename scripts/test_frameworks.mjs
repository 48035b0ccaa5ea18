/**
 * `npm run test:frameworks`: the examples of frameworks that are not installed here, each in a new app of that framework
 * with the package as npm would have it, built, started and driven over sockets. It takes minutes, and npm's registry.
 *
 *   npm run test:frameworks                                    all of them
 *   npm run test:frameworks -- next                            those that have "next" in their names
 *   node scripts/test_frameworks.mjs examples/next_proxy.ts    one
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, delimiter, dirname, join, resolve } from "node:path";
import process from "node:process";
import { buildPackage, buildTests } from "./build.mjs";
import { frameworks } from "./frameworks.mjs";

const { name: PACKAGE, version } = JSON.parse(readFileSync("package.json", "utf8"));

if (!buildPackage() || !buildTests()) process.exit(1);
const { freePort } = await import("../.build/tests/harness/free_port.js");
const { sendFrom } = await import("../.build/tests/harness/loopback.js");
const { startProgram } = await import("../.build/tests/harness/program.js");

const wanted = basename(process.argv[2] ?? "", ".ts");
const chosen = Object.entries(frameworks).filter(([name]) => name.includes(wanted));
if (chosen.length === 0) {
  console.error(`No framework has "${wanted}" in its name: ${Object.keys(frameworks).join(", ")}.`);
  process.exit(1);
}

const workshop = mkdtempSync(join(tmpdir(), "weir-frameworks-"));
process.on("exit", () => rmSync(workshop, { recursive: true, force: true }));
execFileSync("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", workshop]);
const tarball = join(workshop, `${PACKAGE.replace("@", "").replace("/", "-")}-${version}.tgz`);

const lines = [];
for (const [name, framework] of chosen) {
  const versions = Object.entries(framework.packages).map(([each, range]) => `${each} ${range}`).join(", ");
  try {
    await tryFramework(name, framework);
    lines.push(`passed: ${name} (${versions})`);
  } catch (error) {
    process.exitCode = 1;
    lines.push(`FAILED: ${name} (${versions})\n${error.stack}\n${error.stdout ?? ""}${error.stderr ?? ""}`);
  }
  console.log(lines.at(-1));
}
console.log(["", ...lines.map((line) => line.split("\n")[0])].join("\n"));

async function tryFramework(name, framework) {
  console.log(`\n--- ${name}: installing and building ---`);
  const folder = join(workshop, name);
  write(folder, name, framework);
  const env = { ...process.env, PATH: [join(folder, "node_modules/.bin"), process.env.PATH].join(delimiter) };
  Object.assign(env, { CI: "true", NEXT_TELEMETRY_DISABLED: "1", ASTRO_TELEMETRY_DISABLED: "1" });
  const run = ([program, ...words]) => execFileSync(program, words, { cwd: folder, env, stdio: "pipe" });
  run(["npm", "install", "--no-audit", "--no-fund", "--loglevel=error"]);
  run(framework.build);
  const port = String(await freePort());
  const start = framework.start.map((word) => word === "0" ? port : word);
  const program = await startProgram(start, { ...env, PORT: port, HOST: "127.0.0.1" }, folder);
  try {
    await drive(program, framework);
  } finally {
    await program.stop();
  }
}

function write(folder, name, { packages, example, files }) {
  const dependencies = { ...packages, [PACKAGE]: `file:${tarball}` };
  const all = {
    ...files,
    [example]: `example: ${name}`,
    "package.json": JSON.stringify({ name: "app", private: true, type: "module", dependencies }),
  };
  for (const [file, text] of Object.entries(all)) {
    const [, other] = /^example: (\w+)$/.exec(text) ?? [];
    const path = join(folder, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, other === undefined ? text : readFileSync(resolve(`examples/${other}.ts`)));
  }
}

/** Twenty requests pass, the next is refused, another address has its own quota, and the login allows five. */
async function drive(program, { address, login, also, page, shown = "5" }) {
  const send = (client, sent) =>
    address === "socket"
      ? sendFrom(`127.0.0.${client}`, program.url, sent)
      : sendFrom("127.0.0.1", program.url, {
        ...sent,
        headers: { ...sent.headers, [address]: `203.0.113.${client}` },
      });
  const many = async (count, client, sent) => {
    const answers = [];
    for (let i = 0; i < count; i++) answers.push(await send(client, sent));
    return answers;
  };
  const left = ({ headers }) => Number(headers["x-ratelimit-remaining"]);

  const hello = { path: "/", headers: { accept: "text/html" } };
  const answers = await many(21, 2, hello);
  const refused = answers.pop();
  answers.forEach(({ status, text, ...answer }, i) => {
    assert.deepEqual([status, left(answer)], [200, 19 - i], program.output() + text);
    assert.match(text, /hello/);
  });
  assertRefused(refused, "20");
  assert.equal(left(await send(3, hello)), 19, "another address has a quota of its own");
  const lost = await send(3, { ...hello, path: "/nothing/here" });
  assert.deepEqual([lost.status, left(lost)], [404, 18], "what is not found is counted");
  if (page !== undefined) {
    const whole = await send(3, { ...hello, path: page });
    assert.deepEqual(
      [whole.status, left(whole)],
      [200, 17],
      "a page is one request, whatever it asks its app for",
    );
  }
  if (login === undefined) return;
  const logins = await many(6, 4, login);
  const sixth = logins.pop();
  assert.deepEqual(logins.map(({ status }) => status), Array(5).fill(401), logins[0].text);
  assertRefused(sixth, shown);
  assert.match(sixth.text, /"violated-policies":\["login"\]/);
  if (also !== undefined) assert.equal((await send(4, { ...login, ...also })).status, 429, also.path);
}

function assertRefused({ status, headers, text }, limit) {
  assert.deepEqual([status, headers["x-ratelimit-limit"]], [429, limit], text);
  assert.match(headers["retry-after"], /^\d+$/);
  assert.equal(headers["cache-control"], "no-store");
  assert.match(headers["content-type"], /^application\/problem\+json/);
  assert.equal(JSON.parse(text).status, 429);
}
