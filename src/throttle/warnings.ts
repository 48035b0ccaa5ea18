/**
 * Warnings at start about rules that are right each by itself and still will not do as their author wants.
 *
 * @module
 */

import type { Authenticate } from "../auth/authenticate.ts";
import type { HeaderFormat } from "../headers/format.ts";
import type { PreparedRule } from "../rules/rule.ts";
import type { Store } from "../stores/store.ts";
import { warnOnce } from "../warn_once.ts";

function quoted(rules: readonly PreparedRule[]): string {
  return rules.map(({ name }) => `"${name}"`).join(", ");
}

/**
 * Do these formats send a refused client headers, and none with the time to come back? A format without a description may
 * send one.
 */
function forgetTheWait(formats: readonly HeaderFormat[]): boolean {
  const names = formats.map(({ describe }) => describe && Object.keys(describe));
  return names.length > 0 &&
    names.every((described) => described?.every((name) => name.toLowerCase() !== "retry-after"));
}

/** Names of states, made of derived ones, that throttles on a store have, so far. */
const derivedNames = new WeakMap<Store, Set<string>>();

/**
 * Warns, once per process, where
 * - nothing limits how often a client may try to authenticate;
 * - a rule's key needs an identity that nobody finds out;
 * - rate headers are sent, and none that sends refused clients the time to come back;
 * - two throttles on one store derive the same name for a rule, and so share its counters.
 *
 * @param rules The throttle's rules.
 * @param authenticate Its authentication.
 * @param store The store it was given.
 * @param formats Its header formats; null where none is ever sent. An empty list is taken as meant.
 */
export function warnAboutRules(
  rules: readonly PreparedRule[],
  authenticate: Authenticate | null,
  store: Store,
  formats: readonly HeaderFormat[] | null = null,
): void {
  if (authenticate === null) {
    // A rule for `spend` alone never asks its key.
    const idle = rules.filter(({ key, patterns }) => key.needsIdentity && patterns?.length !== 0);
    if (idle.length > 0) {
      warnOnce(
        `Rules that never apply: ${quoted(idle)} count by identity, and there is no \`authenticate\`.`,
      );
    }
  } else if (!authenticate.isOver && rules.every(({ stage }) => stage === "after-auth")) {
    warnOnce(
      `Nothing limits how often a client may try to authenticate: ${
        quoted(rules)
      } can only count after it. Add a rule by address, such as "60/min".`,
    );
  }

  const enforced = rules.filter(({ mode }) => mode === "enforce");
  const all = formats === null ? [] : [...formats, ...rules.flatMap(({ headers }) => headers ?? [])];
  if (enforced.length > 0 && forgetTheWait(all)) {
    warnOnce(
      "No header tells refused clients when to come back, and most know Retry-After alone. Add retryAfter() to `headers`, " +
        "or send none by `headers: []`.",
    );
  }

  const known = derivedNames.get(store) ?? new Set();
  derivedNames.set(store, known);
  const derived = rules.filter(({ isNamed }) => !isNamed);
  const again = derived.filter(({ stateName }) => known.has(stateName));
  if (again.length > 0) {
    warnOnce(
      `Throttles on one store share the counters of ${
        quoted(again)
      }, as their rules derive the same name. Name them, alike if so meant.`,
    );
  }
  for (const { stateName } of derived) known.add(stateName);
}
