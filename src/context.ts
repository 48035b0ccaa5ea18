/**
 * What a key, a rate, a cost or a rejection may know of a request.
 *
 * @module
 */

/** A request, and what is known about who sent it. */
export interface Context {
  /** The request itself. */
  readonly request: Request;
  /** The client's address in canonical text, or null where the runtime or the proxies name none. */
  readonly address: string | null;
  /** Who authentication found, null for an anonymous request. Reading it before authentication throws a TypeError. */
  readonly identity: Identity | null;
  /**
   * The route pattern that matched (`/items/:id`), never the raw path: a rule's own, else the one that Hono matched, or that what
   * was passed beside the request names: the contexts of Elysia, SvelteKit, Astro and h3, or `{ route: "/items/:id" }`. Null
   * where none is known.
   */
  readonly route: string | null;
  /** What the server passed beside the request. */
  readonly platform: readonly unknown[];
}

/** Who is asking, as authentication found. */
export interface Identity {
  /** Stable and unique among all that may ask. */
  id: string;
  /** A plan or tier, for rates that depend on it. */
  tier?: string;
  /** Exempt from `byUser` rules unless told otherwise. */
  staff?: boolean;
  /** Exempt from `byUser` rules unless told otherwise. */
  superuser?: boolean;
  /** What the credentials said, verified. */
  claims?: Record<string, unknown>;
}
