/**
 * Background work: the platform is kept alive until it is done.
 *
 * @module
 */

import { type MaybePromise, whenPromise } from "../maybe.ts";

/** The function that keeps the platform alive until background work is done, where it offers one (Workers' ctx, Netlify's context). */
export function keeperOf(platform: readonly unknown[]): ((work: Promise<unknown>) => void) | null {
  for (const item of platform) {
    const keeper = item as { waitUntil?(work: Promise<unknown>): void } | null | undefined;
    if (typeof keeper?.waitUntil === "function") return (work) => keeper.waitUntil?.(work);
  }
  return null;
}

/** Keeps the platform alive until the work is done. */
export function waitUntil(platform: readonly unknown[], work: MaybePromise<unknown>): void {
  whenPromise(work, (promise) => keeperOf(platform)?.(promise));
}
