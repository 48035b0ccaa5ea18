/**
 * The parts of a throttle, for code that describes it or asks for it.
 *
 * @module
 */

import type { PreparedOptions } from "./options.ts";
import { cannot } from "../cannot.ts";
import type { ThrottleCore } from "../exchange/exchange.ts";
import type { AnsweringStore } from "../stores/store.ts";
import type { PreparedRule } from "../rules/rule.ts";

/** The parts of a throttle, with every default filled in. */
export interface Settings {
  /** The rules, in their order. */
  readonly rules: readonly PreparedRule[];
  /** The options. */
  readonly options: PreparedOptions;
  /** The store, behind its guard. */
  readonly store: AnsweringStore;
  /** The functions that its exchanges need. */
  readonly core: ThrottleCore;
}

const known = new WeakMap<object, Settings>();

/** Makes a throttle's settings findable by it. */
export function withSettings<T extends object>(throttle: T, settings: Settings): T {
  known.set(throttle, settings);
  return throttle;
}

/**
 * The settings of a throttle.
 *
 * @throws {TypeError} When `createThrottle` did not make it.
 */
export function settingsOf(throttle: object): Settings {
  const settings = known.get(throttle);
  if (settings !== undefined) return settings;
  throw new TypeError(cannot("describe this throttle", "it must be one that createThrottle made", throttle));
}
