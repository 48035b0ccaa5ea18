/**
 * One check on its way through a memory store.
 *
 * @module
 */

import type { SteppedLog } from "../../algorithms/log_form.ts";
import type { PackedStep } from "../../algorithms/packed.ts";
import type { Name } from "./rule_names.ts";
import type { Segment } from "./segment.ts";

/** The most numbers that a packed state has. */
const WIDEST = 4;

/**
 * The slot of a check's key, or the slot that it would have; its state there; and the numbers of its step. A memory store has
 * as many cursors as the most checks of a decision, and writes them anew for each decision, so that a decision allocates
 * nothing.
 */
export class Cursor implements PackedStep {
  /** Does the rule count in windows of one length? */
  counts = false;
  /** Is there a state to step from? */
  hasState = false;
  /** That state, where it is packed. It may be past its time, which its algorithm then sees. */
  readonly before: Float64Array = new Float64Array(WIDEST);
  /** That state, where it is a log, and its step with the new state. */
  log: SteppedLog | null = null;
  /** That state, where it is neither. */
  unpacked: unknown = null;

  allowed = false;
  remaining = 0;
  resetAfterMs = 0;
  retryAfterMs = 0;
  ttlMs = 0;
  at = 0;
  blockedMs = 0;
  changed = false;
  readonly state: Float64Array = new Float64Array(WIDEST);
  /** The new state, where it is neither packed nor a log. */
  kept: unknown = null;

  /** The name of the rule's states, the halves of the key's fingerprint, and its slot, negative where it has none. */
  name: Name | null = null;
  low = 0;
  high = 0;
  segment: Segment | null = null;
  slot = -1;
}
