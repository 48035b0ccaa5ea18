/**
 * A handler that shows callers their own limits.
 *
 * @module
 */

import { hasNumbers } from "../decision.ts";
import { type Exchange, exchangeOf } from "../exchange/exchange.ts";
import { requireRequest } from "../exchange/require_request.ts";
import { isResponse } from "../exchange/response.ts";
import type { RuleCheck } from "../exchange/rule_check.ts";
import { each, type MaybePromise, then } from "../maybe.ts";
import { unlimited } from "../rules/prepare_rules.ts";
import type { PreparedRule } from "../rules/rule.ts";
import { compileCheck } from "../throttle/compile_check.ts";
import { askStoreAbout } from "../throttle/over_burst.ts";
import { settingsOf } from "../throttle/settings.ts";
import type { Throttle } from "../throttle/throttle.ts";
import { callerLimit } from "./caller_limit.ts";
import { limitsPage } from "./limits_page.ts";

/** The headers of an answer. No cache may store it, as it is one caller's. */
function headersOf(isPage: boolean): Record<string, string> {
  const common = {
    "cache-control": "private, no-store",
    "vary": "accept",
    "x-content-type-options": "nosniff",
  };
  if (!isPage) return { ...common, "content-type": "application/json" };
  return {
    ...common,
    "content-type": "text/html; charset=utf-8",
    "content-security-policy":
      "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  };
}

/** How much a client wants a media type, from 0 to 1 (RFC 9110 section 12.5.1); 0 where it does not name it. */
function weightOf(type: string, accept: string): number {
  const [, weight] = accept.split(",").map((range) => {
    const [name, ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    const [, q = "1"] = parameters.map((parameter) => /^q\s*=\s*([\d.]+)$/.exec(parameter)).find(Boolean) ??
      [];
    return [name, Number(q)] as const;
  }).find(([name]) => name === type) ?? [];
  return weight ?? 0;
}

/** Browsers name HTML; of other clients most take anything. */
function wantsPage({ headers }: Request): boolean {
  const accept = headers.get("accept") ?? "";
  const weight = weightOf("text/html", accept);
  return weight > 0 && weight >= weightOf("application/json", accept);
}

/** Has the caller a quota of this rule? Of the rules that refuse by themselves, only those with a limit of 0 have one. */
function isOwn(check: RuleCheck | null): check is RuleCheck {
  return check !== null && (check.source !== "rule" || check.policy.limit === 0);
}

/**
 * A handler that answers with the caller's own limits: of each rule whose key the caller has, whatever its `on`, also rules that
 * are for `spend` alone. It spends nothing. Rules in shadow mode are left out, rules that skip the request, and rules that have no
 * numbers while the store fails; the page says so of the last.
 *
 * The answer is `{ limits: CallerLimit[] }` as JSON, or, for browsers, a small page without scripts. It is never stored
 * (`Cache-Control: private, no-store`). Where `authenticate` answers with a response, that is sent. Put the handler at a path of
 * its own, with the arguments of the server that the throttle gets; to limit it, wrap it like any other.
 *
 * @param throttle A throttle that createThrottle made.
 * @returns The handler. Methods other than GET and HEAD get a 405.
 * @throws {TypeError} When createThrottle did not make it. The handler throws what a rule's functions throw.
 *
 * @example
 * ```ts
 * import { createThrottle, limitsHandler } from "@weir/throttle";
 * import { equal } from "node:assert/strict";
 *
 * const throttle = createThrottle({ name: "api", rate: "100/hour", on: "/api/*" }, {
 *   client: { address: () => "192.0.2.1" },
 * });
 * const limits = limitsHandler(throttle);
 * await throttle.check(new Request("https://example.com/api/things"));
 *
 * const response = await limits(new Request("https://example.com/limits"));
 * const { limits: [{ rule, limit, used, remaining }] } = await response.json();
 * equal(`${rule}: ${used} of ${limit} used, ${remaining} left`, "api: 1 of 100 used, 99 left");
 * ```
 */
export function limitsHandler(
  throttle: Throttle,
): (request: Request, ...platform: unknown[]) => MaybePromise<Response> {
  const { rules, asking: { store, clock, authenticate, newExchange } } = settingsOf(throttle);
  // Nothing is spent, and a cost from a function is about another request.
  const looks = rules.map((rule): PreparedRule => ({ ...rule, cost: 0 }));
  const check = compileCheck<Exchange>(looks, clock, () => {});
  const shown = looks.filter(({ mode, rate }) => mode === "enforce" && rate !== unlimited);
  const before = shown.filter(({ stage }) => stage === "before-auth");
  const after = shown.filter(({ stage }) => stage === "after-auth");

  function answer(checks: readonly RuleCheck[], { request }: Exchange): Response {
    const counted = checks.filter(hasNumbers).sort((one, other) => one.rule.index - other.rule.index);
    const isPage = wantsPage(request);
    const headers = headersOf(isPage);
    if (request.method === "HEAD") return new Response(null, { headers });
    const body = isPage
      ? limitsPage(counted, checks.length > counted.length, rules)
      : JSON.stringify({ limits: counted.map(callerLimit) });
    return new Response(body, { headers });
  }

  return (request, ...platform) => {
    requireRequest(request);
    if (request.method !== "GET" && request.method !== "HEAD") {
      return new Response(null, { status: 405, headers: { allow: "GET, HEAD" } });
    }
    const passed = platform.length > 0 ? platform : exchangeOf(request)?.platform ?? [];
    const exchange = newExchange(request, passed, false);
    exchange.keepAddress();
    return then(each(before, check, exchange), (early) =>
      then(authenticate?.(exchange), (found) => {
        if (isResponse(found)) return found;
        exchange.who = found || null;
        return then(each(after, check, exchange), (late) => {
          const checks = [...early, ...late].filter(isOwn);
          return then(askStoreAbout(store, checks, false), () => answer(checks, exchange));
        });
      }));
  };
}
