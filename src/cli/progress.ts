/**
 * A bar that shows how far a command is.
 *
 * @module
 */

import { count } from "../dashboard/number_text.ts";

/** Ms between two pictures of it. */
const STEP_MS = 100;
const WIDTH = 24;

/** "12 s left", "3 min left". */
function leftText(seconds: number): string {
  if (!(seconds > 0)) return "";
  return seconds < 100 ? `${Math.ceil(seconds)} s left` : `${Math.ceil(seconds / 60)} min left`;
}

/** Shows the progress of one step of a command. */
export class Progress {
  readonly #show: (text: string) => void;
  readonly #clock: () => number;
  #step = "";
  #start = 0;
  #shown = -Infinity;

  /**
   * @param show Writes a line over the last one.
   * @param clock The time, ms.
   */
  constructor(show: (text: string) => void, clock: () => number = Date.now) {
    this.#show = show;
    this.#clock = clock;
  }

  /**
   * How far a step is.
   *
   * @param step Its name.
   * @param lines The lines that are done.
   * @param part The part of the work that is done, 0 to 1; NaN where nobody knows how much there is. A log that is written to
   * has more than it had at the beginning.
   */
  report(step: string, lines: number, part: number): void {
    const share = Math.min(1, part);
    const now = this.#clock();
    if (step !== this.#step) {
      this.#step = step;
      this.#start = now;
    }
    if (now - this.#shown < STEP_MS) return;
    this.#shown = now;
    const seconds = (now - this.#start) / 1000;
    const speed = seconds > 0 ? `${count(lines / seconds)} lines/s` : "";
    const full = Math.round(share * WIDTH);
    const bar = Number.isNaN(share)
      ? `${count(lines)} lines`
      : `[${"#".repeat(full).padEnd(WIDTH, "-")}] ${Math.floor(share * 100)} %`;
    this.#show(
      [step, bar, speed, leftText(seconds / share - seconds)].filter((text) => text !== "").join("  "),
    );
  }

  /** Takes the bar away. */
  end(): void {
    if (this.#step !== "") this.#show("");
  }
}
