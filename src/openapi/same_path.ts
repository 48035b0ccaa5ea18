/**
 * Matches Hono's patterns with OpenAPI's path templates, to find the operations of a rule.
 *
 * @module
 */

import { checkOptionalParameter, getPattern, splitRoutingPath } from "hono/utils/url";
import { segmentsOf as patternSegments } from "../rules/path_pattern.ts";
import { collapse, decoded, fold } from "../rules/request_path.ts";

/** A segment of a template: its text, or an expression that its text matches. */
type Segment = string | RegExp;

/** A sign that an expression may match more than one segment: it can match any character. */
const SPANS = /[./]|\[\^|\\[DSW]/;

/** The variable segments of a pattern. */
const VARIABLE = /^(?:\*$|:)/;

/** A template in a normal form, for comparison. */
export function comparable(template: string, isExact: boolean): string {
  return isExact ? template : fold(collapse(template));
}

/** A pattern in the same form. Parameters and wildcards are kept. */
function comparablePattern(pattern: string, isExact: boolean): string {
  if (pattern === "*") return pattern;
  const segments = patternSegments(pattern).map((segment) => {
    if (VARIABLE.test(segment)) return segment;
    return isExact ? decoded(segment) : fold(decoded(segment));
  });
  const path = `/${segments.join("/")}`;
  return isExact ? path : collapse(path);
}

function segmentsOf(template: string, isExact: boolean): Segment[] {
  return (isExact ? template : collapse(template)).replace(/^\//, "").split("/").map((text) => {
    const parts = text.split(/\{[^{}]*\}/).map(decoded);
    if (parts.length === 1) return parts[0];
    const escaped = parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    return new RegExp(`^${escaped.join(".+")}$`, isExact ? "s" : "is");
  });
}

/** May a parameter's regular expression match these segments? In doubt, yes. */
function fits(regexp: RegExp, segments: readonly Segment[]): boolean {
  if (segments.every((segment) => typeof segment === "string")) return regexp.test(segments.join("/"));
  return segments.length === 1 || SPANS.test(regexp.source.replaceAll("\\.", ""));
}

function meets(pattern: readonly string[], path: readonly Segment[], isExact: boolean): boolean {
  const [label, ...rest] = pattern;
  if (label === undefined) return path.length === 0;
  const part = getPattern(label);
  // A wildcard at the end matches the rest, even an empty one.
  if (part === "*" && rest.length === 0) return true;
  const [segment, ...others] = path;
  if (segment === undefined) return false;
  if (part === null) {
    const text = typeof segment !== "string" || isExact ? segment : fold(segment);
    return (typeof text === "string" ? text === label : text.test(label)) && meets(rest, others, isExact);
  }
  if (part === "*" || part[2] === true) return segment !== "" && meets(rest, others, isExact);
  const regexp = part[2] as RegExp;
  return path.some((_, i) => fits(regexp, path.slice(0, i + 1)) && meets(rest, path.slice(i + 1), isExact));
}

/**
 * May a request to this path template match the pattern?
 *
 * @param pattern A pattern of Hono: "/items/:id", "/api/*".
 * @param template A template of OpenAPI, with the server's path before it: "/api/items/{id}".
 * @param stated The document's templates, normalized by {@link comparable}. A template without parameters has
 * priority over one with parameters (OpenAPI, Path Templating), so a pattern that equals it does not apply to
 * the others.
 * @param isExact Do letter case and slashes matter?
 */
export function isAbout(
  pattern: string,
  template: string,
  stated: ReadonlySet<string>,
  isExact = false,
): boolean {
  const path = segmentsOf(template, isExact);
  const hasParameters = path.some((segment) => typeof segment !== "string");
  const routed = comparablePattern(pattern, isExact);
  return (checkOptionalParameter(routed) ?? [routed]).some((form) => {
    const labels = splitRoutingPath(form);
    if (hasParameters && stated.has(form) && !labels.some((label) => VARIABLE.test(label))) return false;
    return meets(labels, path, isExact);
  });
}
