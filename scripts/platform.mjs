/**
 * `node scripts/platform.mjs PLATFORM FILE`: serves a TypeScript file on PORT (default 3000) as a platform does that is not
 * at hand, in the nearest thing to it: node, workerd, workerd-2022 (the oldest Worker that is supported), edge-runtime,
 * netlify, lambda-v1, lambda-v2, lambda-url. Examples and tests are started by it; a project of your own has the platform's
 * tools for that.
 */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { serve } from "srvx";
import { lambdaEvents, responseOf } from "./lambda.mjs";

const HOST = "127.0.0.1";
const PROGRAMS = resolve("node_modules/.bin");

/** Each takes the file and a port, and resolves with the URL when the server answers. */
const platforms = {
  node: onNode,
  workerd: (file, port) => onWorkerd(file, port, "2026-01-01"),
  "workerd-2022": (file, port) => onWorkerd(file, port, "2022-11-30"),
  "edge-runtime": onEdgeRuntime,
  netlify: onNetlify,
  "lambda-v1": (file, port) => onLambda(file, port, lambdaEvents.v1),
  "lambda-v2": (file, port) => onLambda(file, port, lambdaEvents.v2),
  "lambda-url": (file, port) => onLambda(file, port, lambdaEvents.url),
};

/** The platforms' bindings and settings: here some variables of this process. */
function variables() {
  if (!process.env.UPSTASH_REDIS_REST_URL) {
    console.log("UPSTASH_REDIS_REST_URL is not set: what needs the store does without (onStoreFailure).");
    Object.assign(process.env, {
      UPSTASH_REDIS_REST_URL: "http://127.0.0.1:9",
      UPSTASH_REDIS_REST_TOKEN: "-",
    });
  }
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => /^(UPSTASH|WEIR)_/.test(name)));
}

