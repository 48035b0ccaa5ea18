/**
 * Counts over time, in steps that suit the length of a log.
 *
 * @module
 */

/** Steps from one second to a week; after that each is twice the last, as one line with a wrong date may span centuries. */
const STEPS_MS = [1, 10, 60, 600, 3600, 6 * 3600, 86_400, 7 * 86_400].map((seconds) => seconds * 1000);

/** More steps than these are no picture any more. */
const MAX_STEPS = 240;

/** The counts of one step. */
export interface StepCounts {
  /** Its start, epoch ms. */
  readonly at: number;
  asked: number;
  refused: number;
}

/** Counts requests by the step in which they begin. */
export class OverTime {
  #stepMs = STEPS_MS[0];
  #counts: StepCounts[] = [];
  #current: StepCounts = { at: -Infinity, asked: 0, refused: 0 };

  /** @param at Not earlier than that of the request before. */
  add(at: number, isRefused: boolean): void {
    if (at >= this.#current.at + this.#stepMs) this.#begin(at);
    this.#current.asked++;
    if (isRefused) this.#current.refused++;
  }

  #begin(at: number): void {
    const startOf = (time: number): number => Math.floor(time / this.#stepMs) * this.#stepMs;
    const [first = { at }] = this.#counts;
    while (at - first.at >= MAX_STEPS * this.#stepMs) {
      this.#stepMs = STEPS_MS.find((ms) => ms > this.#stepMs) ?? 2 * this.#stepMs;
      this.#counts = joined(this.#counts, startOf);
    }
    const start = startOf(at);
    const last = this.#counts[this.#counts.length - 1];
    if (last?.at === start) this.#current = last;
    else this.#counts.push(this.#current = { at: start, asked: 0, refused: 0 });
  }

  /** The length of a step, in ms. */
  get stepMs(): number {
    return this.#stepMs;
  }

  /** The steps in which there were requests, in their order. */
  get steps(): readonly StepCounts[] {
    return this.#counts;
  }
}

/** Counts in longer steps. */
function joined(counts: readonly StepCounts[], startOf: (at: number) => number): StepCounts[] {
  const list: StepCounts[] = [];
  for (const { at, asked, refused } of counts) {
    const last = list[list.length - 1];
    if (last?.at === startOf(at)) {
      last.asked += asked;
      last.refused += refused;
    } else list.push({ at: startOf(at), asked, refused });
  }
  return list;
}
