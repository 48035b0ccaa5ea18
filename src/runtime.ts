/**
 * The globals of the runtimes. No other file reads them.
 *
 * @module
 */

/** The globals of Node, Bun and Deno that are read, if they exist. */
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
    refTimer?(id: number): void;
    unrefTimer?(timer: unknown): void;
  };
  readonly navigator?: { readonly userAgent?: string };
}

const globals = globalThis as unknown as Globals;

/**
 * Reads an environment variable. Never call it at import: on Workers it would be missing, on Deno it may
 * prompt for permission.
 *
 * @param name Its name.
 * @returns Its value; undefined if it is not set or the runtime has no environment.
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

/** The longest time that a timer can wait, in ms: timers count in 31 bits. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1;

/** Lets a process end although this timer is set. */
export function unref(timer: unknown): void {
  if (typeof timer === "number") globals.Deno?.unrefTimer?.(timer);
  else (timer as { unref?(): void }).unref?.();
}

/** A timer that may let the process end. */
export interface IdleTimer {
  /** The process lives until it has run. */
  ref(): void;
  /** The process may end before. */
  unref(): void;
}

/**
 * Runs a function once after some ms, whichever request that came meanwhile it is for.
 *
 * @returns Null, with no timer made, where the runtime has no such timers; on Workers a timer belongs to the request
 * that made it, and ends with it.
 */
export function idleTimer(run: () => void, ms: number): IdleTimer | null {
  if (globals.navigator?.userAgent === "Cloudflare-Workers") return null;
  const timer = setTimeout(run, ms) as unknown;
  if (typeof (timer as IdleTimer | null)?.unref === "function") return timer as IdleTimer;
  const { Deno: deno } = globals;
  if (deno?.unrefTimer !== undefined && typeof timer === "number") {
    return { ref: () => deno.refTimer?.(timer), unref: () => deno.unrefTimer?.(timer) };
  }
  clearTimeout(timer as ReturnType<typeof setTimeout>);
  return null;
}

/** Facts about the environment of this process, read without I/O and without a permission prompt. */
export interface Surroundings {
  /** Reads an environment variable, if the process has permission. */
  env(name: string): string | undefined;
  /** Is there a global of this name? */
  has(name: string): boolean;
  /** The runtime's name in `navigator`. */
  readonly userAgent: string | undefined;
  /** Was this process forked by `node:cluster`? */
  readonly isClusterWorker: boolean;
  /** Does `deno test` run this? */
  readonly isDenoTest: boolean;
}

/** On Deno, reading a variable without permission would prompt or throw. */
function permittedEnv(name: string): string | undefined {
  const status = globals.Deno?.permissions?.querySync?.({ name: "env", variable: name });
  return status === undefined || status.state === "granted" ? env(name) : undefined;
}

/** The environment of this process. */
export const surroundings: Surroundings = {
  env: permittedEnv,
  has: (name) => name in globalThis,
  get userAgent() {
    return globals.navigator?.userAgent;
  },
  get isClusterWorker() {
    return builtin<{ readonly isWorker?: boolean }>("node:cluster")?.isWorker === true;
  },
  /** Outside `deno test` this function does nothing, and has no parameters. */
  get isDenoTest() {
    return (globals.Deno?.test?.length ?? 0) > 0;
  },
};
