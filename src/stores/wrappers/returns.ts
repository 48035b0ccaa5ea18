/**
 * Corrections that could not be sent to a store: kept until they can be, or until they have become meaningless.
 *
 * @module
 */

import type { Check } from "../store.ts";

/** Corrections that are kept. */
export interface Returns {
  /** The number of corrections. */
  readonly size: number;
  /** Keeps those of the checks that correct something. When there are too many the oldest go: that errs on refusing. */
  keep(checks: readonly Check[]): void;
  /** Takes all out that still mean something. */
  take(): Check[];
}

/** The most that are kept. */
const MAX_KEPT = 10_000;

/**
 * @param clock The store's time, epoch ms.
 * @param most The most that are kept. Default 10,000.
 */
export function returnsKept(clock: () => number, most: number = MAX_KEPT): Returns {
  const kept = new Set<Check>();

  /**
   * Once its window (its lease) has passed a charge is gone, and so is what corrects it; windows that slide take up to
   * twice as long.
   */
  function isDue({ since, policy }: Check): boolean {
    return clock() - since! <= 2 * policy.windowMs;
  }

  return {
    get size() {
      return kept.size;
    },
    keep(checks) {
      for (const check of checks) {
        if (check.since !== null && check.cost !== 0) kept.add(check);
        const [oldest] = kept;
        if (kept.size > most) kept.delete(oldest);
      }
    },
    take() {
      const taken = [...kept].filter(isDue);
      kept.clear();
      return taken;
    },
  };
}
