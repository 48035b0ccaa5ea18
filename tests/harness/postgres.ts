import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { Client, type QueryResult } from "pg";
import { freePort } from "./free_port.ts";
import { until } from "./until.ts";

/** Debian keeps the programs of each version in a folder that is not on the PATH. */
const DEBIAN = "/usr/lib/postgresql";
const debian = existsSync(DEBIAN)
  ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)).map((version) =>
    `${DEBIAN}/${version}/bin/postgres`
  )
  : [];

/** The path of postgres: `npm test` sets it in WEIR_POSTGRES. */
const PROGRAM = [process.env.WEIR_POSTGRES, ...debian].find((path) => path && existsSync(path));
/** The path of pgbouncer, likewise. */
const POOLER = [process.env.WEIR_PGBOUNCER, "/usr/sbin/pgbouncer"].find((path) => path && existsSync(path));

if ((PROGRAM === undefined || POOLER === undefined) && process.env.CI) {
  throw new Error(
    "No postgres or no pgbouncer: set WEIR_POSTGRES, WEIR_PGBOUNCER. In CI no test is skipped.",
  );
}

/** The `skip` of a test that needs a real Postgres: false, or the reason. */
export const withoutPostgres: string | false = PROGRAM === undefined &&
  "no postgres: apt-get install postgresql, or set WEIR_POSTGRES to its path";
/** The same for PgBouncer. */
export const withoutPgBouncer: string | false = POOLER === undefined &&
  "no pgbouncer: apt-get install pgbouncer, or set WEIR_PGBOUNCER to its path";

const HOST = "127.0.0.1";
/** Postgres refuses to run as root, so root runs it as nobody. */
export const NOBODY = 65534;
const isRoot = process.getuid?.() === 0;

/** The words that run a program, as nobody if this is root. */
function wordsOf(program: string, words: readonly string[]): [string, string[]] {
  if (!isRoot) return [program, [...words]];
  return ["setpriv", [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", program, ...words]];
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "weir-postgres-"));
  if (isRoot) chownSync(folder, NOBODY, NOBODY);
  return folder;
}

/** A Postgres for one test, with `fsync` on. */
export interface Postgres {
  readonly host: string;
  readonly port: number;
  /** The folder of its Unix socket. */
  readonly folder: string;
  /** "postgres://postgres@127.0.0.1:40123/postgres" */
  readonly url: string;
  /** Runs a statement over a connection of the harness. */
  query(text: string, values?: unknown[]): Promise<QueryResult>;
  /** Sends a signal to all its processes: SIGSTOP freezes it, SIGCONT resumes it. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void;
  /** Ends it: "fast" as an operator does, "immediate" like a crash. */
  end(how: "fast" | "immediate"): Promise<void>;
  /** Starts it again at the same address. */
  begin(): Promise<void>;
  /** Stops it and removes its files. */
  stop(): Promise<void>;
}

const running = new Set<ChildProcess>();
process.on("exit", () => running.forEach((child) => process.kill(child.pid!, "SIGQUIT")));

function launch(program: string, words: readonly string[]): ChildProcess {
  const child = spawn(...wordsOf(program, words), {
    stdio: ["ignore", "ignore", process.env.WEIR_LOG ? "inherit" : "ignore"],
  });
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

/** A process and its children: Linux lists them in /proc. */
function familyOf(pid: number): number[] {
  const children = spawnSync("ps", ["-o", "pid=", "--ppid", String(pid)], { encoding: "utf8" }).stdout;
  return [pid, ...children.trim().split(/\s+/).filter(Boolean).map(Number)];
}

const INITDB = ["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync"];
/** Of each program, data as initdb makes them. */
const INITIALIZED = resolve(".artefacts/postgres");

/** Makes the data of a new server: a copy, as initdb takes four times as long. */
function initialize(data: string): void {
  const program = realpathSync(PROGRAM!);
  const origin = [program, statSync(program).mtimeMs, process.getuid?.(), ...INITDB].join(" ");
  const kept = join(INITIALIZED, createHash("sha256").update(origin).digest("hex"));
  if (existsSync(kept)) return copy(kept, data);
  run(...wordsOf(join(dirname(program), "initdb"), ["-D", data, ...INITDB]));
  mkdirSync(INITIALIZED, { recursive: true });
  const own = mkdtempSync(join(INITIALIZED, "new-"));
  copy(data, join(own, "data"));
  try {
    renameSync(join(own, "data"), kept);
  } catch (error) {
    if (!existsSync(kept)) throw error; // else another test file was first
  } finally {
    rmSync(own, { recursive: true });
  }
}

/** With owners and modes, which Postgres looks at. */
function copy(from: string, to: string): void {
  run("cp", ["-Rp", from, to]);
}

function run(program: string, words: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: "utf8", cwd: "/" });
  if (status !== 0) throw new Error(`${program} failed: ${stdout} ${stderr}`);
}

/**
 * Starts a Postgres on a TCP port and a Unix socket.
 *
 * @param settings Further settings: `["max_connections=20"]`.
 */
export async function startPostgres(settings: readonly string[] = []): Promise<Postgres> {
  const folder = newFolder();
  const data = join(folder, "data");
  initialize(data);
  const port = await freePort();
  const words = [
    `listen_addresses=${HOST}`,
    `port=${port}`,
    `unix_socket_directories=${folder}`,
    "fsync=on",
    ...settings,
  ].flatMap((setting) => ["-c", setting]);
  let child: ChildProcess;
  let client: Client | null = null;

  async function connect(): Promise<Client> {
    const next = new Client({ host: folder, port, user: "postgres", database: "postgres" });
    next.on("error", () => {});
    await next.connect();
    return next;
  }

  async function begin(): Promise<void> {
    child = launch(PROGRAM!, ["-D", data, ...words]);
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`postgres ended with ${child.exitCode}`);
      return await connect().then((next) => {
        client = next;
        return true;
      }, () => false);
    });
  }

  async function end(how: "fast" | "immediate"): Promise<void> {
    await client?.end().catch(() => {});
    client = null;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    process.kill(child.pid!, how === "fast" ? "SIGINT" : "SIGQUIT");
    await ended;
  }

  await begin();
  return {
    host: HOST,
    port,
    folder,
    url: `postgres://postgres@${HOST}:${port}/postgres`,
    query: (text, values) => client!.query(text, values),
    signal(signal) {
      for (const pid of familyOf(child.pid!)) process.kill(pid, signal);
    },
    end,
    begin,
    async stop() {
      await end("immediate");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A PgBouncer in front of a Postgres, in transaction mode: two connections for all its clients. */
export async function startPgBouncer(
  postgres: Postgres,
): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const folder = newFolder();
  const port = await freePort();
  writeFileSync(join(folder, "users.txt"), '"postgres" ""\n');
  writeFileSync(
    join(folder, "pgbouncer.ini"),
    `[databases]
postgres = host=${postgres.folder} port=${postgres.port} user=postgres
[pgbouncer]
listen_addr = ${HOST}
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${folder}/users.txt
pool_mode = transaction
default_pool_size = 2
max_client_conn = 100
`,
  );
  const child = launch(POOLER!, [join(folder, "pgbouncer.ini")]);
  const url = `postgres://postgres@${HOST}:${port}/postgres`;
  await until(async () => {
    const client = new Client({ connectionString: url });
    client.on("error", () => {});
    return await client.connect().then(() => client.end()).then(() => true, () => false);
  });
  return {
    url,
    async stop() {
      const ended = once(child, "exit");
      process.kill(child.pid!, "SIGKILL");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
