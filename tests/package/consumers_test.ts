import { assert, assertEquals, assertGreater, assertMatch } from "@std/assert";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, it } from "node:test";
import { type Consumer, jsrConsumer, npmConsumer, npmPackage } from "../harness/consumer.ts";
import { describeOnNode } from "../harness/runtime.ts";

const peers = Object.keys(npmPackage.peerDependencies);
/** The clients that consumers/everything.ts has of its own. */
const CLIENTS = ["@upstash/redis"];
const entries = Object.keys(npmPackage.exports).filter((entry) => entry !== "./package.json");
const specifier = (entry: string) => npmPackage.name + entry.slice(1);

/** A program that imports every entry and says of each what came: how many things, or what was missing. */
const IMPORT_ALL = `
const found = {};
for (const entry of ${JSON.stringify(entries.map(specifier))}) {
  found[entry] = await import(entry).then((module) => Object.keys(module).length > 0, (error) => error.message);
}
console.log(JSON.stringify(found));
`;

/** The output of consumers/everything.ts. */
const EVERYTHING = {
  root: [200, 200, 429],
  hono: ["ip.60-per-1min"],
  dashboard: 200,
  stores: [true, true, true, true, true],
  jwt: "4",
  tokens: "380",
  openapi: ["200", "429"],
};

/** A program of CommonJS, in TypeScript. */
const COMMON_JS = `
import { byIp, withThrottle } from "@weir/throttle";
import throttleJwt = require("@weir/throttle/jwt");
const handler = withThrottle(() => new Response("hello"), { rate: "1/min", key: byIp() }, {
  client: { address: () => "192.0.2.1" },
});
async function main() {
  const statuses = [(await handler(new Request("https://a.example/"))).status];
  statuses.push((await handler(new Request("https://a.example/"))).status);
  console.log(JSON.stringify([...statuses, typeof throttleJwt.byJwt, typeof require]));
}
void main();
`;

const RUNTIMES: readonly (readonly [string, ...string[]])[] = [
  ["node"],
  ["bun"],
  ["deno", "run", "--allow-env", "--allow-net"],
];

/** The examples that take this package and a web-standard runtime, and nothing else. */
const PLAIN_EXAMPLES = readdirSync("examples").filter((file) => {
  if (!file.endsWith(".ts")) return false;
  const text = readFileSync(`examples/${file}`, "utf8");
  const others = [...text.matchAll(/ from "(.+?)"/g)].filter(([, from]) => !from.startsWith(npmPackage.name));
  return others.length === 0 && !/\b(?:Bun|Deno)\./.test(text);
});

/** As strict as it gets, and with the declarations of the package and of its dependencies looked at. */
const STRICT = {
  target: "es2023",
  lib: ["es2023", "dom", "dom.iterable"],
  types: [],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  verbatimModuleSyntax: true,
};

const RESOLUTIONS = {
  nodenext: { module: "nodenext", moduleResolution: "nodenext" },
  bundler: { module: "esnext", moduleResolution: "bundler", noEmit: true },
};

