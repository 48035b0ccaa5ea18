/**
 * The options that every shared store takes beside its client.
 *
 * @module
 */

import { BOOLEAN, type Demands, hidden, integer, TEXT, timerMs } from "../options.ts";

/** The options that every shared store takes beside its client. */
export interface SharedStoreOptions {
  /** The beginning of all keys, before a colon. Stores with one prefix on one database share their counters. Default "weir". */
  prefix?: string;
  /** The deadline of one call, in ms: after it the rules' `onStoreFailure` answers. Default 250. */
  timeoutMs?: number;
  /** Are refusals whose end is known answered from this instance's memory until then? Default true. */
  denyCache?: boolean;
  /**
   * A secret text: partition keys (addresses, user ids) are then stored as their HMAC-SHA-256, so that nobody reads
   * them in the database or finds them by trying. Every instance needs the same one. Default: stored as they are; given as
   * undefined, as by a variable that was not set, it is refused.
   */
  hashKeys?: string;
  /**
   * How many units an instance takes at a time for a busy key, 2 to 1000: while they last it answers by itself, so there
   * are up to as many times fewer round trips. Never does more pass than without, unless the counts are lost, or reset by
   * another instance, while units are in hand. Each instance leaves at most `lease - 1` units unused at the end of a
   * window; call the store's `close` when the process ends, to give them back. For requests whose rules are all of
   * fixedWindow() or slidingWindow(). Default: one round trip per request.
   */
  lease?: number;
}

/** The options with every default filled in. */
export type SharedStoreSettings = Required<Omit<SharedStoreOptions, "hashKeys" | "lease">> & {
  /** The store's name in messages. */
  readonly name: string;
  /** Null: partition keys are stored as they are. */
  readonly hashKeys: string | null;
  /** Null: nothing is taken ahead. */
  readonly lease: number | null;
};

/** More than this saves next to nothing. */
const MAX_AHEAD = 1000;

/** The demands on the options of a shared store. */
export const SHARED_STORE_DEMANDS: Demands<SharedStoreOptions> = {
  prefix: TEXT,
  timeoutMs: /* @__PURE__ */ timerMs(),
  denyCache: BOOLEAN,
  // A secret that the environment turned out not to hold must not mean that nothing is hashed.
  hashKeys: { ...TEXT, must: "a secret text of at least one character", shows: hidden, presence: "named" },
  lease: /* @__PURE__ */ integer(2, MAX_AHEAD),
};

/** The options of a shared store, checked before, with every default filled in; `name` is how messages call the store. */
export function sharedStoreSettings(options: SharedStoreOptions, name: string): SharedStoreSettings {
  const { prefix = "weir", timeoutMs = 250, denyCache = true, hashKeys = null, lease = null } = options;
  return { name, prefix, timeoutMs, denyCache, hashKeys, lease };
}
