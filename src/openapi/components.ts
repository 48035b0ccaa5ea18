/**
 * The components of a document, with those that a throttle adds.
 *
 * @module
 */

import { isJson, isSame, type Json, type OpenApiReference } from "./document.ts";

/** The kinds of components that a throttle adds. */
export type Kind = "headers" | "schemas" | "responses";

/** Components by kind and name. */
export interface Components {
  /**
   * Returns a reference to a component, and adds it unless an equal one exists under any name. A number is
   * appended to a name that is taken.
   */
  add(kind: Kind, name: string, part: object): OpenApiReference;
  /** All components of a kind. */
  all(kind: Kind): Json;
}

/** @param there The `components` of the document; they are not changed. */
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
