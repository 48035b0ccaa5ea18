/**
 * The interface of a store, which keeps states and decides requests.
 *
 * @module
 */

import type { Algorithm, Policy } from "../algorithms/algorithm.ts";
import { windowOf } from "../algorithms/periods.ts";
import type { ChargedDecision, Source, StoreDecision, Verdict } from "../decision.ts";
import type { MaybePromise } from "../maybe.ts";
import type { CompiledRule } from "../rules/rule.ts";

/** One rule's question about one request. */
export interface Check {
  /**
   * Where the state is kept: the name of the rule's states, a colon, the partition key. Any text, taken literally. Keys are
   * distinct within one call, and a throttle's keys name the algorithm's form, so that each is of one algorithm always.
   */
  readonly key: string;
  /** The rule's name, limit, window and mode. */
  readonly policy: Policy;
  /** How the rule counts. */
  readonly algorithm: Algorithm;
  /** Units; negative only in a correction. */
  readonly cost: number;
  /** For a correction, the `chargedAt` of the decision that it corrects; else null. */
  readonly since: number | null;
  /**
   * For a correction, the `source` of the decision that it corrects: the charge is corrected where it was made. A store of
   * one's own may ignore it. Default "store".
   */
  readonly chargedBy?: Source;
}

/** A change in how well a store works: observers hear of it once per change, not once per request. */
export interface StoreChange {
  /** Which way it changed. */
  readonly state: "failing" | "healed";
  /** The error. */
  readonly error?: unknown;
  /** The part of the store that changed, where the store fails in parts: a node of a cluster, or one rule. */
  readonly part?: string;
}

/** A part of a store that fails by itself: a node of a cluster, or the store as a whole. */
export interface StorePart {
  /** Its name, as a message shows it: "10.0.0.1:7001"; "" for a store as a whole. */
  readonly name: string;
  /**
   * Finds out whether the part works, by writing something that is no state; rejects when it does not. No request waits for
   * it. Without it a request is the probe, and any answer to that request is good news.
   */
  probe?(): Promise<unknown>;
  /** Is there a connection? A client without one may send a command after it has failed. Default: yes, as nobody knows. */
  isConnected?(): boolean;
  /** Does this error mean that nothing of the call was done? The call may be sent again then. Default: no error does. */
  ranNothing?(error: unknown): boolean;
}

/**
 * A store of states. It has one verb, `decide`; {@link decideChecks} does all of it but the reading and the writing. The
 * contract:
 *
 * - **Atomic.** Two calls about one key never step from the same state, whichever process, connection or handle they come
 *   from. In a database, `decide` is a transaction or a compare-and-set.
 * - **All or none.** Where an enforced check refuses, no check beside it is charged. A refusing check's own state is kept all
 *   the same, in shadow mode too, as a block counts refusals. The state of an allowed check is kept only where no enforced
 *   check refuses. A peek keeps nothing.
 * - **Trials.** A check whose `policy.trialOf` names another check's rule is the trial of that rule: its state is kept also where
 *   that check is the only enforced one that refuses, as with the trial's rule in its place the request would pass. Where a store
 *   charges nothing then, the trial counts too few requests; the decisions of the rules are right all the same.
 * - **Quota left.** An allowed check that is not charged is stepped again with cost 0: its decision shows the quota without
 *   this request.
 * - **Foreign states are no states.** A state that another algorithm wrote under the key (another `form`, or another `name`
 *   where the algorithm has no form) is never handed to a step: null is.
 * - **Lives.** A state may outlive its `ttlMs` and never dies earlier, also where a later step gives a longer life than an
 *   earlier one. If one clock decides and another one expires, the expiry needs slack: a second is enough on one machine.
 * - **Time.** The store's own clock dates a decision. It is the same for all who share the states.
 * - **Keys are literal.** Two keys that differ in any way have two states: in case, in a space at the end, behind the
 *   thousandth character, in a lone surrogate. Hash keys where the database cannot hold them.
 * - **`chargedAt`** is the step's `at`, or the time of the decision where the step has none.
 * - **Corrections** (`since` is not null) are steps like any other. An algorithm never refuses one.
 * - **Deadline.** Where `decide` returns a promise, a throttle waits {@link Store.deadlineMs} for it and then goes by the
 *   failure policy. A store that answers synchronously has no deadline.
 *
 * `storeBehaviours` of "@weir/throttle/testing" is this contract as tests.
 */
