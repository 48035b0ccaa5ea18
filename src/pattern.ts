/**
 * A rule's `on`: methods and a path pattern.
 *
 * @module
 */

import { refusal, shown } from "./refusal.ts";
import { warnOnce } from "./warn.ts";

/** One parsed pattern. */
export interface Pattern {
  /** Upper case; null: every method. GET brings HEAD along unless HEAD is named. */
  readonly methods: readonly string[] | null;
  /** Hono's path pattern. */
  readonly path: string;
  /** The whole, in its normal form: "GET,HEAD /items/:id". */
  readonly text: string;
}

/** Methods that a standard defines and a Request can carry (RFC 9110, 5789, 4918, QUERY). */
const METHODS =
  /^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|QUERY|PROPFIND|PROPPATCH|MKCOL|COPY|MOVE|LOCK|UNLOCK|SEARCH|REPORT)$/;

/** An escape that is decoded before a path is matched: all but those of reserved characters and of "%" itself. */
const ESCAPED = /%(?!2[3-6BCF]|3[ABDF]|40)[0-9A-F]{2}/i;

/** The path without its regular expressions, which may hold braces themselves; a brace without its pair is left. */
function outsideBraces(path: string): string {
  const bare = path.replace(/\{[^{}]*\}/g, "");
  return bare === path ? bare : outsideBraces(bare);
}

/**
 * Parses "POST /login", "GET,HEAD /items/:id", "/api/*".
 *
 * @param text What was written.
 * @param subject Whose it is, for the error's sentence.
 * @throws {TypeError} When it is no pattern, or one that no request could match.
 */
export function parsePattern(text: unknown, subject: string): Pattern {
  const refuse = (why: string): never => {
    throw new TypeError(refusal(`use ${subject}`, why, text));
  };
  if (typeof text !== "string") return refuse(`on must be text such as "POST /login"`);
  const [, listed, path] = /^\s*(?:([^/*\s][^/*]*?)\s+)?([/*].*?)\s*$/s.exec(text) ??
    refuse(`on must be a path, or methods and a path, such as "POST /login"`);
  if (path[0] === "*" && path !== "*") refuse(`the path of on must start with "/"`);
  const bare = outsideBraces(path);
  if (/[{}]/.test(bare)) refuse("the braces in on must be in pairs");
  if (bare.includes("#") || /\?(?!$)/.test(bare) || (bare.endsWith("?") && !/:[^/]+\?$/.test(bare))) {
    refuse("on is matched against the path alone, so it can have no query");
  }
  if (ESCAPED.test(bare)) refuse("on is matched against the decoded path, so it must be written decoded");
  const methods = listed === undefined
    ? null
    : listed.split(",").map((method) => method.trim().toUpperCase());
  for (const method of methods ?? []) {
    if (!/^[A-Z0-9!#$%&'*+.^_`|~-]+$/.test(method)) refuse("its methods must be names separated by commas");
    if (!METHODS.test(method)) {
      warnOnce(
        `The method ${method} of ${subject} (${
          shown(text)
        }) is in no HTTP standard: is the rule to match anything?`,
      );
    }
  }
  return { methods, path, text: methods === null ? path : `${methods.join(",")} ${path}` };
}
