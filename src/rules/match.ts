/**
 * Which rules a request is under: by its method, and by its path in Hono's pattern syntax.
 *
 * @module
 */

import { commonStart, extentOf, isConstrained, openPath, pathExpression } from "./path_pattern.ts";
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
type RequestHead = Pick<Request, "method" | "url" | "headers">;

/** Finds the route of a request. */
export type Match = (request: RequestHead) => Route;

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
    holds: rules.some((rule) => rule.implementation.heldWhileRunning),
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
 * @throws {TypeError} When the regular expression of a pattern is none.
 */
export function compileMatch(rules: readonly PreparedRule[], isExact = false): Match {
  const targets = rules.flatMap((rule) => (rule.patterns ?? []).map((pattern) => ({ rule, pattern })));
  if (targets.length === 0) {
    const route = routeOf(rules, []);
    return (request) => request.method === "OPTIONS" && isPreflight(request) ? UNTOUCHED : route;
  }
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
  const find = finderOf(rules, targets.map((target) => expressionsOf(target, isExact)));
  if (targets.length === 0) {
    const always = find("", []);
    return () => always;
  }
  if (isExact) {
    return (method, url) => {
      const path = plainPath(url, false);
      return find(method, path === null ? [...spelledPaths(url)] : [path]);
    };
  }
  const extent = extentOf(targets.map(({ pattern }) => openPath(pattern.path)));
  const isFoldedAlone = !targets.some(({ pattern }) => isConstrained(pattern.path));
  return (method, url) => {
    const path = plainPath(url, isFoldedAlone);
    if (path !== null) {
      if (isFoldedAlone) return find(method, [path]);
      const one = collapse(path);
      return find(method, [fold(one)], [path, one]);
    }
    const paths = [...foldedPaths(url, extent)];
    if (isFoldedAlone || url.length > LONG) return find(method, paths);
    const written = [...spelledPaths(url)];
    return find(method, paths, [...written, ...written.map(collapse)]);
  };
}

/** A target, and the expressions that find it. */
interface Expressions {
  readonly target: Target;
  /** For exact paths, or for folded ones: there without the regular expressions of parameters. */
  readonly path: RegExp;
  /** The text with which those paths begin. */
  readonly start: string;
  /** For paths in their original case. Null: {@link path} is enough. */
  readonly spelled: RegExp | null;
}

function expressionsOf(target: Target, isExact: boolean): Expressions {
  const { rule, pattern: { path, text } } = target;
  try {
    const spelled = !isExact && isConstrained(path) ? pathExpression(path, "spelled") : null;
    const compared = isExact ? path : openPath(path);
    const reading = isExact ? "exact" : "folded";
    const start = commonStart(compared, reading);
    return { target, path: pathExpression(compared, reading), start, spelled };
  } catch (error) {
    const why = `its regular expression cannot be used (${(error as Error).message})`;
    throw new TypeError(cannot(`use rule "${rule.name}"`, why, text), { cause: error });
  }
}

/** Finds the route of a method and of all readings of a path: a target is found where its expression matches one of them. */
type Find = (method: string, paths: readonly string[], spelled?: readonly string[]) => Route;

/** The route of some targets, and the routes of these and one more. */
interface Known {
  readonly targets: readonly Target[];
  readonly route: Route;
  readonly more: Map<Target, Known>;
}

/** The most routes that are kept: clients choose which of the patterns match together. */
const MAX_KNOWN = 1000;

function finderOf(rules: readonly PreparedRule[], all: readonly Expressions[]): Find {
  const known = (targets: readonly Target[]): Known => ({
    targets,
    route: routeOf(rules, targets),
    more: new Map(),
  });
  const none = known([]);
  let count = 0;

  return (method, paths, spelled) => {
    let found = none;
    for (const { target, path, start, spelled: expression } of all) {
      const isHit = expression === null || spelled === undefined
        ? isAnyMatch(paths, path, start)
        : isAnyMatch(spelled, expression, "");
      if (!isHit || !hasMethod(target.pattern, method)) continue;
      let next = found.more.get(target);
      if (next === undefined) {
        next = known([...found.targets, target]);
        if (count++ < MAX_KNOWN) found.more.set(target, next);
      }
      found = next;
    }
    return found.route;
  };
}

/** Does the expression match any of these paths? It matches none but those with this start, which is quicker to compare. */
function isAnyMatch(paths: readonly string[], expression: RegExp, start: string): boolean {
  for (const path of paths) if (path.startsWith(start) && expression.test(path)) return true;
  return false;
}