export interface Store {
  /** Do other processes see the states that this one writes? */
  readonly shared: boolean;
  /** The store's name in messages. Default "the store". */
  readonly name?: string | undefined;
  /**
   * Loads every state, steps every check, and keeps all the new states or none; see {@link Store}.
   *
   * @param checks One per rule, keys distinct; none gives no decisions.
   * @param spend False to peek: nothing is kept. Default true.
   * @returns One decision per check, in order. A throttle takes anything else for a failure of the store.
   */
  decide(checks: readonly Check[], spend?: boolean): MaybePromise<readonly StoreDecision[]>;
  /**
   * Called at construction with a throttle's rules. Nothing waits for it: the promise of an async function is refused.
   *
   * @throws {TypeError} On a rule that cannot work on this store.
   */
  prepare?(rules: readonly CompiledRule[]): void;
  /** Adds a listener, called whenever the store stops or starts to work as it should. */
  observe?(listener: (change: StoreChange) => void): void;
  /** How long a throttle waits for a promised answer, in ms, before it goes by the rules' `onStoreFailure`. Default 250. */
  readonly deadlineMs?: number | undefined;
  /** May a throttle remember this store's certain refusals, and repeat them without asking the store? Default: if it is shared. */
  readonly denyCache?: boolean | undefined;
  /** The part that keeps a check's state. Default, and where it fails: the store as a whole. */
  partOf?(check: Check): MaybePromise<StorePart>;
  /** The clock that dates its decisions, epoch ms, where this process can read it. */
  readonly clock?: (() => number) | undefined;
  /** Forgets one key, taken literally. */
  forget?(key: string): MaybePromise<void>;
  /** The key under which it really keeps a state, as a person finds it there. Default: the key that it is given. */
  storedKey?(key: string): MaybePromise<string>;
  /**
   * Gives back the units that this process has taken ahead, and takes no more. Call it when the process ends; the
   * client stays open.
   */
  close?(): MaybePromise<void>;
  /**
   * Runs a Lua script where the states are, for other things that instances share, such as statistics. Never on the path of
   * a request.
   *
   * @param script Its text.
   * @param keys The keys that it reads and writes; the store puts its prefix before each. On a cluster, keys of one slot.
   * @param args Its other words.
   * @returns The reply.
   */
  run?(script: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
}

/**
 * A check whose key comes in its two halves too, so that memoryStore() need not take it apart. All such checks under one policy
 * object are of one algorithm, and have the half before the colon in common.
 */
export interface SplitCheck extends Check {
  /** The half before the colon. A copy of a check under another key leaves both halves out. */
  readonly stateName?: string | undefined;
  /** The half after the colon. */
  readonly partition?: string | undefined;
}

/** A check with room for the verdict. */
export interface OpenCheck extends SplitCheck, Verdict {}

/** A store inside its wrappers: its decisions leave nothing out. */
export interface WrappedStore extends Store {
  decide(checks: readonly Check[], spend?: boolean): MaybePromise<readonly ChargedDecision[]>;
  /** Work that goes on beside the requests, such as a probe: a platform that ends with its request waits for it. */
  background?(): Promise<unknown> | null;
}

/** A store as a throttle asks it. */
export interface AnsweringStore extends WrappedStore {
  /**
   * {@link Store.decide} for a throttle: writes each verdict into its check. Where some checks are known to refuse, the store
   * may leave the others without a verdict.
   */
  answer(checks: readonly OpenCheck[], spend: boolean): MaybePromise<void>;
}

/** A store from which a throttle may take units ahead. */
export interface LeasingStore extends Store {
  /** Puts leases around the wrapped store: null where nothing is to be taken ahead. */
  readonly leases: ((store: WrappedStore, rules: readonly CompiledRule[]) => WrappedStore) | null;
}

/** The numbers that a decision is made of, and, where they differ from the defaults, the source and the time of the charge. */
type DecisionNumbers =
  & Pick<Verdict, "allowed" | "remaining" | "resetAfterMs" | "retryAfterMs">
  & Partial<Pick<Verdict, "chargedAt">>
  & { readonly blockedMs?: number | undefined; readonly source?: Source | null };

/**
 * The decision on a check.
 *
 * @param check The check.
 * @param numbers The numbers of its verdict. Default of `source`: "store"; of `chargedAt`: `at`.
 * @param at When it was decided, epoch ms.
 * @returns A new decision.
 */
export function decisionOf({ policy, cost }: Check, numbers: DecisionNumbers, at: number): ChargedDecision {
  const { chargedAt = at } = numbers;
  // Whole from the start: engines lay an object out by the literal that makes it.
  return {
    rule: policy.name,
    limit: policy.limit,
    windowMs: windowOf(policy, chargedAt),
    cost,
    mode: policy.mode,
    allowed: numbers.allowed,
    remaining: numbers.remaining,
    resetAfterMs: numbers.resetAfterMs,
    retryAfterMs: numbers.retryAfterMs,
    blockedMs: numbers.blockedMs ?? 0,
    source: numbers.source ?? "store",
    at,
    chargedAt,
  };
}