// Each runtime is started here, whichever it is that asks.
describeOnNode("the package from npm, in a project of a user's", () => {
  let consumer: Consumer;
  before(async () => {
    consumer = await npmConsumer([...peers, ...CLIENTS]);
    consumer.copy("tests/consumers/everything.ts");
    consumer.write("import_all.mjs", IMPORT_ALL);
    for (const file of PLAIN_EXAMPLES) consumer.copy(`examples/${file}`);
    for (const [name, options] of Object.entries(RESOLUTIONS)) {
      const config = { compilerOptions: { ...STRICT, ...options }, files: ["everything.ts"] };
      consumer.write(`tsconfig.${name}.json`, JSON.stringify(config));
    }
  });
  after(() => consumer.remove());

  for (const name of Object.keys(RESOLUTIONS)) {
    it(`has the right types where modules are resolved as ${name} does`, async () => {
      await consumer.run("tsc", "--project", `tsconfig.${name}.json`);
    });
  }

  it("is used by examples that are right in the strictest project", async () => {
    assertGreater(PLAIN_EXAMPLES.length, 10);
    const compilerOptions = { ...STRICT, ...RESOLUTIONS.bundler };
    consumer.write("tsconfig.examples.json", JSON.stringify({ compilerOptions, files: PLAIN_EXAMPLES }));
    await consumer.run("tsc", "--project", "tsconfig.examples.json");
  });

  for (const [program, ...words] of RUNTIMES) {
    it(`has every entry on ${program}`, async () => {
      const found = JSON.parse(await consumer.run(program, ...words, "import_all.mjs"));
      assertEquals(found, Object.fromEntries(entries.map((entry) => [specifier(entry), true])));
    });

    it(`does what it is for on ${program}`, async () => {
      // The output of tsc above: Node 20 reads no TypeScript.
      assertEquals(JSON.parse(await consumer.run(program, ...words, "everything.js")), EVERYTHING);
    });
  }

  it("does what it is for in a bundle of esbuild's", async () => {
    await consumer.run(
      "esbuild",
      ...["everything.ts", "--bundle", "--minify", "--format=esm", "--target=es2022", "--outfile=bundle.mjs"],
    );
    assertEquals(JSON.parse(await consumer.run("node", "bundle.mjs")), EVERYTHING);
  });

  it("can be required by CommonJS, also one that TypeScript makes as nodenext says", async () => {
    consumer.write("common.cts", COMMON_JS);
    const options = { ...STRICT, verbatimModuleSyntax: false, ...RESOLUTIONS.nodenext, types: ["node"] };
    const typeRoots = [resolve("node_modules/@types")];
    consumer.write(
      "tsconfig.common.json",
      JSON.stringify({
        compilerOptions: { ...options, typeRoots, skipLibCheck: true },
        files: ["common.cts"],
      }),
    );
    await consumer.run("tsc", "--project", "tsconfig.common.json");
    for (const program of ["node", "bun"]) {
      const printed = await consumer.run(program, "common.cjs");
      assertEquals(JSON.parse(printed), [200, 429, "function", "function"], program);
    }
  });

  it("asks for a Node that can require modules", () => {
    assertEquals(npmPackage.engines, { node: ">=20.19" });
  });

  it("asks Deno for nothing of the environment", async () => {
    consumer.write(
      "store.mjs",
      `
import { upstashStore } from "@weir/throttle/upstash";
console.log(upstashStore({ url: "https://example.upstash.io", token: "token" }).shared);
`,
    );
    assertEquals(await consumer.run("deno", "run", "--no-prompt", "store.mjs"), "true\n");
  });

  it("brings what its licence and its readers ask for, and nothing of this project's own", async () => {
    const files = await consumer.run(
      "find",
      `node_modules/${npmPackage.name}`,
      "-maxdepth",
      "1",
      "-printf",
      "%f\n",
    );
    const [, ...top] = files.trim().split("\n");
    assertEquals(top.sort(), [
      "CHANGELOG.md",
      "LICENSE",
      "README.md",
      "dist",
      "docs",
      "examples",
      "llms.txt",
      "mod.ts",
      "package.json",
      "src",
    ]);
  });
});

// Whatever is installed above a folder is installed in it.
const stray = join(tmpdir(), "node_modules");
const skip = existsSync(stray) && `${stray} is in the way`;

describeOnNode("the package from npm, where no peer is installed", { skip }, () => {
  let consumer: Consumer;
  before(async () => {
    consumer = await npmConsumer();
    consumer.write("import_all.mjs", IMPORT_ALL);
  });
  after(() => consumer.remove());

  /** The entries that cannot be without theirs. */
  const NEEDS: Readonly<Record<string, string>> = {
    "./jwt": "jose",
    "./otel": "@opentelemetry/api",
  };

  it("has the right types where Node's are the only ones", async () => {
    const imports = entries.map((entry, i) => `import * as entry${i} from "${specifier(entry)}";\n`);
    const names = entries.map((_, i) => `entry${i}`);
    consumer.write("entries.ts", `${imports.join("")}export const all = [${names}];\n`);
    const typeRoots = [resolve("node_modules/@types")];
    const options = { ...STRICT, ...RESOLUTIONS.nodenext, lib: ["es2023"], types: ["node"], typeRoots };
    consumer.write(
      "tsconfig.entries.json",
      JSON.stringify({ compilerOptions: { ...options, noEmit: true }, files: ["entries.ts"] }),
    );
    await consumer.run("tsc", "--project", "tsconfig.entries.json");
  });

  it("is installed with each of them by a command in README", () => {
    const readme = readFileSync("README.md", "utf8");
    for (const [entry, peer] of Object.entries(NEEDS)) {
      assert(readme.includes(`npm install ${npmPackage.name} ${peer}`), entry);
    }
    assertEquals(new Set(Object.values(NEEDS)), new Set(peers));
  });

  for (const [program, ...words] of RUNTIMES) {
    it(`has every entry on ${program} but those that need one, which name it`, async () => {
      const found = JSON.parse(await consumer.run(program, ...words, "import_all.mjs"));
      for (const entry of entries) {
        assertMatch(String(found[specifier(entry)]), new RegExp(NEEDS[entry] ?? "^true$"), entry);
      }
    });
  }
});

describeOnNode("the package from JSR, in a project of a user's", () => {
  let consumer: Consumer;
  before(() => {
    // npm has what is used of d3 in the package, JSR as an import, as Hono. Deno looks at the insides of linked packages, as it does not at those of JSR's, and there d3 has no types of its own.
    consumer = jsrConsumer([
      ...peers,
      ...CLIENTS,
      "d3-scale",
      "d3-shape",
      "@types/d3-scale",
      "@types/d3-shape",
    ]);
    consumer.copy("tests/consumers/everything.ts");
  });
  after(() => consumer.remove());

  it("has the right types", async () => {
    await consumer.run("deno", "check", "everything.ts");
  });

  it("does what it is for", async () => {
    const printed = await consumer.run("deno", "run", "--allow-env", "--allow-net", "everything.ts");
    assertEquals(JSON.parse(printed), EVERYTHING);
  });
});
