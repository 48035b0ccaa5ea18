/**
 * Which operations a rule is about: Hono's patterns and OpenAPI's path templates side by side.
 *
 * @module
 */

import { checkOptionalParameter, getPattern, splitRoutingPath } from "hono/utils/url";
import { routedPath } from "../rules/path_pattern.ts";
import { collapse, decoded, fold } from "../rules/request_path.ts";

/** A segment of a template: its text, or what its text must look like. */
type Segment = string | RegExp;

/** What may match more than one segment: what can stand for any character. */
const SPANS = /[./]|\[\^|\\[DSW]/;

/** What in a pattern is no text. */
const VARIABLE = /^(?:\*$|:)/;

/** A template in the spelling that all those of one path have in common. */
export function comparable(template: string, isExact: boolean): string {
  return isExact ? template : fold(collapse(template));
}

function segmentsOf(template: string, isExact: boolean): Segment[] {
  return (isExact ? template : collapse(template)).replace(/^\//, "").split("/").map((text) => {
    const parts = text.split(/\{[^{}]*\}/).map(decoded);
    if (parts.length === 1) return parts[0];
    const escaped = parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    return new RegExp(`^${escaped.join(".+")}$`, isExact ? "s" : "is");
  });
}

/** May these segments be what a parameter's regular expression matches? When in doubt they may. */
function fits(regexp: RegExp, segments: readonly Segment[]): boolean {
  if (segments.every((segment) => typeof segment === "string")) return regexp.test(segments.join("/"));
  return segments.length === 1 || SPANS.test(regexp.source.replaceAll("\\.", ""));
}

function meets(pattern: readonly string[], path: readonly Segment[], isExact: boolean): boolean {
  const [label, ...rest] = pattern;
  if (label === undefined) return path.length === 0;
  const part = getPattern(label);
  // At the end a wildcard is all that follows, nothing too.
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
 * May a request to a path template be one that a pattern matches?
 *
 * @param pattern Hono's: "/items/:id", "/api/*".
 * @param template OpenAPI's, with all that is in front of it: "/api/items/{id}".
 * @param stated The document's templates, as {@link comparable} gives them. One without parameters is looked at before those with (OpenAPI, Path
 * Templating), so what matches that alone is not about the others.
 * @param isExact Do letter case and slashes make a difference?
 */
export function isAbout(
  pattern: string,
  template: string,
  stated: ReadonlySet<string>,
  isExact = false,
): boolean {
  const path = segmentsOf(template, isExact);
  const hasParameters = path.some((segment) => typeof segment !== "string");
  const routed = routedPath(pattern, isExact);
  return (checkOptionalParameter(routed) ?? [routed]).some((form) => {
    const labels = splitRoutingPath(form);
    if (hasParameters && stated.has(form) && !labels.some((label) => VARIABLE.test(label))) return false;
    return meets(labels, path, isExact);
  });
}
