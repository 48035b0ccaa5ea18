/**
 * The limitations of a log, in sentences.
 *
 * @module
 */

import { messageOf } from "../cannot.ts";
import { counted, waitText } from "../rejections/quota_text.ts";
import type { LoggedRequest, LogSummary } from "./logged_request.ts";

/** Of how many addresses it is remarkable that they carry nearly all. */
const FEW = 5;

/** How much nearly all is. */
const NEARLY_ALL = 0.9;

/** Fewer requests than these do not show which address carries how many. */
const MANY_REQUESTS = 1000;

/** The questions that a log is to answer. */
export interface Questions {
  /** Does anything depend on how long requests last? */
  readonly needsEnds: boolean;
  /** The windows of the limits, in ms. */
  readonly windowsMs: readonly number[];
}

/** Looks at the requests of a log for effects that their replay does not show. */
export class Limitations {
  failed = 0;
  #requests = 0;
  #withoutAddress = 0;
  #limited = 0;
  #options = 0;
  #untimed = 0;
  #wholeSeconds = true;
  #from = Infinity;
  #to = -Infinity;
  #firstError = "";
  readonly #questions: Questions;

  constructor(questions: Questions) {
    this.#questions = questions;
  }

  add({ at, method, address, status, durationMs }: LoggedRequest): void {
    this.#requests++;
    if (address === null) this.#withoutAddress++;
    if (status === 429) this.#limited++;
    if (method === "OPTIONS") this.#options++;
    if (durationMs === undefined) this.#untimed++;
    if (at % 1000 !== 0) this.#wholeSeconds = false;
    if (at < this.#from) this.#from = at;
    if (at > this.#to) this.#to = at;
  }

  addFailed(error: unknown): void {
    if (this.failed++ === 0) this.#firstError = messageOf(error);
  }

  /**
   * @param byAddress The number of requests of each address.
   * @param summary How the reading of the log went, where it was read here.
   */
  sentences(byAddress: Uint32Array, summary: LogSummary | undefined): string[] {
    const { windowsMs } = this.#questions;
    const coveredMs = this.#to - this.#from;
    const longestMs = Math.max(0, ...windowsMs);
    const few = Math.min(FEW, byAddress.length);
    const share = shareOfFew(byAddress);
    const notes: (readonly [boolean, string])[] = [
      [
        this.#requests > 0,
        "A client that is refused behaves otherwise afterwards: it waits, gives up or tries again. The log has none of that.",
      ],
      [
        this.#requests > 0,
        "A log that is a sample, or that leaves requests out, such as those of images or of health checks, has fewer requests than " +
        "came: more would be refused.",
      ],
      [
        summary?.formats.includes("weir") === true,
        "Lines of logTo() are the refused requests alone, with route patterns for paths; a request has one more for each rule in " +
        "shadow, or on trial, that would refuse it.",
      ],
      [
        this.#requests > 0 && longestMs > coveredMs,
        `The log covers less time than the longest window, ${
          waitText(longestMs)
        }: a longer log may have more requests in one.`,
      ],
      [
        this.#requests > 0 && this.#wholeSeconds && windowsMs.some((windowMs) => windowMs < 60_000),
        "All times are whole seconds: requests of one second count as simultaneous, which matters for windows of seconds.",
      ],
      [
        this.#requests >= MANY_REQUESTS && share >= NEARLY_ALL,
        `${few} of ${byAddress.length} addresses sent ${
          Math.floor(share * 100)
        } % of the requests: they may be those of a proxy ` +
        "in front, or of a school or company, with many people behind each.",
      ],
      ...this.#notesOnSome(),
    ];
    return notes.filter(([applies]) => applies).map(([, text]) => text);
  }

  /** Notes on some of the requests, and whether there are such. */
  #notesOnSome(): (readonly [boolean, string])[] {
    const untimed = this.#questions.needsEnds ? this.#untimed : 0;
    const notes: (readonly [number, one: string, many: string, note: string])[] = [
      [this.#withoutAddress, "has", "have", "no address of a client."],
      [
        this.#limited,
        "was",
        "were",
        "answered with 429: another limit was at work, and clients may have slowed down for it.",
      ],
      [
        this.#options,
        "is",
        "are",
        "OPTIONS: those that are CORS preflights, which logs do not tell, count under no rule in production.",
      ],
      [untimed, "has", "have", "no duration: a rule on running requests takes such as over at once."],
      [
        this.failed,
        "could",
        "could",
        `not be decided and would be answered with an error, the first with: ${this.#firstError}`,
      ],
    ];
    return notes.map(([n, one, many, note]) =>
      [n > 0, `${counted(n, "request")} ${n === 1 ? one : many} ${note}`] as const
    );
  }
}

/** How much of the requests the few addresses with the most requests sent. */
function shareOfFew(byAddress: Uint32Array): number {
  let total = 0;
  /** The greatest so far, greatest first. */
  const few: number[] = [];
  for (const count of byAddress) {
    total += count;
    if (few.length === FEW && count <= few[FEW - 1]) continue;
    few.push(count);
    few.sort((a, b) => b - a);
    few.length = Math.min(FEW, few.length);
  }
  return few.reduce((sum, count) => sum + count, 0) / Math.max(1, total);
}
