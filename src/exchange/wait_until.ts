/**
 * Work that goes on after the response.
 *
 * @module
 */

import { type MaybePromise, whenPromise } from "../maybe.ts";

/** The function that keeps the platform alive until background work is done (Workers' ctx, Netlify's context); null where there is none. */
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
