/**
 * The functions of its throttle that an explanation uses. They are passed, not imported: this folder imports no code of another
 * one, so that a bundler can leave it out, or put it into a file of its own.
 *
 * @module
 */

import type { Policy } from "../algorithms/algorithm.ts";
import type { Authenticate } from "../auth/authenticate.ts";
import type { ClientOptions } from "../client/client.ts";
import type { PlatformFacts } from "../client/platforms.ts";
import type { ReadHeader, Walk } from "../client/proxies.ts";
import type { Context } from "../context.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { RuleCheck } from "../exchange/rule_check.ts";
import type { Key, Partition } from "../keys/key.ts";
import type { MaybePromise } from "../maybe.ts";
import type { PreparedRule } from "../rules/rule.ts";
import type { AnsweringStore } from "../stores/store.ts";

/** Makes a rule's check of a request; null when the rule does not apply to the request. */
export type CheckRule = (rule: PreparedRule, exchange: Exchange) => MaybePromise<RuleCheck | null>;

/** The functions that read a client's address. */
export interface AddressTools {
  readonly client: ClientOptions | undefined;
  readonly platforms: Readonly<Record<string, PlatformFacts>>;
  peerOf(request: Request, platform: readonly unknown[]): string | null;
  headerReader(header: string): ReadHeader;
  walkHops(hops: number, header: string): Walk;
  walkRanges(ranges: readonly string[]): Walk;
}

/** The parts and functions of one throttle. */
export interface ExplainTools extends AddressTools {
  readonly rules: readonly PreparedRule[];
  /** The guarded store. */
  readonly store: AnsweringStore;
  /** Epoch ms. */
  readonly clock: () => number;
  readonly authenticate: Authenticate | null;
  /** Gives the key under which the store keeps a state. */
  storedKey(key: string): MaybePromise<string>;
  /** Makes an exchange that spends nothing where `spend` is false. */
  newExchange(request: Request, platform: readonly unknown[], spend: boolean): Exchange;
  /** The innermost exchange that a request is on, or was on last. */
  exchangeOf(request: Request): Exchange | undefined;
  /** Makes the function that makes checks. */
  compileCheck(
    rules: readonly PreparedRule[],
    clock: () => number,
    complain: (rule: PreparedRule, exchange: Exchange, error: unknown) => void,
  ): CheckRule;
  /** The check of a cost under a policy. */
  newCheck(
    rule: PreparedRule,
    partition: string,
    policy: Policy,
    cost: number,
    clock: () => number,
  ): RuleCheck;
  /** Asks the store for the verdicts on checks. */
  askStoreAbout(store: AnsweringStore, checks: readonly RuleCheck[], spend: boolean): MaybePromise<void>;
  /** A key's partition function, which distinguishes an exemption from null. */
  partitionOf(key: Key): (context: Context) => MaybePromise<Partition>;
}
