import { inspect } from "node:util";

/** The text of a value, one item a line, keys sorted: what a line-by-line difference can be taken of. */
export function format(value) {
  return inspect(value, {
    depth: Infinity,
    maxArrayLength: Infinity,
    maxStringLength: Infinity,
    compact: false,
    breakLength: Infinity,
    sorted: true,
  });
}

/** The actual and the expected value, as a line-by-line difference. */
export function difference(actual, expected) {
  const lines = align(format(actual).split("\n"), format(expected).split("\n"));
  return ["", "    [Diff] Actual / Expected", "", ...lines, ""].join("\n");
}

const LARGEST_TABLE = 4_000_000;

/** Marks the lines by their longest common subsequence: "-" only in actual, "+" only in expected. */
function align(actual, expected) {
  const width = expected.length + 1;
  if (actual.length * width > LARGEST_TABLE) {
    return [
      ...actual.map((line) => `-   ${line}`),
      ...expected.map((line) => `+   ${line}`),
    ];
  }
  const common = new Uint32Array((actual.length + 1) * width); // lengths of the common tails
  for (let i = actual.length - 1; i >= 0; i--) {
    for (let j = expected.length - 1; j >= 0; j--) {
      common[i * width + j] = actual[i] === expected[j]
        ? common[(i + 1) * width + j + 1] + 1
        : Math.max(common[(i + 1) * width + j], common[i * width + j + 1]);
    }
  }
  const lines = [];
  let i = 0;
  let j = 0;
  while (i < actual.length || j < expected.length) {
    if (i < actual.length && j < expected.length && actual[i] === expected[j]) {
      lines.push(`    ${actual[i]}`);
      i++, j++;
    } else if (
      j === expected.length ||
      (i < actual.length &&
        common[(i + 1) * width + j] >= common[i * width + j + 1])
    ) {
      lines.push(`-   ${actual[i++]}`);
    } else {
      lines.push(`+   ${expected[j++]}`);
    }
  }
  return lines;
}
