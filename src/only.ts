/**
 * Lists of which usually everything is kept.
 *
 * @module
 */

/** The items that pass a test: the very list where all of them do. */
export function only<T, S extends T>(list: readonly T[], test: (item: T) => item is S): readonly S[];
export function only<T>(list: readonly T[], test: (item: T) => boolean): readonly T[];
export function only<T>(list: readonly T[], test: (item: T) => boolean): readonly T[] {
  return list.every(test) ? list : list.filter(test);
}
