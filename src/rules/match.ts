/**
 * Which rules a request is under: method and path, matched by Hono's router.
 *
 * @module
 */

import { RegExpRouter } from "hono/router/reg-exp-router";
import { SmartRouter } from "hono/router/smart-router";
import { TrieRouter } from "hono/router/trie-router";
import { extentOf, openPath, routedPath, spelledExpression } from "./path_pattern.ts";
import { hasMethod, type Pattern } from "./pattern.ts";
import { isPreflight } from "./preflight.ts";
import { collapse, fold, foldedPaths, plainPath, spelledPaths } from "./request_path.ts";
import type { PreparedRule } from "./rule.ts";
import { cannot } from "../cannot.ts";

/** The rules that a request is under, by stage, each in rule order. */
export interface Route {
  /** The most specific path pattern that matched; null when no rule has one for it. */
  readonly pattern: string | null;
  /** Decided before authentication. */
  readonly before: readonly PreparedRule[];
  /** Decided after it. */
  readonly after: readonly PreparedRule[];
  /** Are there rules of both stages? */
  readonly hasBothStages: boolean;
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
  hasBothStages: false,
  counts: false,
  holds: false,
  isPreflight: true,
};

/** As much of a request as rules are matched with. */
type Asked = Pick<Request, "method" | "url" | "headers">;

/** Finds the route of a request. */
export type Match = (request: Asked) => Route;

interface Target {
  readonly rule: PreparedRule;
  readonly pattern: Pattern;
}

/** A pattern that ends in a wildcard is a group's; of the others the more specific one is the endpoint's own. */
export function specificity(path: string): number {
  return (path.endsWith("*") ? 0 : 10_000) + path.split("/").length * 100 +
    path.split("/").filter((s) => s !== "" && !/^[:*]/.test(s)).length;
}

function routeOf(rules: readonly PreparedRule[], targets: readonly Target[]): Route {
  const hit = new Set(targets.map(({ rule }) => rule));
  const applied = rules.filter((rule) => rule.patterns === null || hit.has(rule));
  const paths = targets.map(({ pattern }) => pattern.path).sort((a, b) => specificity(b) - specificity(a));
  return routeUnder(applied, paths[0] ?? null);
}

function routeUnder(rules: readonly PreparedRule[], pattern: string | null): Route {
  const before = rules.filter((rule) => rule.stage === "before-auth");
  const after = rules.filter((rule) => rule.stage === "after-auth");
  return {
    pattern,
    before,
    after,
    hasBothStages: before.length > 0 && after.length > 0,
    counts: rules.some((rule) => rule.count !== "all"),
    holds: rules.some((rule) => rule.implementation.heldWhileRunning === true),
    isPreflight: false,
  };
}

/** The route of a request that has two paths: the rules of either apply. */
export function joinRoutes(one: Route, other: Route): Route {
  if (one === other) return one;
  const rules = [one, other].flatMap(({ before, after }) => [...before, ...after]);
  const inOrder = [...new Set(rules)].sort((left, right) => left.index - right.index);
  return { ...routeUnder(inOrder, one.pattern ?? other.pattern), isPreflight: one.isPreflight };
}

/**
 * Builds the matcher of a list of rules, once.
 *
 * @param rules The rules.
 * @param isExact Do letter case and slashes make a difference?
 * @throws {TypeError} When Hono refuses a pattern.
 */
