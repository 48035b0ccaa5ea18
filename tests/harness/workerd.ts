import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { freePort } from "./free_port.ts";
import { pause } from "./until.ts";

/** A Worker with Durable Objects in a real workerd, whose objects are on disk. */
export interface Workerd {
  readonly url: string;
  /** Ends it at once (-9) and starts it again, with what it had stored. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts a Worker.
 *
 * @param file Its module.
 * @param bindings The name of each binding, and the class of the objects that it leads to.
 * @param flags Flags of compatibility: "nodejs_compat" gives it the modules of Node, which the tests' own code may need.
 */
export async function startWorkerd(
  file: string,
  bindings: Readonly<Record<string, string>>,
  flags: readonly string[] = [],
): Promise<Workerd> {
  mkdirSync(".build", { recursive: true });
  const folder = mkdtempSync(resolve(".build/workerd-"));
  const words = ["--bundle", "--format=esm", "--target=es2022", "--log-level=error"];
  const { status } = spawnSync("node_modules/.bin/esbuild", [
    file,
    ...words,
    "--conditions=workerd,worker,browser",
    ...flags.includes("nodejs_compat") ? ["--external:node:*"] : [],
    `--outfile=${join(folder, "worker.js")}`,
  ], { stdio: "inherit" });
  if (status !== 0) throw new Error(`esbuild could not bundle ${file}`);
  const port = await freePort();
  mkdirSync(join(folder, "objects"));
  const list = (each: (name: string, className: string) => string): string =>
    Object.entries(bindings).map(([name, className]) => each(name, className)).join(", ");
  writeFileSync(
    join(folder, "config.capnp"),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "disk", disk = (path = "${join(folder, "objects")}", writable = true)),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "worker.js")],
  compatibilityDate = "2026-01-01",
  compatibilityFlags = ${JSON.stringify(flags)},
  bindings = [${list((name, className) => `(name = "${name}", durableObjectNamespace = "${className}")`)}],
  durableObjectNamespaces = [${
      list((_, className) => `(className = "${className}", uniqueKey = "${className}", enableSql = true)`)
    }],
  durableObjectStorage = (localDisk = "disk"),
);
`,
  );

  const url = `http://127.0.0.1:${port}`;
  async function start(): Promise<ChildProcess> {
    const child = spawn("node_modules/.bin/workerd", ["serve", join(folder, "config.capnp")], {
      stdio: ["ignore", "inherit", "inherit"],
    });
    const ended = once(child, "exit").then(([code]) => {
      throw new Error(`workerd ended, with ${code}`);
    });
    ended.catch(() => {});
    await Promise.race([answers(), ended]);
    return child;
  }
  async function answers(): Promise<void> {
    for (;;) {
      const response = await fetch(`${url}/ready`).catch(() => null);
      await response?.body?.cancel();
      if (response !== null) return;
      await pause(20);
    }
  }
  async function kill(): Promise<void> {
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  let child = await start();
  return {
    url,
    async restart() {
      await kill();
      child = await start();
    },
    async stop() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
