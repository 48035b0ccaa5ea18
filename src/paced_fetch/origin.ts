/**
 * The known quotas of one origin, and the lanes of the callers that wait for them.
 *
 * @module
 */

import { type Bucket, newBucket } from "./bucket.ts";
import { forward } from "./forward.ts";
import { kept } from "./kept.ts";
import { type Lane, newLane } from "./lane.ts";
import { plan } from "./plan.ts";

/** The knowledge of one origin. */
export interface Origin {
  /** The time in ms, which never goes back. */
  clock(): number;
  /** The lane of a route, which is a method and a path. */
  laneOf(route: string): Lane;
  /**
   * Reads a response.
   *
   * @param asked The lane that its request was in.
   * @param sentAt The time of its request.
   * @returns Is the request refused?
   */
  hear(asked: Lane, route: string, sentAt: number, response: Response): boolean;
}

/**
 * @param wall Epoch ms. It may step.
 * @param random Returns a number from 0 to 1.
 * @param spread Spread the remaining quota over the rest of the window, rather than use it at once.
 */
export function newOrigin(wall: () => number, random: () => number, spread: boolean): Origin {
  const clock = forward(wall);
  /** By policy and partition. */
  const buckets = new Map<string, Bucket>();
  /** By the joined keys of their buckets. */
  const lanes = new Map<string, Lane>();
  /** The buckets' keys of a method and path, from its last response. */
  const routes = new Map<string, readonly string[]>();
  /** The keys of the buckets in every response with quotas: for a route without a response yet. */
  let common: readonly string[] | null = null;
  /** The buckets of such a route before any response: without quotas one request goes at a time. */
  let first = ["?"];

  function laneOf(route: string): Lane {
    const keys = routes.get(route) ?? common ?? first;
    return kept(
      lanes,
      keys.join(),
      () => newLane(keys.map((key) => kept(buckets, key, newBucket)), clock, random, spread),
    );
  }

  return {
    clock,
    laneOf,
    hear(asked, route, sentAt, { headers, status }) {
      const now = clock();
      const { quotas, waitMs } = plan(headers, wall());
      const isRefused = status === 429 ||
        ((status === 403 || status === 503) &&
          (waitMs !== null || quotas.some(({ remaining }) => !remaining)));
      // A quota of slots, or one without any use, has no time over which to spread the rest.
      const timed = quotas.filter(({ remaining, resetMs, windowMs }) => !remaining || (resetMs ?? windowMs));
      const keys = timed.map((quota) => {
        const key = `${quota.policy} ${quota.partition}`;
        kept(buckets, key, newBucket).learn(quota, sentAt, now);
        return key;
      });
      // A response may state no quota, and a refusal only the refusing ones.
      const isWhole = keys.length > 0 && !isRefused;
      if (isWhole) routes.delete(route);
      kept(routes, route, () => keys);
      if (keys.length > 0 && (isWhole || !common)) {
        common = common?.filter((key) => keys.includes(key)) ?? keys;
      }
      first = [];
      for (const lane of new Set([asked, laneOf(route)])) {
        lane.hear(isRefused ? waitMs ?? 0 : null, sentAt, now);
      }
      for (const lane of lanes.values()) lane.look();
      return isRefused;
    },
  };
}