export function compileMatch(rules: readonly PreparedRule[], isExact = false): Match {
  const targets = rules.flatMap((rule) => (rule.patterns ?? []).map((pattern) => ({ rule, pattern })));
  if (targets.length === 0) {
    const route = routeOf(rules, []);
    return (request) => request.method === "OPTIONS" && isPreflight(request) ? UNTOUCHED : route;
  }
  for (const target of targets) routerOf([target], (path) => routedPath(path, isExact));
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

/**
 * A longer URL that can be read in several ways is not read in all of them for the sake of regular expressions: they are
 * held to match then, as a request must cost a server little.
 */
const LONG = 4096;

/** Gives the route of a method in upper case and a URL. */
type FindRoute = (method: string, url: string) => Route;

/** Finds the route of a method in upper case and a URL, for these rules. */
function matcherOf(rules: readonly PreparedRule[], targets: readonly Target[], isExact: boolean): FindRoute {
  if (targets.length === 0) {
    const always = routeOf(rules, []);
    return () => always;
  }
  const router = routerOf(targets, (path) => routedPath(path, isExact));
  const routes = routesOf(rules);
  if (isExact) {
    return (method, url) => {
      const path = plainPath(url, false);
      return path === null
        ? routes.ofAny(router, method, spelledPaths(url))
        : routes.ofOne(router, method, path);
    };
  }
  const extent = extentOf(targets.map(({ pattern }) => openPath(pattern.path)));
  const constrained = targets.flatMap((target) => {
    const expression = spelledExpression(target.pattern.path);
    return expression === null ? [] : [{ target, expression }];
  });
  if (constrained.length > 0) return constrainedMatcher(routes, router, targets, constrained, extent);
  return (method, url) => {
    const path = plainPath(url, true);
    return path === null
      ? routes.ofAny(router, method, foldedPaths(url, extent))
      : routes.ofOne(router, method, path);
  };
}

/** The routes that a router finds. */
interface Routes {
  /** The route of one reading of a path. */
  ofOne(router: TargetRouter, method: string, path: string): Route;
  /** The route of several: a rule applies where it matches any reading, or its target is among the hits. */
  ofAny(router: TargetRouter, method: string, paths: Iterable<string>, hits?: readonly Target[]): Route;
}

function routesOf(rules: readonly PreparedRule[]): Routes {
  const always = routeOf(rules, []);
  // The router hands out one and the same list of targets for all requests of a route, where it can.
  const known = new WeakMap<object, Route>();

  function routeFor(found: Found): Route {
    if (found.length === 0) return always;
    let route = known.get(found);
    if (route === undefined) {
      route = routeOf(rules, found.map(([target]) => target));
      known.set(found, route);
    }
    return route;
  }

  return {
    ofOne: (router, method, path) => routeFor(router.match(method, path)[0] as Found),
    ofAny(router, method, paths, hits = []) {
      const lists = new Set<Found>();
      for (const path of paths) {
        const [found] = router.match(method, path);
        if (found.length > 0) lists.add(found as Found);
      }
      const [first = []] = lists;
      if (lists.size < 2 && hits.length === 0) return routeFor(first);
      return routeOf(rules, [...new Set([...[...lists].flat().map(([target]) => target), ...hits])]);
    },
  };
}

/** A target whose parameters have regular expressions, as one for the whole path. */
interface Constrained {
  readonly target: Target;
  readonly expression: { test(path: string): boolean };
}

/** The same where some patterns have regular expressions: those see no path that is folded, nor one that is cut. */
function constrainedMatcher(
  routes: Routes,
  router: TargetRouter,
  targets: readonly Target[],
  constrained: readonly Constrained[],
  extent: ReturnType<typeof extentOf>,
): FindRoute {
  const others = targets.filter((target) => !constrained.some((other) => other.target === target));
  const folded = routerOf(others, (path) => routedPath(path, false));
  const open = routerOf(targets, (path) => routedPath(openPath(path), false));
  function hits(method: string, spellings: readonly string[]): Target[] {
    return constrained.filter(({ target, expression }) =>
      hasMethod(target.pattern, method) && spellings.some((path) => expression.test(path))
    ).map(({ target }) => target);
  }
  return (method, url) => {
    const path = plainPath(url, false);
    if (path !== null) {
      const one = collapse(path);
      const lower = fold(one);
      return lower === path
        ? routes.ofOne(router, method, path)
        : routes.ofAny(folded, method, [lower], hits(method, [path, one]));
    }
    const paths = foldedPaths(url, extent);
    if (url.length > LONG) return routes.ofAny(open, method, paths);
    const written = [...spelledPaths(url)];
    return routes.ofAny(folded, method, paths, hits(method, [...written, ...written.map(collapse)]));
  };
}

type TargetRouter = SmartRouter<Target>;

/** The findings of Hono's router: targets, with parameters that nobody asks for. */
type Found = readonly (readonly [Target, unknown])[];

function routerOf(targets: readonly Target[], routed: (path: string) => string): TargetRouter {
  const router = new SmartRouter<Target>({ routers: [new RegExpRouter(), new TrieRouter()] });
  try {
    for (const target of targets) {
      const { methods, path } = target.pattern;
      const named = methods === null ? ["ALL"] : methods;
      const implied = named.includes("GET") && !named.includes("HEAD") ? ["HEAD"] : [];
      for (const method of [...named, ...implied]) router.add(method, routed(path), target);
    }
    // Routers compile at the first match; a pattern that does not compile is to fail now.
    router.match("GET", "/");
  } catch (error) {
    const [{ rule, pattern }] = targets;
    const why = `Hono refuses its pattern (${(error as Error).message})`;
    throw new TypeError(cannot(`use rule "${rule.name}"`, why, pattern.text), { cause: error });
  }
  return router;
}
