/* @ts-self-types="./mod.d.ts" */
import { equal } from "./equal.js";
import { difference, format } from "./message.js";

export { equal };

export class AssertionError extends Error {
  constructor(message, options) {
    super(message, options);
    this.name = "AssertionError";
  }
}

export function assert(expr, msg = "") {
  if (!expr) throw new AssertionError(msg);
}

export function assertFalse(expr, msg = "") {
  if (expr) throw new AssertionError(msg);
}

export function fail(msg) {
  throw new AssertionError(`Failed assertion${suffix(msg)}`);
}

export function assertEquals(actual, expected, msg) {
  if (equal(actual, expected)) return;
  throw new AssertionError(
    `Values are not equal${suffix(msg)}\n${difference(actual, expected)}`,
  );
}

export function assertNotEquals(actual, expected, msg) {
  if (!equal(actual, expected)) return;
  throw new AssertionError(
    `Expected actual: ${format(actual)} not to be: ${format(expected)}${suffix(msg)}`,
  );
}

export function assertStrictEquals(actual, expected, msg) {
  if (Object.is(actual, expected)) return;
  if (format(actual) === format(expected)) {
    throw new AssertionError(
      `Values have the same structure but are not reference-equal${suffix(msg)}\n\n${format(actual)}\n`,
    );
  }
  throw new AssertionError(
    `Values are not strictly equal${suffix(msg)}\n${difference(actual, expected)}`,
  );
}

export function assertExists(actual, msg) {
  if (actual !== undefined && actual !== null) return;
  throw new AssertionError(
    `Expected actual: "${actual}" to not be null or undefined${suffix(msg)}`,
  );
}

export function assertGreater(actual, expected, msg) {
  if (actual > expected) return;
  throw new AssertionError(
    msg ?? `Expect ${format(actual)} > ${format(expected)}`,
  );
}

export function assertGreaterOrEqual(actual, expected, msg) {
  if (actual >= expected) return;
  throw new AssertionError(
    msg ?? `Expect ${format(actual)} >= ${format(expected)}`,
  );
}

export function assertLess(actual, expected, msg) {
  if (actual < expected) return;
  throw new AssertionError(
    msg ?? `Expect ${format(actual)} < ${format(expected)}`,
  );
}

export function assertLessOrEqual(actual, expected, msg) {
  if (actual <= expected) return;
  throw new AssertionError(
    msg ?? `Expect ${format(actual)} <= ${format(expected)}`,
  );
}

/** Without a tolerance: one hundred thousandth of a percent of what is expected. */
export function assertAlmostEquals(actual, expected, tolerance, msg) {
  if (Object.is(actual, expected)) return;
  const allowed = tolerance ??
    (Number.isFinite(expected) ? Math.abs(expected * 1e-7) : 1e-7);
  const delta = Math.abs(expected - actual);
  if (delta <= allowed) return;
  throw new AssertionError(
    `Expected actual: "${actual}" to be close to "${expected}": ` +
      `delta "${delta}" is greater than "${allowed}"${suffix(msg)}`,
  );
}

export function assertMatch(actual, expected, msg) {
  if (expected.test(actual)) return;
  throw new AssertionError(
    `Expected actual: "${actual}" to match: "${expected}"${suffix(msg)}`,
  );
}

export function assertStringIncludes(actual, expected, msg) {
  if (actual.includes(expected)) return;
  throw new AssertionError(
    `Expected actual: "${actual}" to contain: "${expected}"${suffix(msg)}`,
  );
}

export function assertArrayIncludes(actual, expected, msg) {
  const present = Array.from(actual);
  const missing = Array.from(expected).filter((item) => !present.some((other) => equal(item, other)));
  if (missing.length === 0) return;
  throw new AssertionError(
    `Expected actual: "${format(actual)}" to include: "${format(expected)}"${suffix(msg)}\n` +
      `missing: ${format(missing)}`,
  );
}

export function assertInstanceOf(actual, expectedType, msg) {
  if (actual instanceof expectedType) return;
  throw new AssertionError(
    `Expected object to be an instance of "${expectedType.name}" but was "${kindOf(actual)}"${suffix(msg)}`,
  );
}

