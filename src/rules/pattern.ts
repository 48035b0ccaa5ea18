/**
 * Parses a rule's `on`: methods and a path pattern.
 *
 * @module
 */

import { segmentsOf } from "./path_pattern.ts";
import { cannot, shown } from "../cannot.ts";
import { warnOnce } from "../warn_once.ts";

/** A parsed pattern. */
export interface Pattern {
  /** Upper case; null: every method. GET includes HEAD. */
  readonly methods: readonly string[] | null;
  /** The path pattern, in Hono's syntax. */
  readonly path: string;
  /** The normal form: "GET,HEAD /items/:id". */
  readonly text: string;
}

/** The methods of the standards that a Request can have (RFC 9110, 5789, 4918, QUERY). */
const METHODS =
  /^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|QUERY|PROPFIND|PROPPATCH|MKCOL|COPY|MOVE|LOCK|UNLOCK|SEARCH|REPORT)$/;

/** An escape that is decoded before a path is matched: any but those of reserved characters and of "%". */
const ESCAPED = /%(?!2[3-6BCF]|3[ABDF]|40)[0-9A-F]{2}/i;

/**
 * The notation of other routers, which means something else here and matches few requests or none: `[id]` of file
 * routes, `<id>`, `@:id` within a segment, and `:path*`, `:path+`, `*path` and `**` for all further segments. A colon behind a
 * letter may be part of a path: `/models/:name:generate`.
 */
const FOREIGN = /\/(?:\[[^/]*]|<[\w:]+>|:[^/]*[*+]|\*\w+)(?:\/|$)|\*\*|\/(?!:)[^/]*[!-.@~]:/;

/** Only lower-case methods that rarely end a path: "/my report" is a path. */
const LOWER_CASE_METHODS = /^(?:get|head|post|put|patch|delete|options|query)$/;

/** Does the text end with methods, as in "/login GET,POST"? */
function endsWithMethods(text: string): boolean {
  const [, list] = /\s([a-z]+(?:\s*,\s*[a-z]+)*)$/i.exec(text) ?? [];
  const isMethod = (name: string): boolean => METHODS.test(name) || LOWER_CASE_METHODS.test(name);
  return list?.split(/\s*,\s*/).every(isMethod) === true;
}

/** The path without its regular expressions, which may contain braces; an unpaired brace is kept. */
function outsideBraces(path: string): string {
  const bare = path.replace(/\{[^{}]*\}/g, "");
  return bare === path ? bare : outsideBraces(bare);
}

/**
 * Parses "POST /login", "GET,HEAD /items/:id", "/api/*".
 *
 * @param text The pattern.
 * @param subject The owner of the pattern, for the error: `rule "login"`.
 * @throws {TypeError} If the text is not a pattern, or no request can match it.
 */
export function parsePattern(text: unknown, subject: string): Pattern {
  const refuse = (why: string): never => {
    throw new TypeError(cannot(`use ${subject}`, why, text));
  };
  if (typeof text !== "string") return refuse(`on must be text such as "POST /login"`);
  const [, listed, path] = /^\s*(?:([^/*\s][^/*]*?)\s+)?([/*](?:(?!\s\/).)*?)\s*$/s.exec(text) ??
    refuse(`on must be a path, or methods and a path, such as "POST /login"`);
  if (/^\*[^]/.test(path)) refuse(`the path of on must start with "/"`);
  const bare = outsideBraces(path);
  if (/[{}]/.test(bare)) refuse("the braces in on must be in pairs");
  // A parameter at the end may be optional.
  if (/#|\?(?!$)|(?<!:[^/]+)\?$/.test(bare)) {
    refuse("on is matched against the path alone, so it can have no query");
  }
  if (endsWithMethods(bare)) refuse(`the methods of on come before its path, as in "POST /login"`);
  if (/(?:^|\/)\.{1,2}(?:\/|$)|\\/.test(bare)) {
    refuse("on is matched against the resolved path, so it can have no dot segments and no backslashes");
  }
  if (/\/%3A/i.test(bare)) refuse('a colon that begins a segment of on must be written as in "/:name{:id}"');
  if (segmentsOf(path).some((segment) => /[{}]/.test(segment) && !/^:[^{}]+\{.+\}\??$/s.test(segment))) {
    refuse(
      'braces in on are for the regular expression of a parameter, a whole segment such as ":id{[0-9]+}"',
    );
  }
  if (FOREIGN.test(bare)) {
    refuse('a parameter of on is ":id", and "*" at its end is for all further segments');
  }
  if (ESCAPED.test(bare)) refuse("on is matched against the decoded path, so it must be written decoded");
  const methods = listed?.split(",").map((method) => method.trim().toUpperCase()) ?? null;
  for (const method of methods ?? []) {
    if (!/^[A-Z0-9!#$%&'*+.^_`|~-]+$/.test(method)) refuse("its methods must be names separated by commas");
    if (!METHODS.test(method)) {
      warnOnce(
        `The method ${method} of ${subject} (${
          shown(text)
        }) is in no HTTP standard, so the rule may never match.`,
      );
    }
  }
  return { methods, path, text: methods ? `${methods.join(",")} ${path}` : path };
}

/** Does the pattern include this method, in upper case? GET includes HEAD. */
export function hasMethod({ methods }: Pattern, method: string): boolean {
  return methods === null || methods.includes(method) || (method === "HEAD" && methods.includes("GET"));
}
