/**
 * Finds the rules of an operation.
 *
 * @module
 */

import { hasMethod } from "../rules/pattern.ts";
import type { PreparedRule } from "../rules/rule.ts";
import { isJson, type Json, type OpenApiDocument } from "./document.ts";
import { comparable, isAbout } from "./same_path.ts";

/** An operation. */
export interface Operation {
  /** Its path template in the document. */
  readonly path: string;
  /** Its method, in upper case. */
  readonly method: string;
  /** Objects that may have `servers`, the first one counts: the operation, its path item. */
  readonly holders: readonly Json[];
}

/** The URL of a server. A variable at its beginning that holds an origin or a path is replaced by its default. */
function urlOf({ url, variables }: Json): string {
  return String(url).replace(/^\{([^{}]*)\}(?=\/(?!\/)|$)/, (variable, name) => {
    const { default: text } = (isJson(variables) && isJson(variables[name]) ? variables[name] : {}) as Json;
    return typeof text === "string" && /^(?:[^/]*:)?\//.test(text) ? text.replace(/\/$/, "") : variable;
  });
}

/** The paths of the servers, which precede a template. A server's variables count as parameters. */
function basesOf(servers: unknown): readonly string[] {
  const urls = Array.isArray(servers) ? servers.filter(isJson).map(urlOf) : [];
  return (urls.length === 0 ? [""] : urls).map((url) =>
    url.replace(/^(?:[^/]*:)?\/\/[^/]*/, "").replace(/[?#].*$/s, "")
      // Relative to the document, of which it is not known where it is.
      .replace(/^(?:\.{1,2}(?:\/|$))+/, "/").replace(/\/$/, "")
  );
}

/**
 * @param rules The documented rules.
 * @param document The document.
 * @param basePath The prefix of the document's paths; undefined: the paths of its servers.
 * @param isExact Do letter case and slashes matter?
 * @returns A function that finds the rules which may apply to a request to an operation.
 */
export function whichRules(
  rules: readonly PreparedRule[],
  document: OpenApiDocument,
  basePath: string | undefined,
  isExact: boolean,
): (operation: Operation) => readonly PreparedRule[] {
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
