/**
 * The questions that a throttle answers beside its requests. They are no part of `withThrottle`, nor of a bundle with it alone.
 *
 * @module
 */

import type { Decision } from "../decision.ts";
import { requireRequest } from "../exchange/require_request.ts";
import { type MaybePromise, then } from "../maybe.ts";
import { UNTOUCHED } from "../rules/match.ts";
import { compilePeek } from "./decide.ts";
import { type Settings, settingsOf } from "./settings.ts";
import { compileSpend, type Spend } from "./spend.ts";
import { type UsageReader, usageReader } from "./usage.ts";

/** The answers of a throttle. */
export interface Questions extends UsageReader {
  /** Would the request pass now? */
  peek(request: Request, ...platform: unknown[]): MaybePromise<readonly Decision[]>;
  /** Spends quotas without a request. */
  readonly spend: Spend;
}

/** Adds its answers to a throttle, which stays the same object. */
export function answering<T extends object>(throttle: T): T & Questions {
  const { rules, asking }: Settings = settingsOf(throttle);
  const peek = compilePeek(asking.decide, asking.authenticate);
  return Object.assign(throttle, {
    peek(request: Request, ...platform: unknown[]) {
      requireRequest(request);
      const exchange = asking.newExchange(request, platform, false);
      if (exchange.matched === UNTOUCHED) return [];
      return then(peek(exchange), (checks) => checks.map(({ decision }) => decision));
    },
    ...usageReader({ ...asking, rules }),
    spend: compileSpend({ ...asking, rules }),
  });
}
