/**
 * The interface of a store: where states are kept, and the one place where requests are decided.
 *
 * @module
 */

import type { Algorithm, Policy } from "../algorithms/algorithm.ts";
import type { DatedDecision, Decision, Said, Source, Verdict } from "../decision.ts";
import type { MaybePromise } from "../maybe.ts";
import type { CompiledRule, FailurePolicy } from "../rules/rule.ts";

/** One rule's question about one request. */
export interface Check {
  /**
   * Where the state is kept: the name of the rule's states and the partition key. Any text; taken literally. Distinct within
   * one call, and of one algorithm always: a state of another algorithm's form counts as none.
   */
  readonly key: string;
  /**
   * Of a `key` that is `${stateName}:${partition}`, the two, so that a store need not take it apart. A check that is copied to
   * give it another key must leave them out; a throttle gives them to memoryStore() alone.
   */
  readonly stateName?: string | undefined;
  /** See {@link Check.stateName}. */
  readonly partition?: string | undefined;
  /** The rule's limit, window and mode. */
  readonly policy: Policy;
  /** How it counts. */
  readonly algorithm: Algorithm;
  /** Units; negative only in a correction. */
  readonly cost: number;
  /** For a correction, the `chargedAt` of the decision it corrects; else null. */
  readonly since: number | null;
  /** For a correction, the `source` of the decision it corrects: the charge is corrected where it was made. Default "store". */
  readonly chargedBy?: Source;
}

/** A change in how well a store works: told once at each change, not once a request. */
export interface StoreChange {
  /** Which way it changed. */
  readonly state: "failing" | "healed";
  /** What went wrong. */
  readonly error?: unknown;
  /** The part of the store that it is about, where it fails in parts: a node of a cluster, or one rule. */
  readonly part?: string;
}

/** What of a store fails by itself: a node of a cluster, or the store as a whole. */
export interface StorePart {
  /** Its name, as a message shows it: "10.0.0.1:7001"; "" for a store as a whole. */
  readonly name: string;
  /**
   * Asks whether it works, by writing something that is no state; rejects when it does not. No request waits for it. Without
   * it a request is the probe, and any answer to it is good news.
   */
  probe?(): Promise<unknown>;
  /** Is there a connection? What is asked without one may be sent later than it fails. Default: nobody knows, so yes. */
  isConnected?(): boolean;
  /** Does this error say that nothing of the call was done? It may be sent again then. Default: no error does. */
  ranNothing?(error: unknown): boolean;
}

/** A place to keep states. It has one verb. */
export interface Store {
  /** Do other processes see what this one writes? */
  readonly shared: boolean;
  /** How messages call it. Default "the store". */
  readonly name?: string | undefined;
  /**
   * Loads every state, steps every check, and keeps all the new states or none: none when a check in
   * enforce mode refuses (then only what the refusing steps themselves say is kept). The store's own clock
   * says what time it is.
   *
   * @param checks One per rule, keys distinct.
   * @param spend False to peek: nothing is kept. Default true.
   * @returns One decision per check, in order.
   */
  decide(checks: readonly Check[], spend?: boolean): MaybePromise<readonly Decision[]>;
  /**
   * Called at construction with a throttle's rules.
   *
   * @throws {TypeError} On a rule that cannot work on this store.
   */
  prepare?(rules: readonly CompiledRule[]): void;
  /** Called at construction by whoever wants to hear when the store stops or starts to work as it should. */
  observe?(listener: (change: StoreChange) => void): void;
  /**
   * What a throttle puts around this store. `sharedGuard` adds a circuit breaker, the deny cache and more. Default: the
   * deadline and the rules' `onStoreFailure` alone.
   */
  readonly guard?: StoreGuard | undefined;
  /** How long a throttle waits for an answer, in ms, before it goes by the rules' `onStoreFailure`. Default 250. */
  readonly deadlineMs?: number | undefined;
  /** May `sharedGuard` remember this store's certain refusals and answer them without asking? Default: if it is shared. */
  readonly denyCache?: boolean | undefined;
  /** The part that a check's state is kept on. Default: the store fails as a whole. */
  partOf?(check: Check): MaybePromise<StorePart>;
  /** The clock it decides by, epoch ms, where that can be read here. */
  readonly clock?: (() => number) | undefined;
  /** Forgets one key, taken literally. */
  forget?(key: string): MaybePromise<void>;
  /** Gives back what this process has taken ahead, and takes no more. Call it when the process ends; the client stays open. */
  close?(): MaybePromise<void>;
  /**
   * Runs a Lua script where the states are, for what else instances share, such as statistics. Never on the path of a request.
   *
   * @param script Its text.
   * @param keys What it reads and writes; the store puts its prefix before each. On a cluster, keys of one slot.
   * @param args Its other words.
   * @returns The reply.
   */
  run?(script: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
}

/**
 * Puts something around a store. `sharedGuard` is one; the package makes no others.
 *
 * @param store The store that was given to the throttle.
 * @param rules The throttle's rules.
 * @param onStoreFailure The policy of rules that name none.
 * @returns A store that never fails, but for `forget`, and whose decisions all have `at` and `chargedAt`.
 */
export type StoreGuard = (
  store: Store,
  rules: readonly CompiledRule[],
  onStoreFailure: FailurePolicy,
) => Store;

/** A store whose decisions all have their times. */
export interface DatedStore extends Store {
  decide(checks: readonly Check[], spend?: boolean): MaybePromise<readonly DatedDecision[]>;
  /** What has begun beside the requests, such as a probe: a platform that ends with its request is to wait for it. */
  background?(): Promise<unknown> | null;
}

/** A check as a store sees it that keeps all charges in one place. */
export type Asked = Omit<Check, "source">;

/** A check with room for the verdict. */
export interface OpenCheck extends Asked, Verdict {}

/** A store as a throttle asks it. */
export interface AnsweringStore extends DatedStore {
  /**
   * {@link Store.decide} for a throttle: writes each verdict into its question. Where some are known to refuse, the store
   * may leave the others without one.
   */
  answer(questions: readonly OpenCheck[], spend: boolean): MaybePromise<void>;
}

/** A store from which a throttle may take units ahead. */
export interface LeasingStore extends Store {
  /** Puts that around the store as a throttle asks it: null where nothing is to be taken ahead. */
  readonly leases: ((store: DatedStore, rules: readonly CompiledRule[]) => DatedStore) | null;
}

/** What was said of a check, where it came from if not from a store, and when a charge was recorded if not when it was said. */
type Answered = Said & Partial<Pick<Verdict, "source" | "chargedAt">>;

/**
 * The decision that an answer amounts to.
 *
 * @param check What was asked.
 * @param answer What was said of it.
 * @param at The time of the answer, epoch ms.
 * @returns A new decision.
 */
export function decisionOf({ policy, cost }: Asked, answer: Answered, at: number): DatedDecision {
  // Whole from the start: engines lay an object out by the literal that makes it.
  return {
    rule: policy.name,
    limit: policy.limit,
    windowMs: policy.windowMs,
    cost,
    mode: policy.mode,
    allowed: answer.allowed,
    remaining: answer.remaining,
    resetAfterMs: answer.resetAfterMs,
    retryAfterMs: answer.retryAfterMs,
    blocked: answer.blocked === true,
    blockedMs: answer.blockedMs ?? 0,
    source: answer.source ?? "store",
    at,
    chargedAt: answer.chargedAt ?? at,
  };
}
