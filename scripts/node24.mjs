/**
 * Node 24 for the tests, where an older Node runs them: its binary comes in a package of npm. It lies in a folder of its own, as
 * a package beside the others would put its `node` before the one that runs npm's scripts.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import process from "node:process";

const VERSION = "24.21.0";
const FOLDER = ".artefacts/node24";

/** @returns The path of the program; undefined where it cannot be had. */
export function node24() {
  if (process.env.WEIR_NODE24) return process.env.WEIR_NODE24;
  const { platform, arch } = process;
  const name = `${platform === "darwin" && arch === "arm64" ? "node-bin" : "node"}-${platform}-${arch}`;
  const program = resolve(FOLDER, "node_modules", name, "bin/node");
  if (versionOf(program) !== VERSION) {
    console.log(`Installing Node ${VERSION} in ${FOLDER}.`);
    const words = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
    spawnSync("npm", ["install", `--prefix=${FOLDER}`, ...words, `${name}@${VERSION}`], { stdio: "inherit" });
  }
  return versionOf(program) === VERSION ? program : undefined;
}

function versionOf(program) {
  if (!existsSync(program)) return;
  return spawnSync(program, ["--version"], { encoding: "utf8" }).stdout?.trim().slice(1);
}
