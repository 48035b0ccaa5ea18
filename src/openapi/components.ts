/**
 * The reusable parts of a document, while it is added to.
 *
 * @module
 */

import { isJson, isSame, type Json, type OpenApiReference } from "./document.ts";

/** The kinds of parts that a throttle adds. */
export type Kind = "headers" | "schemas" | "responses";

/** Parts by kind and name. */
export interface Components {
  /**
   * The reference to a part. It is added, unless the same is there under whatever name; where the name is
   * another's, a number is added to it.
   */
  add(kind: Kind, name: string, part: object): OpenApiReference;
  /** All parts of a kind. */
  all(kind: Kind): Json;
}

/** @param there The `components` of the document; they stay as they are. */
export function componentsFrom(there: object | undefined): Components {
  const kinds = new Map<Kind, Record<string, unknown>>();

  function partsOf(kind: Kind): Record<string, unknown> {
    let parts = kinds.get(kind);
    if (parts === undefined) {
      const given = (there as Json | undefined)?.[kind];
      kinds.set(kind, parts = isJson(given) ? { ...given } : {});
    }
    return parts;
  }

  const refTo = (kind: Kind, name: string): OpenApiReference => ({ $ref: `#/components/${kind}/${name}` });

  return {
    add(kind, name, part) {
      const parts = partsOf(kind);
      const same = Object.entries(parts).find(([, other]) => isSame(part, other));
      if (same !== undefined) return refTo(kind, same[0]);
      let free = name;
      for (let n = 2; Object.hasOwn(parts, free); n++) free = `${name}${n}`;
      parts[free] = part;
      return refTo(kind, free);
    },
    all: partsOf,
  };
}
