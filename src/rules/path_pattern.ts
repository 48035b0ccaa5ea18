/**
 * Prepares a pattern's path for comparison with the paths of `request_path.ts`.
 *
 * @module
 */

import { checkOptionalParameter } from "hono/utils/url";
import { collapse, decoded, type Extent, fold } from "./request_path.ts";

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

/**
 * Characters with a special meaning in Hono's RegExpRouter: in a pattern's text they would match another
 * path, or none.
 */
const HONO_SYNTAX = /[|?]|[@#](?=\d)/g;

/** A character as an escape that has no special meaning in a regular expression. */
const hexOf = (char: string): string => `\\x${char.charCodeAt(0).toString(16)}`;

/** Escapes a segment of a pattern with variables, so that Hono's routers match its text literally. */
function safeSegment(segment: string): string {
  if (segment.includes("{")) return segment.replace(/[@#](?=\d)/g, hexOf);
  if (segment.startsWith(":") || segment === "*" || segment.search(HONO_SYNTAX) === -1) return segment;
  return `:text{${segment.replace(/[\\^$.*+?()[\]{}|@#]/g, hexOf)}}`;
}

/**
 * A pattern's path for its router: its text is decoded like a request's and, unless paths are exact, folded
 * and collapsed. Parameters, their regular expressions and wildcards are kept.
 */
export function routedPath(path: string, isExact: boolean): string {
  if (path === "*") return path;
  const segments = segmentsOf(path).map((segment) => {
    if (segment.startsWith(":") || segment === "*") return segment;
    return isExact ? decoded(segment) : fold(decoded(segment));
  });
  const isText = !segments.some((segment) => segment.startsWith(":") || segment.includes("*"));
  const safe = isText ? segments : segments.map(safeSegment);
  const routed = `/${(isExact ? safe : safe.filter((segment) => segment !== "")).join("/")}`;
  return isExact ? routed : collapse(routed);
}

/** A character class of both cases of a letter. */
function eitherCase(char: string): string {
  const cases = new Set([char, char.toLowerCase(), char.toUpperCase()]);
  const single = [...cases].filter((text) => [...text].length === 1);
  const escaped = single.map((text) => text.replace(/[\\^$.*+?()[\]{}|/-]/, "\\$&"));
  return escaped.length === 1 ? escaped[0] : `[${escaped.join("")}]`;
}

function expressionOf(segment: string, isLast: boolean): string {
  if (segment === "*") return isLast ? "(?:|/[^]*)" : "/[^/]+";
  const [, expression] = CONSTRAINED.exec(segment) ?? [];
  if (expression !== undefined) return `/(?:${expression})`;
  if (segment.startsWith(":")) return "/[^/]+";
  const [text, ...rest] = segment.split("*").map((part) => [...decoded(part)].map(eitherCase).join(""));
  // A star stands for text within its segment; at the pattern's end it stands for all further segments too.
  return `/${[text, ...rest].join("[^/]+").replace(/\[\^\/\]\+$/, isLast ? "[^]*" : "$&")}`;
}

/**
 * A pattern with regular expressions as one regular expression on paths in their original case. Literal text
 * matches in any case; the parameters' expressions see the original letters.
 *
 * @returns Null if no parameter has a regular expression: then Hono's router matches the folded path.
 */
export function spelledExpression(path: string): RegExp | null {
  const forms = (checkOptionalParameter(path) ?? [path]).map(segmentsOf);
  if (!forms.flat().some((segment) => CONSTRAINED.test(segment))) return null;
  const sources = forms.map((segments) =>
    segments.filter((segment) => segment !== "")
      .map((segment, i, { length }) => expressionOf(segment, i === length - 1)).join("")
  );
  return new RegExp(`^(?:${sources.join("|")})$`);
}

/** A pattern with a wildcard in place of its first regular expression and everything after it. */
export function openPath(path: string): string {
  const segments = segmentsOf(path);
  const first = segments.findIndex((segment) => segment.includes("{"));
  return first === -1 ? path : `/${[...segments.slice(0, first), "*"].join("/")}`;
}

/** The length and depth of paths that these patterns can distinguish. */
export function extentOf(paths: readonly string[]): Extent {
  const segments = paths.map((path) => segmentsOf(routedPath(path, false)));
  return {
    depth: Math.max(...segments.map(({ length }) => length)),
    width: Math.max(...segments.flat().map(({ length }) => length)),
  };
}
