/**
 * Which rules a request is under: method and path, matched by Hono's router.
 *
 * @module
 */

import { RegExpRouter } from "hono/router/reg-exp-router";
import { SmartRouter } from "hono/router/smart-router";
import { TrieRouter } from "hono/router/trie-router";
import { extentOf, routedPath, spelledExpression } from "./path_pattern.ts";
import { hasMethod, type Pattern } from "./pattern.ts";
import { isPreflight } from "./preflight.ts";
import { collapse, fold, foldedPaths, plainPath, spelledPaths } from "./request_path.ts";
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
  /** Does a browser ask on its own account, so that nobody is behind it to be authenticated? */
  readonly isPreflight: boolean;
}

/** The route of a preflight that no rule names: it is none of a throttle's business. */
export const UNTOUCHED: Route = {
  pattern: null,
  before: [],
  after: [],
  counts: false,
  holds: false,
  isPreflight: true,
};

interface Target {
  readonly rule: PreparedRule;
  readonly pattern: Pattern;
  /** For paths as they are written; null where the folded path says all. */
  readonly spelled: RegExp | null;
}

/** A pattern that ends in a wildcard is a group's; of the others the one that says more is the endpoint's own. */
export function specificity(path: string): number {
  return (path.endsWith("*") ? 0 : 10_000) + path.split("/").length * 100 +
    path.split("/").filter((s) => s !== "" && !/^[:*]/.test(s)).length;
}

function routeOf(rules: readonly PreparedRule[], targets: readonly Target[]): Route {
  const hit = new Set(targets.map(({ rule }) => rule));
  const applied = rules.filter((rule) => rule.patterns === null || hit.has(rule));
  const paths = targets.map(({ pattern }) => pattern.path).sort((a, b) => specificity(b) - specificity(a));
  return {
    pattern: paths[0] ?? null,
    before: applied.filter((rule) => rule.stage === "before-auth"),
    after: applied.filter((rule) => rule.stage === "after-auth"),
    counts: applied.some((rule) => rule.count !== "all"),
    holds: applied.some((rule) => rule.implementation.ownWindowMs !== undefined),
    isPreflight: false,
  };
}

/**
 * Builds the matcher of a list of rules, once.
 *
 * @param rules The rules.
 * @param isExact Do letter case and slashes make a difference?
 * @throws {TypeError} When Hono refuses a pattern.
 */
export function compileMatch(rules: readonly PreparedRule[], isExact = false): (request: Request) => Route {
  const targets = rules.flatMap((rule) =>
    (rule.patterns ?? []).map((pattern) => ({ rule, pattern, spelled: null }))
  );
  for (const target of targets) routerOf([target], isExact);
  const match = matcherOf(rules, targets, isExact);

  const asked = targets.filter(({ pattern }) => pattern.methods?.includes("OPTIONS"));
  const askedRules = [...new Set(asked.map(({ rule }) => rule))];
  const matchPreflight = matcherOf(askedRules, asked, isExact);
  return (request) => {
    const { method } = request;
    if (method === "OPTIONS" && isPreflight(request)) {
      const route = matchPreflight(method, request.url);
      return route.pattern === null ? UNTOUCHED : { ...route, isPreflight: true };
    }
    // Servers hand over methods as they come, and some handlers do not mind their case.
    return match(method === "GET" || method === "POST" ? method : method.toUpperCase(), request.url);
  };
}

/** Finds the route of a method in upper case and a URL. */
function matcherOf(
  rules: readonly PreparedRule[],
  targets: readonly Target[],
  isExact: boolean,
): (method: string, url: string) => Route {
  const always = routeOf(rules, []);
  if (targets.length === 0) return () => always;

  const known = targets.map((target) => ({
    ...target,
    spelled: isExact ? null : spelledExpression(target.pattern.path),
  }));
  const spelled = known.filter((target) => target.spelled !== null);
  const router = routerOf(known, isExact);
  // Where a path has to be read in several ways, regular expressions see none that is folded.
  const folded = spelled.length === 0 ? router : routerOf(known.filter((t) => t.spelled === null), isExact);

  const extent = extentOf(known.map(({ pattern }) => pattern.path));

  // The router hands out one and the same list of targets for all requests of a route, where it can.
  const routes = new WeakMap<object, Route>();
  function routeFor(found: Found): Route {
    if (found.length === 0) return always;
    let route = routes.get(found);
    if (route === undefined) {
      route = routeOf(rules, found.map(([target]) => target));
      routes.set(found, route);
    }
    return route;
  }

  function routeAlone(method: string, path: string): Route {
    return routeFor(router.match(method, path)[0] as Found);
  }

  /** A rule applies where any reading of the path says so. */
  function routeOfAny(method: string, paths: Iterable<string>, spellings: Iterable<string>): Route {
    const lists = new Set<Found>();
    for (const path of paths) {
      const [found] = folded.match(method, path);
      if (found.length > 0) lists.add(found as Found);
    }
    const written = [...spellings];
    const hits = spelled.filter(({ pattern, spelled }) =>
      hasMethod(pattern, method) && written.some((path) => (spelled as RegExp).test(path))
    );
    const [first = []] = lists;
    if (lists.size < 2 && hits.length === 0) return routeFor(first);
    return routeOf(rules, [...new Set([...[...lists].flat().map(([target]) => target), ...hits])]);
  }

  if (isExact) {
    return (method, url) => {
      const path = plainPath(url, false);
      return path === null ? routeOfAny(method, spelledPaths(url), []) : routeAlone(method, path);
    };
  }
  if (spelled.length === 0) {
    return (method, url) => {
      const path = plainPath(url, true);
      return path === null ? routeOfAny(method, foldedPaths(url, extent), []) : routeAlone(method, path);
    };
  }
  return (method, url) => {
    const path = plainPath(url, false);
    if (path !== null && path === fold(collapse(path))) return routeAlone(method, path);
    const written = [...spelledPaths(url)];
    return routeOfAny(method, foldedPaths(url, extent), [...written, ...written.map(collapse)]);
  };
}

/** What Hono's router finds: targets, with parameters that nobody asks for. */
type Found = readonly (readonly [Target, unknown])[];

function routerOf(targets: readonly Target[], isExact: boolean): SmartRouter<Target> {
  const router = new SmartRouter<Target>({ routers: [new RegExpRouter(), new TrieRouter()] });
  try {
    for (const target of targets) {
      const { methods, path } = target.pattern;
      const named = methods === null ? ["ALL"] : methods;
      const implied = named.includes("GET") && !named.includes("HEAD") ? ["HEAD"] : [];
      for (const method of [...named, ...implied]) router.add(method, routedPath(path, isExact), target);
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
