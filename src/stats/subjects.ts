/**
 * The dimensions of the counts: a bounded number of names per kind, under any traffic.
 *
 * @module
 */

import { type Kind, MEASURES } from "./counts.ts";

/** The most names per kind, without "(other)". */
export const MAX_NAMES: Readonly<Record<Kind, number>> = {
  total: 1,
  rule: 100,
  trial: 100,
  route: 200,
  method: 10,
  status: 60,
};

/** The name of everything beyond. No rule, route, method or status has this name. */
export const OTHER = "(other)";

/** A counted name. */
export interface Subject {
  /** Its kind. */
  readonly kind: Kind;
  /** Its name. */
  readonly name: string;
  /** The index of its first count; its counts follow in the order of the measures. */
  readonly id: number;
}

/** The counted names. */
export interface Subjects {
  /** The index of the first count of a name; that of "(other)" if there are too many names. */
  idOf(kind: Kind, name: string): number;
  /** All names, in the order of their counts. */
  readonly all: readonly Subject[];
}

/** @returns No names yet. */
export function subjects(): Subjects {
  const all: Subject[] = [];
  const ids: Record<Kind, Map<string, number>> = {
    total: new Map(),
    rule: new Map(),
    trial: new Map(),
    route: new Map(),
    method: new Map(),
    status: new Map(),
  };

  function add(kind: Kind, name: string): number {
    const id = all.length * MEASURES.length;
    ids[kind].set(name, id);
    all.push({ kind, name, id });
    return id;
  }

  return {
    all,
    idOf(kind, name) {
      const known = ids[kind].get(name);
      if (known !== undefined) return known;
      if (ids[kind].size < MAX_NAMES[kind]) return add(kind, name);
      return ids[kind].get(OTHER) ?? add(kind, OTHER);
    },
  };
}
