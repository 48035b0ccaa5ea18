/**
 * A cluster of servers: a command reaches the keys of one slot, and a slot lives on one node.
 *
 * @module
 */

import type { ChargedDecision } from "../../decision.ts";
import type { Check, StorePart } from "../store.ts";
import { decideInGroups, groupsOf, type Item } from "../wrappers/decide_in_groups.ts";

/** A check and the key that its state is stored under. */
export interface KeyedCheck extends Item {
  /** The stored key of its state. */
  readonly key: string;
}

/** Decides checks under their stored keys, all of one slot. */
export type DecideInSlot = (
  checks: readonly Check[],
  keys: readonly string[],
  spend: boolean,
  slot: number,
) => Promise<readonly ChargedDecision[]>;

/** The work of a store that differs on a cluster. */
export interface Cluster {
  /** Decides the checks of one slot in one call; the calls of several slots go out at once. */
  decide(
    checks: readonly KeyedCheck[],
    spend: boolean,
    decide: DecideInSlot,
  ): Promise<readonly ChargedDecision[]>;
  /**
   * Makes the function that finds the part with a stored key.
   *
   * @param newPart Makes the part that is the node of this address, from what finds the key of a probe that lives on it.
   * @param probeKey Gives any number of keys for probes.
   */
  partsOf(
    newPart: (node: string, keyOn: () => string) => StorePart,
    probeKey: (n: number) => string,
  ): (stored: string) => StorePart;
}

/** The node of a slot, while the client has not heard of any. */
const UNKNOWN = "a node not known yet";

/** How many keys are tried until one is found that lives on a node: enough for some hundred nodes. */
const MAX_TRIES = 5000;

/**
 * @param slotOf The slot of a key.
 * @param nodeOf The address of the node that has a slot; undefined while the client does not know.
 */
export function clusterOf(
  slotOf: (key: string) => number,
  nodeOf: (slot: number) => string | undefined,
): Cluster {
  return {
    decide(checks, spend, decide) {
      const groups = groupsOf(checks, ({ key }) => slotOf(key));
      const decideIn = (slot: number, own: readonly KeyedCheck[], spend: boolean) =>
        decide(own.map(({ check }) => check), own.map(({ key }) => key), spend, slot);
      if (groups.length === 1) return decideIn(groups[0].shard, checks, spend);
      return decideInGroups(groups, spend, decideIn);
    },
    partsOf(newPart, probeKey) {
      const parts = new Map<string, StorePart>();
      function keyOn(node: string): string {
        for (let n = 0; n < MAX_TRIES; n++) {
          if (nodeOf(slotOf(probeKey(n))) === node) return probeKey(n);
        }
        return probeKey(0);
      }
      return (stored) => {
        const node = nodeOf(slotOf(stored)) ?? UNKNOWN;
        const part = parts.get(node) ?? newPart(node, () => keyOn(node));
        parts.set(node, part);
        return part;
      };
    },
  };
}
