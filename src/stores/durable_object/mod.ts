/**
 * The store on Cloudflare's Durable Objects: entry `./durable-object`.
 *
 * @module
 */

import { cannot } from "../../cannot.ts";
import type { Algorithm } from "../../algorithms/algorithm.ts";
import type { ChargedDecision } from "../../decision.ts";
import { BOOLEAN, type Demand, requireOptions, timerMs, typeShown } from "../../options.ts";
import type { CompiledRule } from "../../rules/rule.ts";
import { RuleError } from "../rule_error.ts";
import type { Check, Store } from "../store.ts";
import { decideInGroups, groupsOf } from "../wrappers/decide_in_groups.ts";
import { ThrottleObject } from "./throttle_object.ts";
import {
  decisionsOf,
  halvesOf,
  isKnown,
  type ObjectAnswer,
  type ObjectQuestion,
  questionOf,
} from "./wire.ts";

export { type ObjectState, type ObjectStorage, ThrottleObject } from "./throttle_object.ts";

/** A binding of a class of Durable Objects, as far as the store uses it: `env.THROTTLE`. */
export interface ObjectNamespace {
  /** The id of the object of a name. */
  idFromName(name: string): unknown;
  /** The object of an id. It is made at its first request, near to where that request comes from. */
  // deno-lint-ignore no-explicit-any -- the id's type is Cloudflare's
  get(id: any): { fetch(url: string, init: { method: string; body: string }): Promise<Response> };
}

/** The options of {@link durableObjectStore}. */
export interface DurableObjectStoreOptions {
  /** The binding of {@link ThrottleObject}: `env.THROTTLE`. */
  namespace: ObjectNamespace;
  /** The class that is bound, where it has algorithms of its own. Default {@link ThrottleObject}. */
  object?: { readonly algorithms: readonly Algorithm[] };
  /** The deadline of one call, in ms: after it the rules' `onStoreFailure` decides. Default 250. */
  timeoutMs?: number;
  /** Are refusals whose end is known answered from this isolate's memory until then? Default true. */
  denyCache?: boolean;
}

const NAMESPACE: Demand = {
  must: "the binding of a class of Durable Objects, with idFromName and get",
  holds: (value) => typeof value?.idFromName === "function" && typeof value?.get === "function",
  shows: typeShown,
  presence: "required",
};

const CLASS: Demand = {
  must: "a class that extends ThrottleObject",
  holds: (value) => typeof value === "function" && Array.isArray(value.algorithms),
};

/** An object is asked by a request; nobody resolves its host. */
const OBJECT_URL = "https://throttle.invalid/";

/** The name of the object that keeps a key: its partition. As JSON, since a name is UTF-8, which has no lone surrogates. */
function objectName(key: string): string {
  return JSON.stringify(halvesOf(key)[1]);
}

async function ask(
  namespace: ObjectNamespace,
  name: string,
  question: ObjectQuestion,
): Promise<ObjectAnswer> {
  // The object is looked up for each call: on Workers nothing that does I/O may be kept from one request to the next.
  const stub = namespace.get(namespace.idFromName(name));
  const response = await stub.fetch(OBJECT_URL, { method: "POST", body: JSON.stringify(question) });
  if (!response.ok) {
    throw new Error(`The Durable Object answered ${response.status}: ${await response.text()}`);
  }
  return await response.json();
}

/** Asks an object about checks of its own. */
function askerOf(namespace: ObjectNamespace) {
  return async (
    name: string,
    checks: readonly Check[],
    spend: boolean,
  ): Promise<readonly ChargedDecision[]> => {
    const answer = await ask(namespace, name, questionOf(checks, spend));
    if ("rule" in answer) throw new RuleError(answer.rule, answer.message);
    return decisionsOf(checks, answer.decisions);
  };
}

/** Refuses a rule whose algorithm objects of this class do not have. */
function requireKnown(
  { name, implementation }: CompiledRule,
  { algorithms }: Pick<typeof ThrottleObject, "algorithms">,
): void {
  if (isKnown(implementation, algorithms)) return;
  throw new TypeError(
    cannot(
      `use rule "${name}"`,
      "durableObjectStore() runs an algorithm of one's own only where the class that is its `object` has it",
      implementation.name,
    ),
  );
}

/**
 * Keeps states in Durable Objects: one limit for all of a Worker's instances, everywhere. There is one object per partition key,
 * such as an address or a user; it decides all rules of that key in one call, all or none, by its own clock. Bind the class
 * {@link ThrottleObject}.
 *
 * - Rules of a request that have different keys (by address, by user, `byGlobal()`) live in different objects, which are asked at
 *   once; where one refuses, the charges of the others are given back by a second call. Between the two a request beside it may
 *   be refused that would have passed alone, never one let pass over a limit.
 * - An object lives near to where its key was first seen, and answers some hundred requests per second: an address or a user is far
 *   below that, `byGlobal()` may not be. A request from far away pays the distance, unless the deny cache answers. To choose where
 *   it lives give a `namespace` whose `get` has a `locationHint`, or one of a jurisdiction.
 * - A state is one value of storage: a `slidingLog()` of more than some ten thousand units per window is too large.
 *
 * @param options See {@link DurableObjectStoreOptions}.
 * @returns The store. Make it inside the handler, or once from the first `env`.
 * @throws {TypeError} On an option that does not exist, or a value that cannot be used. A throttle throws it for a rule whose
 * algorithm the object does not have.
 * @throws {RangeError} When timeoutMs is out of its range.
 *
 * @example The handler of a Worker, whose module exports the class too
 * ```ts
 * import { createThrottle, type Throttle } from "@weir/throttle";
 * import { durableObjectStore, type ObjectNamespace } from "@weir/throttle/durable-object";
 * import { equal } from "node:assert/strict";
 *
 * // export { ThrottleObject } from "@weir/throttle/durable-object";
 * let throttle: Throttle | undefined;
 * const worker = {
 *   async fetch(request: Request, env: { THROTTLE: ObjectNamespace }): Promise<Response> {
 *     throttle ??= createThrottle("100/min", { store: durableObjectStore({ namespace: env.THROTTLE }) });
 *     const outcome = await throttle.check(request);
 *     return outcome.response ?? outcome.label(new Response("hello"));
 *   },
 * }; // export default worker;
 * equal(worker.fetch.length, 2);
 * ```
 */
export function durableObjectStore(options: DurableObjectStoreOptions): Store {
  requireOptions(options, {
    namespace: NAMESPACE,
    object: CLASS,
    timeoutMs: timerMs(),
    denyCache: BOOLEAN,
  }, "make durableObjectStore()");
  const { namespace, object = ThrottleObject, timeoutMs = 250, denyCache = true } = options;

  const decideIn = askerOf(namespace);

  return {
    shared: true,
    name: "durableObjectStore()",
    deadlineMs: timeoutMs,
    denyCache,
    decide(checks, spend = true) {
      if (checks.length === 0) return [];
      const groups = groupsOf(checks.map((check) => ({ check })), ({ check }) => objectName(check.key));
      const [{ shard, items }] = groups;
      if (groups.length === 1) return decideIn(shard, items.map(({ check }) => check), spend);
      return decideInGroups(
        groups,
        spend,
        (name, own, spend) => decideIn(name, own.map(({ check }) => check), spend),
      );
    },
    prepare(rules) {
      for (const rule of rules) requireKnown(rule, object);
    },
    async forget(key) {
      await ask(namespace, objectName(key), { forget: halvesOf(key)[0] });
    },
  };
}
