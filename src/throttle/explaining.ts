/**
 * Adds `explain` to a throttle. The code that explains is loaded when it is first called: a bundler that splits code puts it
 * into a file of its own.
 *
 * @module
 */

import { PLATFORMS } from "../client/platforms.ts";
import { peerOf } from "../client/peer.ts";
import { headerReader, walkHops, walkRanges } from "../client/proxies.ts";
import { exchangeOf } from "../exchange/exchange.ts";
import { requireRequest } from "../exchange/require_request.ts";
import type { Explain } from "../explain/explain.ts";
import type { Explanation } from "../explain/explanation.ts";
import type { ExplainTools } from "../explain/tools.ts";
import { partitionOf } from "../keys/key.ts";
import type { MaybePromise } from "../maybe.ts";
import { compileCheck, newCheck } from "./compile_check.ts";
import { askStoreAbout } from "./over_burst.ts";
import { settingsOf } from "./settings.ts";

/** A throttle's explanations. */
interface Explains {
  explain(request: Request, ...platform: unknown[]): MaybePromise<Explanation>;
}

/** Adds `explain` to a throttle, which stays the same object. */
export function explaining<T extends object>(throttle: T): T & Explains {
  let explain: Explain | null = null;

  function tools(): ExplainTools {
    const { rules, options: { client, store: own }, asking } = settingsOf(throttle);
    const reading = { client, platforms: PLATFORMS, peerOf, headerReader, walkHops, walkRanges };
    const deciding = { exchangeOf, compileCheck, newCheck, askStoreAbout, partitionOf };
    return { ...asking, ...reading, ...deciding, rules, storedKey: (key) => own.storedKey?.(key) ?? key };
  }

  return Object.assign(throttle, {
    explain(request: Request, ...platform: unknown[]) {
      requireRequest(request);
      if (explain !== null) return explain(request, platform);
      // On Workers a promise belongs to one request, so its value is kept.
      return import("../explain/explain.ts").then(({ newExplainer }) => {
        explain ??= newExplainer(tools());
        return explain(request, platform);
      });
    },
  });
}
