/**
 * Which rules a request is under: method and path, matched by Hono's router.
 *
 * @module
 */

import { RegExpRouter } from "hono/router/reg-exp-router";
import { SmartRouter } from "hono/router/smart-router";
import { TrieRouter } from "hono/router/trie-router";
import { getPath } from "hono/utils/url";
import type { Pattern } from "./pattern.ts";
import type { PreparedRule } from "./rule.ts";
import { refusal } from "./refusal.ts";

/** The rules that a request is under, by stage, each in rule order. */
export interface Route {
  /** The most specific path pattern that matched; null when no rule has one for it. */
  readonly pattern: string | null;
  /** Decided before authentication. */
  readonly before: readonly PreparedRule[];
  /** Decided after it. */
  readonly after: readonly PreparedRule[];
  /** Does a rule correct its charge by the response? */
  readonly counts: boolean;
  /** Does a rule hold something until the response's end? */
  readonly holds: boolean;
}

interface Target {
  readonly rule: PreparedRule;
  readonly pattern: Pattern;
}

/** A pattern that ends in a wildcard is a group's; of the others the one that says more is the endpoint's own. */
export function specificity(path: string): number {
  return (path.endsWith("*") ? 0 : 10_000) + path.split("/").length * 100 +
    path.split("/").filter((s) => s !== "" && !/^[:*]/.test(s)).length;
}

function routeOf(rules: readonly PreparedRule[], targets: readonly Target[]): Route {
  const hit = new Set(targets.map(({ rule }) => rule));
  const applied = rules.filter((rule) => rule.patterns.length === 0 || hit.has(rule));
  const paths = targets.map(({ pattern }) => pattern.path).sort((a, b) => specificity(b) - specificity(a));
  return {
    pattern: paths[0] ?? null,
    before: applied.filter((rule) => rule.stage === "before-auth"),
    after: applied.filter((rule) => rule.stage === "after-auth"),
    counts: applied.some((rule) => rule.count !== "all"),
    holds: applied.some((rule) => rule.implementation.heldWhileRunning === true),
  };
}

/**
 * Builds the matcher of a list of rules, once.
 *
 * @throws {TypeError} When Hono refuses a pattern.
 */
export function compileMatch(rules: readonly PreparedRule[]): (request: Request) => Route {
  const always = routeOf(rules, []);
  const targets = rules.flatMap((rule) => rule.patterns.map((pattern) => ({ rule, pattern })));
  if (targets.length === 0) return () => always;

  for (const target of targets) routerOf([target]);
  const router = routerOf(targets);
  // The router hands out one and the same list of targets for all requests of a route, where it can.
  const known = new WeakMap<object, Route>();
  return (request) => {
    const [found] = router.match(request.method, getPath(request));
    if (found.length === 0) return always;
    let route = known.get(found);
    if (route === undefined) {
      route = routeOf(rules, (found as [Target, unknown][]).map(([target]) => target));
      known.set(found, route);
    }
    return route;
  };
}

function routerOf(targets: readonly Target[]): SmartRouter<Target> {
  const router = new SmartRouter<Target>({ routers: [new RegExpRouter(), new TrieRouter()] });
  try {
    for (const target of targets) {
      const { methods, path } = target.pattern;
      const named = methods === null ? ["ALL"] : methods;
      const implied = named.includes("GET") && !named.includes("HEAD") ? ["HEAD"] : [];
      for (const method of [...named, ...implied]) router.add(method, path, target);
    }
    // Routers compile at the first match; a pattern that does not compile is to fail now.
    router.match("GET", "/");
  } catch (error) {
    const [{ rule, pattern }] = targets;
    const why = `Hono refuses its pattern (${(error as Error).message})`;
    throw new TypeError(refusal(`use rule "${rule.name}"`, why, pattern.text), { cause: error });
  }
  return router;
}
