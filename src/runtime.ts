/**
 * What a runtime keeps in its globals: this is the only file that reaches for them.
 *
 * @module
 */

/** The globals of Node, Bun and Deno that are read, where they exist. */
interface Globals {
  readonly process?: {
    readonly env?: Readonly<Record<string, string | undefined>>;
    getBuiltinModule?(name: string): unknown;
  };
  readonly Deno?: {
    readonly env?: { get(name: string): string | undefined };
    readonly permissions?: {
      querySync?(what: { name: "env"; variable: string }): { readonly state: string };
    };
    readonly test?: { readonly length: number };
  };
  readonly navigator?: { readonly userAgent?: string };
}

const globals = globalThis as unknown as Globals;

/**
 * An environment variable. Never at import: on Workers it would be missing, on Deno it may ask for permission.
 *
 * @param name Its name.
 * @returns Its value; undefined where it is not set or the runtime has no environment.
 */
export function env(name: string): string | undefined {
  const { Deno: deno, process } = globals;
  return deno?.env?.get(name) ?? process?.env?.[name];
}

/**
 * A module of Node that Deno and Bun have too, such as "node:fs", without an import that bundlers for elsewhere stumble on.
 *
 * @param name Its name, with `node:`.
 * @returns The module; undefined where the runtime has none.
 */
export function builtin<T>(name: string): T | undefined {
  return globals.process?.getBuiltinModule?.(name) as T | undefined;
}

/** What can be known of where this process runs, without any I/O and without asking anybody. */
export interface Surroundings {
  /** An environment variable, if it may be read. */
  env(name: string): string | undefined;
  /** Is there a global of this name? */
  has(name: string): boolean;
  /** What `navigator` says the runtime is. */
  readonly userAgent: string | undefined;
  /** Was this process forked by `node:cluster`? */
  readonly isClusterWorker: boolean;
  /** Does `deno test` run this? */
  readonly isDenoTest: boolean;
}

/** On Deno a variable that may not be read would stop everything with a question or an error. */
function permittedEnv(name: string): string | undefined {
  const status = globals.Deno?.permissions?.querySync?.({ name: "env", variable: name });
  return status === undefined || status.state === "granted" ? env(name) : undefined;
}

/** Where this process runs. */
export const surroundings: Surroundings = {
  env: permittedEnv,
  has: (name) => name in globalThis,
  get userAgent() {
    return globals.navigator?.userAgent;
  },
  get isClusterWorker() {
    return builtin<{ readonly isWorker?: boolean }>("node:cluster")?.isWorker === true;
  },
  /** Elsewhere `Deno.test` does nothing, and takes nothing. */
  get isDenoTest() {
    return (globals.Deno?.test?.length ?? 0) > 0;
  },
};
