/**
 * The route that a framework's own context names, where it is handed over beside the request.
 *
 * @module
 */

/** As much of the contexts of frameworks as names the pattern that a request matched. */
interface Routed {
  /** Elysia's context has the pattern itself, SvelteKit's event has `{ id }`. */
  readonly route?: string | { readonly id?: string | null } | null;
  /** Astro's context. */
  readonly routePattern?: string;
  /** h3's event. */
  readonly context?: { readonly matchedRoute?: { readonly route?: string } };
}

/** A pattern, unless this is something else, such as a variable of a Worker that is called `route`. */
function patternOf(value: unknown): string | null {
  return typeof value === "string" && value.startsWith("/") ? value : null;
}

/**
 * The pattern that one of a server's or a framework's objects names, never the raw path.
 *
 * @param platform The arguments that were passed beside the request.
 * @returns Null where none names one.
 */
export function routeBeside(platform: readonly unknown[]): string | null {
  for (const item of platform as readonly (Routed | null | undefined)[]) {
    if (typeof item !== "object" || item === null) continue;
    const { route } = item;
    const named = patternOf(typeof route === "object" ? route?.id : route) ?? patternOf(item.routePattern) ??
      patternOf(item.context?.matchedRoute?.route);
    if (named !== null) return named;
  }
  return null;
}
