/**
 * The information about a request for keys, rates, costs and rejections.
 *
 * @module
 */

/** A request and its sender. */
export interface Context {
  /** The request itself. A function that needs its body reads that of `request.clone()`, as the handler reads the original. */
  readonly request: Request;
  /** The client's address in canonical text, or null if the runtime and the proxies name none. */
  readonly address: string | null;
  /**
   * The identity that authentication returned, null for an anonymous request. Reading it before
   * authentication throws a TypeError.
   */
  readonly identity: Identity | null;
  /**
   * The matched route pattern (`/items/:id`), never the raw path: a rule's own, else Hono's, else the one in
   * the server's argument: the contexts of Elysia, SvelteKit, Astro and h3, or `{ route: "/items/:id" }`.
   * Null if none is known.
   */
  readonly route: string | null;
  /** The server's arguments after the request. */
  readonly platform: readonly unknown[];
}

/** The sender of a request, from authentication. */
export interface Identity {
  /** Stable, and unique among all identities. */
  id: string;
  /** A plan or tier, for rates that depend on it. */
  tier?: string | undefined;
  /** Exempt from `byUser` rules by default. */
  staff?: boolean | undefined;
  /** Exempt from `byUser` rules by default. */
  superuser?: boolean | undefined;
  /** The verified claims of the credentials. */
  claims?: Record<string, unknown> | undefined;
}
