/**
 * Line ends in minified code, between statements. Node prints the line that threw, before the message of an error that
 * nothing caught: a line of tens of kilobytes hides the message, and a pipe may cut it off.
 */
import { parseAst } from "rolldown/parseAst";

const LENGTH = 200;
const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/** A segment for a line's first column, which is from where the segment before is from. */
const SAME = "AAAA";

/** The code with lines of about 200 characters, where statements and parts of lists allow, and its source map. */
export function breakLines(code, map) {
  const { mappings = "" } = map;
  const lines = code.split("\n");
  const mapped = mappings.split(";");
  const breaks = breaksIn(code);
  const text = [];
  const broken = [];
  let next = 0;
  let offset = 0;
  lines.forEach((line, i) => {
    const columns = [0];
    for (; next < breaks.length && breaks[next] <= offset + line.length; next++) {
      const column = breaks[next] - offset;
      if (column - columns.at(-1) >= LENGTH) columns.push(column);
    }
    columns.forEach((column, j) => text.push(line.slice(column, columns[j + 1])));
    broken.push(...splitSegments(mapped[i] ?? "", columns));
    offset += line.length + 1;
  });
  return { code: text.join("\n"), map: { ...map, mappings: broken.join(";") } };
}

/** Where a line may end: before a statement or a member, and after the comma of a list. */
function breaksIn(code) {
  const breaks = new Set();
  (function visit(node) {
    if (Array.isArray(node)) return node.forEach(visit);
    if (typeof node?.type !== "string") return;
    for (const [name, value] of Object.entries(node)) {
      if (typeof value !== "object" || value === null) continue;
      visit(value);
      if (!Array.isArray(value) || !["body", "declarations", "expressions", "properties"].includes(name)) {
        continue;
      }
      if (node.type === "TemplateLiteral") continue;
      for (const { start } of value) if (";{},".includes(code[start - 1] ?? "")) breaks.add(start);
    }
  })(parseAst(code));
  return [...breaks].sort((one, other) => one - other);
}

/** The segments of one line of a source map, as those of several: each begins with its column, less that of the one before. */
function splitSegments(line, columns) {
  const parts = columns.map(() => []);
  let column = 0;
  let at = 0;
  let last = 0;
  let isMapped = false;
  for (const segment of line === "" ? [] : line.split(",")) {
    const [delta, rest] = firstNumber(segment);
    column += delta;
    while (at + 1 < columns.length && column >= columns[at + 1]) {
      last = columns[++at];
      if (column > last && isMapped) parts[at].push(SAME);
    }
    parts[at].push(encoded(column - last) + rest);
    last = column;
    isMapped = rest !== "";
  }
  return parts.map((segments) => segments.join(","));
}

/** The first base64 VLQ of a segment, and the text behind it. */
function firstNumber(segment) {
  let value = 0;
  for (let i = 0;; i++) {
    const digit = DIGITS.indexOf(segment[i]);
    value += (digit & 31) * 32 ** i;
    if (digit < 32) return [value & 1 ? -(value >> 1) : value >> 1, segment.slice(i + 1)];
  }
}

/** A column, which is never negative here, as base64 VLQ. */
function encoded(column) {
  let text = "";
  let left = column * 2;
  do {
    text += DIGITS[(left & 31) | (left > 31 ? 32 : 0)];
    left >>= 5;
  } while (left > 0);
  return text;
}
