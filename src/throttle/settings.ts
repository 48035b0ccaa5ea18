/**
 * The parts of a throttle, for code that describes it or asks for it.
 *
 * @module
 */

import type { PreparedOptions } from "./options.ts";
import type { Authenticate } from "../auth/authenticate.ts";
import { cannot } from "../cannot.ts";
import type { Exchange, ThrottleCore } from "../exchange/exchange.ts";
import type { Notifier } from "../observers/notify.ts";
import type { PreparedRule } from "../rules/rule.ts";
import type { AnsweringStore } from "../stores/store.ts";
import type { Checker } from "./compile_check.ts";
import type { Decide } from "./decide.ts";
import type { Settlement } from "./settle.ts";

/** The parts of a throttle that answer questions outside its requests. */
export interface Asking {
  /** The guarded store. */
  readonly store: AnsweringStore;
  /** Epoch ms. */
  readonly clock: () => number;
  readonly authenticate: Authenticate | null;
  /** Makes the checks of rules. */
  readonly check: Checker<Exchange>;
  /** Decides some rules at once. */
  readonly decide: Decide;
  readonly notifier: Notifier | null;
  /** The functions that exchanges need. */
  readonly core: ThrottleCore;
  /** Sets a charge to its real cost. */
  readonly settle: Settlement["settle"];
  /** Makes an exchange, which spends nothing where `spend` is false. */
  newExchange(request: Request, platform: readonly unknown[], spend: boolean): Exchange;
}

/** The parts of a throttle, with every default filled in. */
export interface Settings {
  /** The rules, in their order. */
  readonly rules: readonly PreparedRule[];
  /** The options. */
  readonly options: PreparedOptions;
  /** The parts that answer questions outside requests. */
  readonly asking: Asking;
}

const known = new WeakMap<object, Settings>();

/** Makes a throttle's settings findable by it. */
export function withSettings<T extends object>(throttle: T, settings: Settings): T {
  known.set(throttle, settings);
  return throttle;
}

/** The settings of a throttle; undefined for one of another copy of the package. */
export function findSettings(throttle: object): Settings | undefined {
  return known.get(throttle);
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
