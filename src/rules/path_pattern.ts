/**
 * The path of a pattern, made ready to be matched with what `request_path.ts` reads.
 *
 * @module
 */

import { checkOptionalParameter } from "hono/utils/url";
import { collapse, decoded, type Extent, fold } from "./request_path.ts";

/** A parameter with a regular expression of its own. */
const CONSTRAINED = /^:[^{}]+\{(.+)\}$/s;

/** The segments of a pattern; a slash between braces separates none. */
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

/** Characters that Hono's RegExpRouter takes for its own in the text of a pattern: it would find another path, or none. */
const HONOS = /[|?]|[@#](?=\d)/g;

/** As a regular expression has a character that means nothing there. */
const hexOf = (char: string): string => `\\x${char.charCodeAt(0).toString(16)}`;

/** A segment of a pattern that is not all text, so that Hono's routers find what it says. */
function safeSegment(segment: string): string {
  if (segment.includes("{")) return segment.replace(/[@#](?=\d)/g, hexOf);
  if (segment.startsWith(":") || segment === "*" || segment.search(HONOS) === -1) return segment;
  return `:text{${segment.replace(/[\\^$.*+?()[\]{}|@#]/g, hexOf)}}`;
}

/**
 * A pattern as its router gets it: its text decoded as a path's is and, unless paths are to be exact, folded and collapsed
 * as well. Parameters, their regular expressions and wildcards stay as they are.
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

/** A character, and its other case where it has one. */
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
  // A star is any text of its segment, and at the end of the pattern of all that follow.
  return `/${[text, ...rest].join("[^/]+").replace(/\[\^\/\]\+$/, isLast ? "[^]*" : "$&")}`;
}

/**
 * A pattern whose parameters have regular expressions, as one regular expression for paths in the case in which they are
 * written: its own text is found in any case, and its parameters' expressions see what they always do.
 *
 * @returns Null where no parameter has one: Hono's router then finds the pattern in the folded path.
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

/** A pattern that has anything in place of its first parameter with a regular expression, and of all that follows. */
export function openPath(path: string): string {
  const segments = segmentsOf(path);
  const first = segments.findIndex((segment) => segment.includes("{"));
  return first === -1 ? path : `/${[...segments.slice(0, first), "*"].join("/")}`;
}

/** How much of a path these patterns can tell apart. */
export function extentOf(paths: readonly string[]): Extent {
  const segments = paths.map((path) => segmentsOf(routedPath(path, false)));
  return {
    depth: Math.max(...segments.map(({ length }) => length)),
    width: Math.max(...segments.flat().map(({ length }) => length)),
  };
}
