/**
 * The one check of options: each factory states the demands on its options, in a record.
 *
 * @module
 */

import { cannot, shown } from "./cannot.ts";
import { isPromise } from "./maybe.ts";
import { MAX_TIMER_MS } from "./runtime.ts";

/** The demand on one option. */
export interface Demand {
  /** The words after "must be": "true or false". */
  readonly must: string;
  /** Can the value be used? */
  // deno-lint-ignore no-explicit-any -- each demand looks at the value in its own way
  readonly holds: (value: any) => boolean;
  /** Is it a number, or one of some? Then any other value is a RangeError; of all other options a TypeError. */
  readonly isNumber?: boolean;
  /** How messages show its value. Default: as it is. */
  readonly shows?: ((value: unknown) => string) | undefined;
  /**
   * Which undefined is refused: every one ("required"), or one that the options name ("named"), as a variable that was not set
   * leaves it. Default: undefined is as good as not there.
   */
  readonly presence?: "required" | "named";
}

/** A demand for each option that there is. */
export type Demands<Options> = { readonly [Name in keyof Required<Options>]: Demand };

const isFunction = (value: unknown): boolean => typeof value === "function";
const isText = (value: unknown): boolean => typeof value === "string" && value !== "";

/** For an option that is checked where it is read. */
export const ANYTHING: Demand = { must: "", holds: () => true };
/** True or false. */
export const BOOLEAN: Demand = { must: "true or false", holds: (value) => typeof value === "boolean" };
/** A function. */
export const FUNCTION: Demand = { must: "a function", holds: isFunction };
/** An object. */
export const OBJECT: Demand = {
  must: "an object",
  // The promise of options would be taken for options without any.
  holds: (value) => typeof value === "object" && value !== null && !isPromise(value),
};
/** A text. */
export const TEXT: Demand = { must: "a text of at least one character", holds: isText };
/** The name of a header (RFC 9110 section 5.1). */
export const HEADER_NAME: Demand = {
  must: "a header name",
  holds: (name) => typeof name === "string" && /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name),
};
/** A secret that keys a hash. */
export const SECRET: Demand = {
  must: "text or bytes, at least one",
  holds: (value) => isText(value) || (value instanceof Uint8Array && value.length > 0),
  shows: hidden,
  presence: "named",
};

/** One of some words. */
export function oneOf(...words: readonly string[]): Demand {
  return {
    must: `one of ${words.map((word) => `"${word}"`).join(", ")}`,
    holds: (value) => words.includes(value),
  };
}

/** An object that has a function of this name. `shows` is that of {@link Demand}, where a password may stand in its place. */
export function having(name: string, must: string, shows?: Demand["shows"]): Demand {
  return { must, holds: (value) => isFunction(value?.[name]), shows };
}

/** A list of values that fulfil another demand. */
export function listOf({ holds }: Demand, must: string): Demand {
  return { must: `a list of ${must}`, holds: (value) => Array.isArray(value) && value.every(holds) };
}

/** A number in a range, both ends included. */
export function number(
  least: number,
  most: number = Infinity,
  kind: string = "a number",
  is: (value: unknown) => boolean = Number.isFinite,
): Demand {
  return {
    must: `${kind} ${most === Infinity ? `of at least ${least}` : `from ${least} to ${most}`}`,
    holds: (value) => is(value) && value >= least && value <= most,
    isNumber: true,
  };
}

/** A whole number in a range, both ends included. */
export function integer(least: number, most?: number): Demand {
  return number(least, most, "an integer", Number.isSafeInteger);
}

/** A time in ms that a timer can wait. */
export function timerMs(): Demand {
  return integer(1, MAX_TIMER_MS);
}

/** A demand on the result of a function that nobody waits for. */
export const AT_ONCE: Demand = { must: "here at once", holds: (value) => !isPromise(value) };

/** A demand on an option that must be given. */
export function required(demand: Demand): Demand {
  return { ...demand, presence: "required" };
}

/** A secret in a message. */
export function hidden(value: unknown): string {
  if (value === null) return "null";
  // A function has a length too: the number of its parameters.
  if (typeof value !== "function" && (value as ArrayLike<unknown> | undefined)?.length === 0) return "empty";
  return typeof value === "string" ? "not shown" : `of type ${typeof value}`;
}

/** The type of a value, in a message: the text of an object such as a database says nothing, or shows a password. */
export function typeShown(value: unknown): string {
  if (value === null || value === undefined || isFunction(value)) return shown(value);
  return `of type ${typeof value}`;
}

function refuse({ must, isNumber, shows }: Demand, what: string, name: string, value: unknown): never {
  throw new (isNumber ? RangeError : TypeError)(
    cannot(what, `${name} must be ${must}`, value, shows?.(value)),
  );
}

/**
 * Checks the result of a function that was given. The promise of an async one is refused, and whatever it rejects with is no
 * unhandled rejection.
 *
 * @param result The result.
 * @param demand The demand on it.
 * @param name The function, for the sentence: "random".
 * @returns The result.
 * @throws {RangeError | TypeError} When it cannot be used.
 */
export function requireResult<T>(result: T, demand: Demand, name: string): T {
  return demand.holds(result) ? result : refuse(demand, `use the result of ${name}`, "it", result);
}

/**
 * Checks options.
 *
 * @param options The options that were given.
 * @param demands The demand on each option that exists.
 * @param what The action that a bad option prevents, for the sentence: "create a throttle".
 * @param owner The option that these belong to, for the same: "block".
 * @throws {TypeError} On an option that does not exist, or a value that cannot be used.
 * @throws {RangeError} When an option that is a number has no value in its range.
 */
export function requireOptions<Options extends object>(
  options: Options,
  demands: Demands<Options>,
  what: string,
  owner = "",
): void {
  if (!OBJECT.holds(options)) {
    // A text in their place may be a secret, or an address with a password.
    const text = typeof options === "string" ? hidden(options) : undefined;
    throw new TypeError(cannot(what, "its options must be an object", options, text));
  }
  const known = Object.keys(demands) as (keyof Options & string)[];
  for (const name of Object.keys(options)) {
    if (known.includes(name as never)) continue;
    throw new TypeError(cannot(what, `${owner || "it"} takes no option but ${known.join(", ")}`, name));
  }
  for (const name of known) {
    const { holds, presence } = demands[name];
    const value: unknown = options[name];
    const mayBeMissing = presence === undefined || (presence === "named" && !(name in options));
    if ((value === undefined && mayBeMissing) || holds(value)) continue;
    refuse(demands[name], what, (owner && `${owner}.`) + name, value);
  }
}
