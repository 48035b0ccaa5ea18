/**
 * What requests are counted by: so many names of a kind, whatever the traffic brings.
 *
 * @module
 */

import { type Kind, MEASURES } from "./report.ts";

/** The most names of each kind, but for that of the others. */
export const MOST: Readonly<Record<Kind, number>> = {
  total: 1,
  rule: 100,
  route: 200,
  method: 10,
  status: 60,
};

/** Those beyond. No rule, route, method or status is called that. */
export const OTHER = "(other)";

/** Something that is counted by. */
export interface Subject {
  /** What it is. */
  readonly kind: Kind;
  /** Its name. */
  readonly name: string;
  /** Where its counts begin: as many as there are measures, in their order. */
  readonly id: number;
}

/** The things that are counted by. */
export interface Subjects {
  /** Where the counts of a name begin; those of "(other)" when there are too many names. */
  idOf(kind: Kind, name: string): number;
  /** All of them, in the order of their counts. */
  readonly all: readonly Subject[];
}

/** @returns None yet. */
export function subjects(): Subjects {
  const all: Subject[] = [];
  const ids: Record<Kind, Map<string, number>> = {
    total: new Map(),
    rule: new Map(),
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
      if (ids[kind].size < MOST[kind]) return add(kind, name);
      return ids[kind].get(OTHER) ?? add(kind, OTHER);
    },
  };
}
