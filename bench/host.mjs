/** Starts a server for all contestants of a section, in its own process. */
import { spawn } from "node:child_process";
import process from "node:process";

/**
 * @param bun The path of Bun, which reads the tests' harness without a build.
 * @param file Prints the options of its clients as JSON in one line, and ends when its input does.
 * @param env Further variables of its environment.
 */
export async function startHost(bun, file, env = {}) {
  const child = spawn(bun, [file], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, ...env },
  });
  const line = await new Promise((ready, failed) => {
    child.stdout.setEncoding("utf8").once("data", ready);
    child.once("error", failed);
    child.once("exit", () => failed(new Error(`${file} did not start`)));
  });
  return { options: JSON.parse(line), stop: () => child.stdin.end() };
}