/** A temporary folder within the project, so that its packages are found. */
function workshop() {
  mkdirSync(".build", { recursive: true });
  const folder = mkdtempSync(resolve(".build/platform-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Bundles the file as the platform's own tools would; returns the bundle's path. */
async function bundle(file, options, name = "bundle.mjs") {
  const outfile = join(workshop(), name);
  await build({
    ...{ entryPoints: [file], outfile, bundle: true, format: "esm", target: "es2022", logLevel: "warning" },
    ...options,
  });
  return outfile;
}

function importedOnNode(file) {
  return bundle(file, { platform: "node", packages: "external" }).then((path) =>
    import(pathToFileURL(path).href)
  );
}

/** A server of the file's own, or its default export as `srvx serve` takes it. */
async function onNode(file, port) {
  process.env.PORT = String(port);
  const { default: handler } = await importedOnNode(file);
  return handler?.fetch ? listen(handler.fetch, port) : undefined;
}

async function listen(fetch, port) {
  const server = serve({ fetch, port, hostname: HOST, silent: true });
  await server.ready();
  return server.url;
}

/**
 * Adds the client's address to a header, as a platform's edge does. A header of the request is kept, so that
 * a test can choose its address.
 */
function withClient(header) {
  return `(request) => {
  if (request.headers.has("${header}")) return request;
  const forwarded = new Request(request);
  forwarded.headers.set("${header}", "${HOST}");
  return forwarded;
}`;
}

async function onWorkerd(file, port, compatibilityDate) {
  const wrapper = `import worker from ${JSON.stringify(resolve(file))};
export * from ${JSON.stringify(resolve(file))};
const withClient = ${withClient("cf-connecting-ip")};
export default { ...worker, fetch: (request, ...rest) => worker.fetch(withClient(request), ...rest) };`;
  const path = await bundle(file, {
    entryPoints: undefined,
    stdin: { contents: wrapper, resolveDir: "." },
    conditions: ["workerd", "worker", "browser"],
  }, "worker.js");
  const bindings = Object.keys(variables()).map((name) => `(name = "${name}", fromEnvironment = "${name}")`);
  const config = join(dirname(path), "config.capnp");
  writeFileSync(
    config,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "internet", network = (
      allow = ["public", "local", "private"], tlsOptions = (trustBrowserCas = true))),
  ],
  sockets = [(name = "http", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "${basename(path)}")],
  compatibilityDate = "${compatibilityDate}",
  bindings = [${bindings.join(", ")}],
);
`,
  );
  const words = ["serve", config, `--socket-addr=http=${HOST}:${port}`, "--control-fd=3"];
  const child = spawn(join(PROGRAMS, "workerd"), words, { stdio: ["ignore", "inherit", "inherit", "pipe"] });
  process.on("exit", () => child.kill("SIGKILL"));
  return `http://${HOST}:${await portOf(child.stdio[3])}`;
}

/** The port on which workerd listens, which it says as soon as it does. */
async function portOf(control) {
  for await (const line of createInterface({ input: control })) {
    const { event, port } = JSON.parse(line);
    if (event === "listen") return port;
  }
  throw new Error("workerd ended at once");
}

async function onEdgeRuntime(file, port) {
  const { EdgeRuntime, runServer } = await import("edge-runtime");
  const wrapper = `import handler from ${JSON.stringify(resolve(file))};
const withClient = ${withClient("x-vercel-forwarded-for")};
addEventListener("fetch", (event) => event.respondWith(handler(withClient(event.request), event)));`;
  const path = await bundle(file, {
    entryPoints: undefined,
    stdin: { contents: wrapper, resolveDir: "." },
    ...{ format: "iife", write: true, conditions: ["edge-light", "worker", "browser"] },
  });
  const runtime = new EdgeRuntime({
    initialCode: readFileSync(path, "utf8"),
    // Vercel provides this part of Node's process.
    extend: (context) => Object.assign(context, { process: { env: variables() } }),
  });
  const { url } = await runServer({ runtime, host: HOST, port });
  return url;
}

/** A folder with a Deno that drops an option: Netlify's 1.0.24 gives it to `deno eval`, and Deno from 2.9.6 on refuses it there. */
function denoForNetlify() {
  const folder = workshop();
  const lines = [
    "#!/bin/sh",
    'for word do shift; [ "$word" = --allow-scripts ] || set -- "$@" "$word"; done',
    `exec "${join(PROGRAMS, "deno")}" "$@"`,
  ];
  writeFileSync(join(folder, "deno"), `${lines.join("\n")}\n`, { mode: 0o755 });
  return folder;
}

async function onNetlify(file, port) {
  const { EdgeFunctionsHandler } = await import("@netlify/edge-functions-dev");
  process.env.PATH = `${denoForNetlify()}:${process.env.PATH}`;
  const path = await bundle(
    file,
    { conditions: ["deno", "worker", "browser"], external: ["node:*"] },
    "weir.js",
  );
  const { PATH, HOME = "/tmp" } = process.env;
  const netlify = new EdgeFunctionsHandler({
    configDeclarations: [],
    directories: [dirname(path)],
    env: { ...variables(), PATH, HOME, NETLIFY: "true", DENO_NO_UPDATE_CHECK: "1" },
    geolocation: { city: "-", country: { code: "-", name: "-" }, subdivision: { code: "-", name: "-" } },
    logger: console,
    siteID: "weir",
    siteName: "weir",
  });
  endings.push(() => netlify.stop());
  return listen(async (request) => {
    const { url, method, body } = request;
    const headers = new Headers(request.headers);
    headers.set("x-nf-request-id", crypto.randomUUID());
    const forwarded = new Request(url, { method, headers, ...body && { body, duplex: "half" } });
    const match = await netlify.match(forwarded);
    return match?.handle(forwarded, new URL(url).origin) ??
      new Response("No function for this path", { status: 404 });
  }, port);
}

async function onLambda(file, port, eventOf) {
  variables();
  const { handler } = await importedOnNode(file);
  return listen(async (request) => {
    const event = await eventOf(request, request.ip);
    return responseOf(await handler(event, { awsRequestId: event.requestContext.requestId }), request.method);
  }, port);
}

const endings = [];

async function main([platform, file]) {
  if (!(platform in platforms) || file === undefined) {
    console.error(
      `Usage: node scripts/platform.mjs PLATFORM FILE, with one of ${Object.keys(platforms).join(", ")}`,
    );
    process.exit(1);
  }
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.once(signal, async () => {
      await Promise.allSettled(endings.map((end) => end()));
      process.exit();
    });
  }
  const url = await platforms[platform](file, Number(process.env.PORT ?? 3000));
  if (url) console.log(`Listening on ${url}`);
}

await main(process.argv.slice(2));
