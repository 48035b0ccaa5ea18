/**
 * Block: a penalty around any algorithm. A key with too many refusals is refused outright for a while, and
 * longer each time.
 *
 * @module
 */

import type { Algorithm } from "./algorithm.ts";
import { formOf, isAhead } from "./state.ts";
import { usableStep } from "./usable_step.ts";

/** The numbers of a rule's block. */
export interface Block {
  /** The number of refusals that starts it. */
  readonly after: number;
  /** The time within which they must fall, in ms. */
  readonly windowMs: number;
  /** The length of the first block, in ms. */
  readonly forMs: number;
  /** The factor of the next block's length, if it follows soon. */
  readonly growth: number;
  /** The longest block, in ms. */
  readonly maxMs: number;
}

/** The parts of a state. */
interface Parts<Inner> {
  /** The block's end, epoch ms; 0 without a block. */
  readonly until: number;
  /** Its length, in ms. */
  readonly lastMs: number;
  /** The times of the refusals, epoch ms, ascending; fewer than `after`. */
  readonly refusals: readonly number[];
  readonly inner: Inner | null;
}

/**
 * The stored form. If the inner state is a list of numbers, so is this one: the block's end, its length, the
 * number of refusals, their times, and the inner state.
 */
type State<Inner> = Parts<Inner> | readonly number[];

/** The index of the first refusal in such a list. */
const REFUSALS = 3;

const NOTHING: Parts<never> = { until: 0, lastMs: 0, refusals: [], inner: null };

function partsOf<Inner>(state: State<Inner> | null): Parts<Inner> {
  if (state === null) return NOTHING;
  if (!Array.isArray(state)) return state as Parts<Inner>;
  const begins = REFUSALS + state[2];
  const inner = state.length > begins ? state.slice(begins) as Inner : null;
  return { until: state[0], lastMs: state[1], refusals: state.slice(REFUSALS, begins), inner };
}

function stateOf<Inner>(parts: Parts<Inner>): State<Inner> {
  const { until, lastMs, refusals, inner } = parts;
  if (inner === null) return [until, lastMs, refusals.length, ...refusals];
  // An empty list would be read as no inner state.
  if (!Array.isArray(inner) || inner.length === 0) return parts;
  return [until, lastMs, refusals.length, ...refusals, ...inner];
}

/**
 * Adds a block to an algorithm. Refusals by the block itself, of a cost of 0, and peeks, do not count towards the next block.
 * The growth resets after twice the last block's length without a block.
 *
 * @param algorithm The inner algorithm.
 * @param block The penalty.
 * @returns An algorithm of the same name.
 */
export function withBlock<Inner>(algorithm: Algorithm<Inner>, block: Block): Algorithm<State<Inner>> {
  const { after, windowMs: withinMs, forMs, growth, maxMs } = block;
  const own = [after, withinMs, forMs, growth, maxMs];
  return {
    name: algorithm.name,
    // The state begins with the block's own numbers.
    form: `${formOf(algorithm)}+block`,
    // A twin may end in a comment.
    lua: algorithm.lua && `block_around(${algorithm.lua}\n, ${algorithm.stateSize ?? false})`,
    params: [...own, ...(algorithm.params ?? [])],
    refillsGradually: algorithm.refillsGradually,
    unit: algorithm.unit,
    window: algorithm.window,
    countsPeriods: algorithm.countsPeriods,
    heldWhileRunning: algorithm.heldWhileRunning,
    moving: algorithm.moving && ((to) => withBlock(algorithm.moving!(to), block)),
    // Every refusal counts towards a block, so only the store may refuse.
    mayFreeEarly: true,
    countsDenials: true,
    capacity: algorithm.capacity?.bind(algorithm),
    unsupported: algorithm.unsupported?.bind(algorithm),
    step(state, policy, now, cost, since) {
      const before = partsOf(state);
      const { inner } = before;
      let { until, lastMs } = before;
      let refusals = before.refusals.filter((at) => at + withinMs > now);
      let mended = false;
      if (isAhead(until - lastMs, now, lastMs)) [until, mended] = [now + lastMs, true];
      if (isAhead(refusals.at(-1) ?? now, now, withinMs)) {
        refusals = refusals.map((at) => Math.min(at, now));
        mended = true;
      }
      let step = usableStep(algorithm.step(inner, policy, now, cost, since), policy);
      let { allowed, state: kept } = step;
      let changed = mended || kept !== inner;
      let blocked = false;
      if (since === null) {
        if (now < until) {
          // A blocked request is not charged and its refusal does not count, so the numbers and the state are
          // those of a step of cost 0.
          if (allowed || kept !== inner) {
            const idle = usableStep(algorithm.step(inner, policy, now, 0, null), policy);
            kept = idle.state;
            if (allowed) step = idle;
          }
          [allowed, blocked, changed] = [false, true, mended || kept !== inner];
        } else if (!allowed && cost > 0) {
          changed = true;
          // Ascending even if the clock has gone back.
          refusals = [...refusals, Math.max(now, refusals.at(-1) ?? now)];
          if (refusals.length >= after) {
            const soon = lastMs > 0 && now < until + 2 * lastMs;
            lastMs = soon ? Math.min(maxMs, Math.floor(lastMs * growth)) : forMs;
            [until, refusals, blocked] = [now + lastMs, [], true];
          }
        }
      }
      const leftMs = until - now;
      return {
        allowed,
        remaining: blocked ? 0 : step.remaining,
        resetAfterMs: blocked ? Math.max(step.resetAfterMs, leftMs) : step.resetAfterMs,
        retryAfterMs: blocked ? Math.max(step.retryAfterMs, leftMs) : step.retryAfterMs,
        state: changed ? stateOf({ until, lastMs, refusals, inner: kept }) : state,
        ttlMs: Math.max(
          step.ttlMs,
          lastMs > 0 ? leftMs + 2 * lastMs : 0,
          (refusals.at(-1) ?? now - withinMs) + withinMs - now,
        ),
        at: step.at ?? now,
        blockedMs: blocked ? leftMs : 0,
      };
    },
  };
}
