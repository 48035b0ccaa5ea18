/**
 * Deep equality as @std/assert means it: own enumerable keys and symbols, the prototype (a null one counts as
 * Object's), Map and Set in any order, Date, RegExp and URL by value, NaN equal to NaN, 0 equal to -0, and
 * `{ a: undefined }` different from `{}`.
 */
export function equal(left, right) {
  if (Object.is(left, right)) return true;
  const seen = new Map(); // pairs on the way down: a cycle is equal if it closes at the same pair
  return compare(left, right);

  function compare(a, b) {
    if (typeof a === "number" && typeof b === "number") {
      return a === b || (Number.isNaN(a) && Number.isNaN(b));
    }
    if (Object.is(a, b)) return true;
    if (!isObject(a) || !isObject(b)) return false;
    const prototype = prototypeOf(a);
    if (prototype !== prototypeOf(b)) return false;
    if (prototype === Object.prototype || prototype === Array.prototype) {
      if (seen.get(a) === b) return true;
      seen.set(a, b);
      return sameProperties(a, b);
    }
    if (a instanceof Date) return Object.is(a.getTime(), b.getTime());
    if (a instanceof RegExp || a instanceof URL) return String(a) === String(b);
    if (a instanceof WeakMap) {
      throw new TypeError("cannot compare WeakMap instances");
    }
    if (a instanceof WeakSet) {
      throw new TypeError("cannot compare WeakSet instances");
    }
    if (a instanceof WeakRef) return compare(a.deref(), b.deref());
    if (a instanceof ArrayBuffer) {
      return sameItems(new Uint8Array(a), new Uint8Array(b));
    }
    if (ArrayBuffer.isView(a) && !(a instanceof DataView)) {
      return sameItems(a, b);
    }
    if (seen.get(a) === b) return true;
    seen.set(a, b);
    if (a instanceof Set) {
      return sameSize(a, b) &&
        [...a].every((item) => b.has(item) || has(b, item));
    }
    if (a instanceof Map) return sameSize(a, b) && sameEntries(a, b);
    if (a instanceof Error && (a.name !== b.name || a.message !== b.message)) {
      return false;
    }
    return sameProperties(a, b);
  }

  function sameItems(a, b) {
    return a.length === b.length &&
      a.every((item, index) => compare(item, b[index]));
  }

  function has(set, item) {
    return isObject(item) && [...set].some((other) => compare(item, other));
  }

  function sameEntries(a, b) {
    return [...a].every(([key, value]) =>
      b.has(key) ? compare(value, b.get(key)) : isObject(key) &&
        [...b].some(([other, otherValue]) => compare(key, other) && compare(value, otherValue))
    );
  }

  function sameProperties(a, b) {
    if (Array.isArray(a) && a.length !== b.length) return false;
    const keys = enumerableKeys(a);
    if (keys.length !== enumerableKeys(b).length) return false;
    for (const key of keys) {
      if (!Object.hasOwn(b, key) || !compare(a[key], b[key])) return false;
    }
    return true;
  }
}

function isObject(value) {
  return typeof value === "object" && value !== null;
}

function sameSize(a, b) {
  return a.size === b.size;
}

function prototypeOf(value) {
  return Object.getPrototypeOf(value) ?? Object.prototype;
}

function enumerableKeys(value) {
  const keys = Object.keys(value);
  const symbols = Object.getOwnPropertySymbols(value);
  if (symbols.length === 0) return keys;
  return [...keys, ...symbols.filter((key) => Object.prototype.propertyIsEnumerable.call(value, key))];
}
