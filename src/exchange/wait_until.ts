/**
 * Background work: the platform is kept alive until it is done.
 *
 * @module
 */

import { type MaybePromise, whenPromise } from "../maybe.ts";

/**
 * The function that keeps the platform alive until background work is done, where it offers one (Workers' ctx,
 * Netlify's context).
 */
export function keeperOf(platform: readonly unknown[]): ((work: Promise<unknown>) => void) | null {
  for (const item of platform) {
    const keeper = item as { waitUntil?(work: Promise<unknown>): void } | null | undefined;
    if (typeof keeper?.waitUntil !== "function") continue;
    return (work) => {
      try {
        keeper.waitUntil?.(work);
      } catch (error) {
        // The event of a service worker takes nothing once its response is sent, while the body goes on. A TypeError is a mistake.
        if (error instanceof TypeError) throw error;
      }
    };
  }
  return null;
}

/** Keeps the platform alive until the work is done. */
export function waitUntil(platform: readonly unknown[], work: MaybePromise<unknown>): void {
  whenPromise(work, (promise) => keeperOf(platform)?.(promise));
}
