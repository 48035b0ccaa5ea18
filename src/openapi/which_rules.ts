/**
 * Which rules an operation is under.
 *
 * @module
 */

import { hasMethod } from "../rules/pattern.ts";
import type { PreparedRule } from "../rules/rule.ts";
import { isJson, type Json, type OpenApiDocument } from "./document.ts";
import { comparable, isAbout } from "./same_path.ts";

/** One operation, and where it is. */
export interface Place {
  /** Its path template, as the document has it. */
  readonly path: string;
  /** Its method, in upper case. */
  readonly method: string;
  /** What may name servers, the first that does counts: the operation, its path item. */
  readonly holders: readonly Json[];
}

/** The paths of servers, to be put in front of a template. Their variables are parameters, as a template's are. */
function basesOf(servers: unknown): readonly string[] {
  const urls = Array.isArray(servers) ? servers.filter(isJson).map(({ url }) => String(url)) : [];
  return (urls.length === 0 ? [""] : urls).map((url) =>
    url.replace(/^(?:[^/{}]*:)?\/\/[^/]*/, "").replace(/[?#].*$/s, "").replace(/\/$/, "")
  );
}

/**
 * @param rules The rules that are told.
 * @param document The document.
 * @param basePath What is in front of its paths; undefined: the paths of its servers.
 * @param isExact Do letter case and slashes make a difference?
 * @returns The rules that a request to an operation may be under.
 */
export function whichRules(
  rules: readonly PreparedRule[],
  document: OpenApiDocument,
  basePath: string | undefined,
  isExact: boolean,
): (place: Place) => readonly PreparedRule[] {
  const given = basePath?.replace(/\/$/, "");
  const paths = Object.keys(document.paths ?? {});

  return ({ path, method, holders }) => {
    const servers = [...holders, document as unknown as Json].find((holder) => Array.isArray(holder.servers))
      ?.servers;
    const bases = given === undefined ? basesOf(servers) : [given];
    const stated = new Set(bases.flatMap((base) => paths.map((other) => comparable(base + other, isExact))));
    return rules.filter(({ patterns }) =>
      patterns === null ||
      patterns.some((pattern) =>
        hasMethod(pattern, method) &&
        bases.some((base) => isAbout(pattern.path, base + path, stated, isExact))
      )
    );
  };
}
