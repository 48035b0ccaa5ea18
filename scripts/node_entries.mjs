/**
 * The files that Node's runner starts, one process for each: a test file that needs a process of its own, or a share of the
 * others, as a process that starts and imports costs more than most files' tests.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { withImports } from "./system.mjs";

/** More than run at once, so that no long one is left at the end. */
const SHARES = 8;

/** A file whose own text or harness says one of these changes its process, measures it, or mostly waits for other ones. */
const ALONE = [
  /"node:(?:child_process|worker_threads|cluster|vm)"/,
  /\bprocess\.(?:on|once|exit|memoryUsage|emitWarning)\b/,
  /\bWEIR_(?:REDIS|CHROMIUM|POSTGRES)\b/,
  /\bgc\(/,
  /\bprocess\.env\.\w+ = |\bdelete process\.env\b/,
  /"@hono\/node-server"/, // it replaces the global Response
  /\bonce a process\b/,
];

/**
 * Writes an entry for each process. An entry fails if it ends before all its tests have run.
 *
 * @param output The folder of the built tests.
 * @param shares How many processes run the files that need none of their own.
 * @returns Their paths, those that mostly wait first, and a function that removes them.
 */
export function nodeEntries(files, output = ".build", shares = SHARES) {
  const folder = mkdtempSync(`${output}/entries-`);
  const alone = files.filter(needsProcess);
  const others = files.filter((file) => !alone.includes(file));
  const groups = [...alone.map((file) => [file]), ...dealt(others, shares)];
  // Node's runner sorts its files by name.
  const digits = String(groups.length).length;
  const entries = groups.map((group, i) => {
    const path = `${folder}/${String(i).padStart(digits, "0")}.js`;
    writeFileSync(path, entry(group));
    return path;
  });
  return { entries, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

function dealt(files, shares) {
  return Array.from({ length: shares }, (_, share) => files.filter((_, i) => i % shares === share))
    .filter((share) => share.length > 0);
}

function needsProcess(file) {
  const texts = withImports([file], "src").map((path) => readFileSync(path, "utf8"));
  return texts.some((text) => ALONE.some((pattern) => pattern.test(text)));
}

function entry(files) {
  const suites = files.map((file) => {
    const built = `../${file.replace(/\.tsx?$/, ".js")}`;
    return `suite(${JSON.stringify(file)}, () => { after(() => left.delete(${JSON.stringify(file)}));` +
      ` return import(${JSON.stringify(built)}); });`;
  });
  return `import { after, suite } from "node:test";
import process from "node:process";
const left = new Set(${JSON.stringify(files)});
process.on("exit", () => {
  if (left.size === 0) return;
  console.error("The process ended before the tests in", ...left);
  process.exitCode = 1;
});
${suites.join("\n")}
`;
}
