/**
 * The explanation of one request under the rules of a throttle.
 *
 * @module
 */

import type { Decision } from "../decision.ts";

/** The client's address, and the way in which it was found. */
export interface ExplainedAddress {
  /** The address in canonical text; null if the request has none. */
  readonly value: string | null;
  /** The source: the peer, an entry of a header, a platform, the option `client.address`; or the reason why there is none. */
  readonly from: string;
  /** The peer of the connection: an address, "unix", or null if the server names none. */
  readonly peer: string | null;
  /** The header that the address is from; null if it is from elsewhere. */
  readonly header: string | null;
  /** The position in that header, counted from the right, from 1; null if the address is from elsewhere. */
  readonly hop: number | null;
}

/** The key under which a rule counts a request. */
export interface ExplainedKey {
  /** The name of the key function: "ip", "user", "header-x-tenant"; "custom" if it has none. */
  readonly kind: string;
  /** The result of the key function: the string for `usage` and `reset`. */
  readonly value: string;
  /** The key under which the store keeps the units used: the prefix, the rule, and the value or its hash. */
  readonly stored: string;
}

/** One rule's part in an {@link Explanation}. */
export interface ExplainedRule {
  /** The rule's name. */
  readonly rule: string;
  /** Does the rule apply to the request? */
  readonly applies: boolean;
  /** The reason why it applies, or does not, as a clause: "the method is GET, and its pattern is "POST /login"". */
  readonly because: string;
  /** The key; null if the rule does not apply, or refuses requests without a key. */
  readonly key: ExplainedKey | null;
  /** The rule's decision; null if the rule does not apply, or was not asked. */
  readonly decision: Decision | null;
  /** The units in use, this request's included if it was charged; null if the decision has no numbers. */
  readonly used: number | null;
  /**
   * When the request passes this rule: "passes now"; "passes at 2026-11-29T10:15:00.000Z"; "never: the cost of 5 is above the
   * burst of 3". A refusal that a higher limit would change adds "; passes with a limit of at least 6". Null without a decision.
   */
  readonly passes: string | null;
  /** The time at which a refused request passes, epoch ms; null if it passes now, never, or nobody knows. */
  readonly passesAt: number | null;
  /** The smallest limit under which a refused request would pass now; null if it was not refused, or no limit helps. */
  readonly neededLimit: number | null;
}

/** The result of {@link Throttle.explain}. */
export interface Explanation {
  /** Does every rule that enforces its limit let the request pass, and authentication too? */
  readonly allowed: boolean;
  /** True if the throttle decided this very request before: the decisions are those. False: they are those of a look. */
  readonly decided: boolean;
  /** The client's address. */
  readonly address: ExplainedAddress;
  /** The id that authentication found; null if it found none. */
  readonly identity: string | null;
  /** One per rule of the throttle, in rule order. */
  readonly rules: readonly ExplainedRule[];
  /** The explanation as sentences, a line for the request, one for the address and one for each rule. */
  readonly text: string;
}