export function assertObjectMatch(actual, expected, msg) {
  assertEquals(
    common(actual, expected, new Map()),
    common(expected, expected, new Map()),
    msg,
  );
}

/** The part of `actual` that `expected` speaks of, as plain objects: classes are not compared. */
function common(actual, expected, seen) {
  if (seen.get(actual) === expected) return actual;
  seen.set(actual, expected);
  const part = {};
  for (const key of Reflect.ownKeys(actual)) {
    if (key in expected) {
      part[key] = commonValue(actual[key], expected[key], seen);
    }
  }
  return part;
}

function commonValue(value, wanted, seen) {
  if (!isObject(value) || !isObject(wanted) || value instanceof RegExp) {
    return value;
  }
  if (value instanceof Map && wanted instanceof Map) {
    const shared = [...value].filter(([key]) => wanted.has(key));
    return new Map(
      shared.map((
        [key, item],
      ) => [key, commonValue(item, wanted.get(key), seen)]),
    );
  }
  if (value instanceof Set && wanted instanceof Set) {
    return new Set([...value].filter((item) => wanted.has(item)));
  }
  if (Array.isArray(value) !== Array.isArray(wanted)) return value;
  if (Array.isArray(value)) return common({ ...value }, { ...wanted }, seen);
  return common(value, wanted, seen);
}

export function assertIsError(error, ErrorClass, msgMatches, msg) {
  if (!(error instanceof Error)) {
    throw new AssertionError(
      `Expected "error" to be an Error object${suffix(msg)}`,
    );
  }
  if (ErrorClass && !(error instanceof ErrorClass)) {
    throw new AssertionError(
      `Expected error to be instance of "${ErrorClass.name}", but was "${error.constructor?.name}": ` +
        `${error.message}${suffix(msg)}`,
      { cause: error },
    );
  }
  if (!msgMatches) return;
  const matches = typeof msgMatches === "string"
    ? error.message.includes(msgMatches)
    : msgMatches.test(error.message);
  if (matches) return;
  throw new AssertionError(
    `Expected error message to include ${
      typeof msgMatches === "string" ? JSON.stringify(msgMatches) : msgMatches
    }, but got ${JSON.stringify(error.message)}${suffix(msg)}`,
    { cause: error },
  );
}

export function assertThrows(fn, classOrMsg, msgIncludes, msg) {
  const wanted = expectation(classOrMsg, msgIncludes, msg);
  try {
    fn();
  } catch (error) {
    return checked(error, wanted, "thrown");
  }
  throw new AssertionError(`Expected function to throw${suffix(wanted.msg)}`);
}

export async function assertRejects(fn, classOrMsg, msgIncludes, msg) {
  const wanted = expectation(classOrMsg, msgIncludes, msg);
  let promise;
  try {
    promise = fn();
  } catch (error) {
    throw new AssertionError(
      `Function throws when expected to reject${suffix(wanted.msg)}`,
      { cause: error },
    );
  }
  if (typeof promise?.then !== "function") {
    throw new AssertionError(
      `Function throws when expected to reject${suffix(wanted.msg)}`,
    );
  }
  try {
    await promise;
  } catch (error) {
    return checked(error, wanted, "rejected");
  }
  throw new AssertionError(`Expected function to reject${suffix(wanted.msg)}`);
}

/** Both forms of the call: (fn, msg) and (fn, ErrorClass, msgIncludes, msg). */
function expectation(classOrMsg, msgIncludes, msg) {
  return typeof classOrMsg === "string" ? { msg: classOrMsg } : { ErrorClass: classOrMsg, msgIncludes, msg };
}

function checked(error, { ErrorClass, msgIncludes, msg }, verb) {
  if (!ErrorClass) return error;
  if (!(error instanceof Error)) {
    throw new AssertionError(`A non-Error object was ${verb}${suffix(msg)}`);
  }
  assertIsError(error, ErrorClass, msgIncludes, msg);
  return error;
}

function suffix(msg) {
  return msg ? `: ${msg}` : ".";
}

function isObject(value) {
  return typeof value === "object" && value !== null;
}

function kindOf(value) {
  if (value === null) return "null";
  return typeof value === "object" ? value.constructor?.name ?? "Object" : typeof value;
}
