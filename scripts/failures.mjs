/** The failures that a runner printed, for the end of `npm test`: readers of CI see only the last lines. */

/** How many lines of one error are shown, and of a part whose failure has no title. */
const ERROR_LINES = 3;
const LAST_LINES = 15;
const MAX_LINE = 160;

/** Finds the titles of each runner's failures, each with the first lines of its error. */
const READERS = { deno: onDeno, docs: onDeno, bun: onBun, node: onNode, node24: onNode };

/** Does a part's output say that its runtime crashed, whatever the tests did? */
export const hasCrashed = (output) => /^(?:Deno has panicked\.|.*\bBun has crashed\.)/m.test(output);

/**
 * @param parts For each part that failed, its name and what its runner printed.
 * @param most How many lines there are at most.
 * @returns The lines.
 */
export function failureLines(parts, most = 40) {
  const found = parts.map(({ name, output }) => ({ name, output, failures: READERS[name](output) }));
  for (let errorLines = ERROR_LINES; errorLines > 0; errorLines--) {
    const lines = linesOf(found, errorLines);
    if (lines.length <= most) return lines;
  }
  const lines = linesOf(found, 0);
  if (lines.length <= most) return lines;
  return [...lines.slice(0, most - 1), `... and ${lines.length - most + 1} lines more: see the parts above.`];
}

function linesOf(parts, errorLines) {
  return parts.flatMap(({ name, output, failures }) =>
    failures.length === 0
      ? [
        `Failed on ${name}, without the title of a test:`,
        ...filled(output).slice(-LAST_LINES).map((line) => `  ${shortened(line)}`),
      ]
      : [
        `Failed on ${name}:`,
        ...failures.flatMap(({ title, error }) => [
          `  ${shortened(title)}`,
          ...withDifference(error).slice(0, errorLines).map((line) => `      ${shortened(line.trim())}`),
        ]),
      ]
  );
}

/** An assertion shows the whole of two values: the lines where they differ come first. */
function withDifference([message, ...rest]) {
  const changed = rest.filter((line) => /^ *[-+] /.test(line));
  return message === undefined ? [] : [message, ...(changed.length > 0 ? changed : rest)];
}

/** Under ERRORS a title and its location stand before each error. */
function onDeno(output) {
  const [, errors = ""] = output.match(/^ ?ERRORS ?\n([^]*?)(?=^ ?FAILURES ?$)/m) ?? [];
  return errors.split(/^(?=.+\nerror: )/m).flatMap((text) => {
    const [title, ...error] = filled(text);
    return error.length === 0 ? [] : [{ title: title.replace(/ => .*/, ""), error }];
  });
}

/** An error stands above the title of its test, below the code where it was thrown. */
function onBun(output) {
  const failures = [];
  let error = [];
  for (const line of filled(output)) {
    const [, title] = line.match(/^\(fail\) (.*?)(?: \[[\d.]+m?s\])?$/) ?? [];
    if (title !== undefined) {
      failures.push({ title, error });
      error = [];
    } else if (/^# Unhandled error/.test(line)) {
      error = undefined; // the next one has no title below it
    } else if (/^(?:\w*Error(?: \[.*\])?|error): /.test(line)) {
      if (error === undefined) failures.push({ title: "an error between tests", error: [line] });
      error = error === undefined ? [] : [line];
    } else if (error?.length) error.push(line);
  }
  return failures;
}

/** Each failed test comes again at the end, below its location. A suite fails where one of its tests does. */
function onNode(output) {
  const [, end = ""] = output.split(/^✖ failing tests:$/m);
  return end.split(/^test at /m).slice(1).flatMap((text) => {
    const [location, title = "", ...error] = filled(text);
    if (/^\s*'?\d+ subtests? failed/.test(error[0] ?? "")) return [];
    return [{ title: `${title.replace(/^✖ | \([\d.]+ms\)$/g, "")} (${location})`, error }];
  });
}

function filled(text) {
  return text.split("\n").filter((line) => line.trim() !== "");
}

function shortened(line) {
  return line.length > MAX_LINE ? `${line.slice(0, MAX_LINE - 3)}...` : line;
}
