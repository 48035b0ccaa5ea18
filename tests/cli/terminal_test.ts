/** The command `weir` on a terminal: a real one, which `script` opens. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { execFileSync, spawn } from "node:child_process";
import { createReadStream, createWriteStream, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { pipeline } from "node:stream/promises";
import { after, before, describe, it } from "node:test";
import { Progress } from "../../src/cli/progress.ts";
import { combinedLog, seededHits } from "../replay/brute_force.ts";
import { COMMAND } from "../harness/weir.ts";

const SCRIPT = "/usr/bin/script";

/** On Deno as README has it: with the permission to read alone, as a prompt for another would wait for ever. */
const READING = COMMAND.filter((word) => !/^--allow-(?:env|write)$/.test(word));

/** The output of the command on a terminal, with standard output and standard error as one. */
function onTerminal(
  words: readonly string[],
  start: readonly string[] = READING,
  env: Record<string, string> = {},
): Promise<string> {
  const command = [process.execPath, ...start, ...words].map((word) => `'${word}'`).join(" ");
  const child = spawn(SCRIPT, ["-qefc", command, "/dev/null"], {
    env: { ...process.env, NO_COLOR: "", DENO_NO_UPDATE_CHECK: "1", TERM: "xterm", ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => out += text);
  return new Promise((ended, failed) => {
    child.on("error", failed);
    child.on("close", (code) => code === 0 ? ended(out) : failed(new Error(out)));
  });
}

describe("weir on a terminal", { skip: !existsSync(SCRIPT) && "no script: apt-get install bsdutils" }, () => {
  let folder = "";
  let words: string[] = [];

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "weir-"));
    const file = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const log = file("access.log", combinedLog(seededHits(4, 500)).repeat(200));
    words = ["replay", log, "--rules", file("rules.json", '[{ "name": "api", "rate": "3/10s" }]')];
  });
  after(() => rmSync(folder, { recursive: true }));

  it("shows how far it is, takes that away at the end, and has colours", async () => {
    const out = await onTerminal(words);
    assertMatch(out.replaceAll("\x1b", "ESC"), /\rESC\[Kreading {3}\[[#-]{24}\] \d+ %/);
    // The bar is gone before the table.
    const last = out.lastIndexOf("\r\x1b[K");
    assert(out.slice(last).startsWith("\r\x1b[K100,000 requests"), out.slice(last, last + 80));
    assert(out.includes("\x1b[1mrule"), out);
    assertMatch(out.replaceAll("\x1b", "ESC"), /ESC\[31m[\d,]+ESC\[0m requests refused/);
  });

  it("counts the lines of a pipe, whose size the system does not know", async () => {
    const [command, log, ...rest] = words;
    const pipe = join(folder, "pipe");
    execFileSync("mkfifo", [pipe]);
    const [out] = await Promise.all([
      onTerminal([command, pipe, ...rest]),
      pipeline(createReadStream(log), createWriteStream(pipe)),
    ]);
    assertMatch(out.replaceAll("\x1b", "ESC"), /\rESC\[Kreading {3}[\d,]+ lines/);
    assert(out.includes("100,000 requests"), out);
  });

  it("has no colours where NO_COLOR asks for none", async () => {
    const out = await onTerminal(words, COMMAND, { NO_COLOR: "1" });
    assert(out.includes("\x1b[K") && !out.includes("\x1b[1m"), out);
  });
});

describe("Progress", () => {
  /** The lines that it shows for these reports, each a second after the one before. */
  function shown(reports: readonly Parameters<Progress["report"]>[]): string[] {
    const lines: string[] = [];
    let now = 0;
    const progress = new Progress((text) => lines.push(text), () => now);
    for (const report of reports) {
      progress.report(...report);
      now += 1000;
    }
    progress.end();
    return lines;
  }

  it("shows lines per second and the time left", () => {
    assertEquals(shown([["reading", 1000, 0.25], ["reading", 300_000, 0.5], ["deciding", 10, 0.001]]), [
      "reading  [######------------------] 25 %",
      "reading  [############------------] 50 %  300,000 lines/s  1 s left",
      "deciding  [------------------------] 0 %",
      "",
    ]);
  });

  it("counts the lines where nobody knows how many there are", () => {
    assertEquals(
      shown([["reading", 5, NaN], ["reading", 12_345, NaN]])[1],
      "reading  12,345 lines  12,345 lines/s",
    );
  });

  it("is whole where a log has grown meanwhile", () => {
    for (const part of [1.2, Infinity]) {
      assertEquals(shown([["reading", 5, part]]), [`reading  [${"#".repeat(24)}] 100 %`, ""]);
    }
  });

  it("says minutes where seconds would be many, and shows nothing twice in a tenth of a second", () => {
    assertEquals(shown([["reading", 1, 0.001], ["reading", 2, 0.002]])[1].split("  ").pop(), "9 min left");
    const lines: string[] = [];
    const progress = new Progress((text) => lines.push(text), () => 5);
    for (let i = 0; i < 10; i++) progress.report("reading", i, i / 10);
    assertEquals(lines.length, 1);
  });

  it("takes nothing away where it has shown nothing", () => {
    assertEquals(shown([]), []);
  });
});
