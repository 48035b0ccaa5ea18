/**
 * Prepares a pattern's path for comparison with the paths of `request_path.ts`.
 *
 * @module
 */

import { decoded, type Extent, fold } from "./request_path.ts";

/** A parameter with a regular expression. */
const CONSTRAINED = /^:[^{}]+\{(.+)\}$/s;

/** The segments of a pattern; a slash between braces does not separate. */
export function segmentsOf(path: string): readonly string[] {
  const segments = [""];
  let depth = 0;
  for (const char of path.replace(/^\//, "")) {
    depth += char === "{" ? 1 : char === "}" ? -1 : 0;
    if (char === "/" && depth === 0) segments.push("");
    else segments[segments.length - 1] += char;
  }
  return segments;
}

/** A regular expression for a text. */
function literally(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}

/** A regular expression for a character in either case. */
function eitherCase(char: string): string {
  const cases = new Set([char, char.toLowerCase(), char.toUpperCase()]);
  const single = [...cases].filter((text) => [...text].length === 1).map(literally);
  return single.length === 1 ? single[0] : `[${single.join("")}]`;
}

/** How the text of a pattern is compared with a path: with a folded one, an exact one, or one in its original case. */
export type Reading = "folded" | "exact" | "spelled";

/** A literal text as the path has it. */
const textOf = (text: string, reading: Reading): string =>
  reading === "folded" ? fold(decoded(text)) : decoded(text);

/** The segments of a pattern that a path has too. */
function segmentsIn(path: string, reading: Reading): readonly string[] {
  return segmentsOf(path).filter((segment) => segment !== "" || reading === "exact");
}

function segmentExpression(segment: string, isLast: boolean, reading: Reading): string {
  if (segment === "*") return isLast ? "(?:|/[^]*)" : "/[^/]+";
  const [, expression] = CONSTRAINED.exec(segment) ?? [];
  if (expression !== undefined) return `/(?:${expression})`;
  if (segment.startsWith(":")) return "/[^/]+";
  const [text, ...rest] = segment.split("*").map((part) =>
    reading === "spelled" ? [...decoded(part)].map(eitherCase).join("") : literally(textOf(part, reading))
  );
  // A star stands for text within its segment; at the pattern's end it stands for all further segments too.
  return `/${[text, ...rest].join("[^/]+").replace(/\[\^\/\]\+$/, isLast ? "[^]*" : "$&")}`;
}

/** Has a parameter of this pattern a regular expression? It is for the original letters of a path. */
export function isConstrained(path: string): boolean {
  return path.includes("{");
}

/**
 * A pattern, in Hono's syntax, as a regular expression for paths.
 *
 * @param path The pattern's path.
 * @param reading The paths: folded and collapsed ones, exact ones, or collapsed ones in their original case.
 * @throws {SyntaxError} When a parameter's regular expression is none.
 */
export function pathExpression(path: string, reading: Reading): RegExp {
  const isOptional = path.endsWith("?");
  const segments = segmentsIn(isOptional ? path.slice(0, -1) : path, reading);
  const parts = segments.map((segment, i) => segmentExpression(segment, i === segments.length - 1, reading));
  if (isOptional) parts.push(`(?:${parts.pop()}|${parts.length === 0 ? "/" : ""})`);
  return new RegExp(path === "*" ? "" : `^${parts.join("") || "/"}$`);
}

/** The text with which every path of a pattern begins: most patterns need no expression to see that a path is not theirs. */
export function commonStart(path: string, reading: "folded" | "exact"): string {
  const segments = segmentsIn(path, reading);
  const first = segments.findIndex((segment) => /^:|\*/.test(segment));
  return segments.slice(0, first === -1 ? segments.length : first)
    .map((segment) => `/${textOf(segment, reading)}`).join("");
}

/** A pattern with a wildcard in place of its first regular expression and everything after it. */
export function openPath(path: string): string {
  const segments = segmentsOf(path);
  const first = segments.findIndex((segment) => segment.includes("{"));
  return first === -1 ? path : `/${[...segments.slice(0, first), "*"].join("/")}`;
}

/** The length and depth of paths that these patterns can distinguish. */
export function extentOf(paths: readonly string[]): Extent {
  const segments = paths.map((path) => segmentsOf(path).map((segment) => fold(decoded(segment))));
  return {
    depth: Math.max(...segments.map(({ length }) => length)),
    // Text behind a star may be anywhere in its segment.
    width: Math.max(...segments.flat().map((text) => /\*./s.test(text) ? Infinity : text.length)),
  };
}
