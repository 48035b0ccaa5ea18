import { assertEquals, assertMatch } from "@std/assert";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, it } from "node:test";
import { type Consumer, jsrConsumer, npmConsumer, npmPackage } from "./harness/consumer.ts";
import { describeOnNode } from "./harness/runtime.ts";

const peers = Object.keys(npmPackage.peerDependencies);
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

/** What consumers/everything.ts prints. */
const EVERYTHING = {
  root: [200, 200, 429],
  hono: ["ip.60-per-1min"],
  dashboard: 200,
  stores: [true, true, true],
  jwt: "4",
  openapi: ["200", "429"],
};

const RUNTIMES: readonly (readonly [string, ...string[]])[] = [
  ["node"],
  ["bun"],
  ["deno", "run", "--allow-env", "--allow-net"],
];

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
    consumer = await npmConsumer(peers);
    consumer.copy("tests/consumers/everything.ts");
    consumer.write("import_all.mjs", IMPORT_ALL);
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

  for (const [program, ...words] of RUNTIMES) {
    it(`has every entry on ${program}`, async () => {
      const found = JSON.parse(await consumer.run(program, ...words, "import_all.mjs"));
      assertEquals(found, Object.fromEntries(entries.map((entry) => [specifier(entry), true])));
    });

    it(`does what it is for on ${program}`, async () => {
      // What tsc made of it above: Node 20 reads no TypeScript.
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
    "./dashboard": "d3-s",
    "./jwt": "jose",
    "./otel": "@opentelemetry/api",
    "./upstash": "@upstash/redis",
  };

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
    // Deno looks at the insides of linked packages, as it does not at those of JSR's, and there d3 has no types of its own.
    consumer = jsrConsumer([...peers, "@types/d3-scale", "@types/d3-shape"]);
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
