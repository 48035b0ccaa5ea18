/**
 * The limitations of a log, in sentences.
 *
 * @module
 */

import type { PreparedRule } from "../rules/rule.ts";
import type { LoggedRequest } from "./logged_request.ts";

/** Of how many addresses it is remarkable that they carry nearly all. */
const FEW = 5;

/** How much nearly all is. */
const NEARLY_ALL = 0.9;

/** Fewer requests than these do not show which address carries how many. */
const MANY_REQUESTS = 1000;

/** Looks at the requests of a log for effects that their replay does not show. */
export class Limitations {
  failed = 0;
  #requests = 0;
  #withoutAddress = 0;
  #limited = 0;
  #options = 0;
  #untimed = 0;
  #wholeSeconds = true;
  #firstError = "";
  readonly #byAddress = new Map<string, number>();
  readonly #rules: readonly PreparedRule[];

  constructor(rules: readonly PreparedRule[]) {
    this.#rules = rules;
  }

  add({ at, method, address, status, durationMs }: LoggedRequest): void {
    this.#requests++;
    if (address === null) this.#withoutAddress++;
    else this.#byAddress.set(address, (this.#byAddress.get(address) ?? 0) + 1);
    if (status === 429) this.#limited++;
    if (method === "OPTIONS") this.#options++;
    if (durationMs === undefined) this.#untimed++;
    if (at % 1000 !== 0) this.#wholeSeconds = false;
  }

  addFailed(error: unknown): void {
    if (this.failed++ === 0) this.#firstError = error instanceof Error ? error.message : String(error);
  }

  /** How much of the requests with an address the few with the most requests have. */
  #shareOfFew(): number {
    const counts = [...this.#byAddress.values()].sort((a, b) => b - a);
    const sum = (list: readonly number[]): number => list.reduce((total, each) => total + each, 0);
    return sum(counts.slice(0, FEW)) / Math.max(1, sum(counts));
  }

  sentences(): string[] {
    const few = Math.min(FEW, this.#byAddress.size);
    const share = this.#shareOfFew();
    const needsEnds = this.#rules.some((rule) => rule.implementation.heldWhileRunning === true);
    const isShort = this.#rules.some(({ windowMs }) => windowMs !== null && windowMs < 60_000);
    const notes: (readonly [boolean, string])[] = [
      [
        this.#requests > 0,
        "A client that is refused behaves otherwise afterwards: it waits, gives up or tries again. The log has none of that.",
      ],
      [
        this.#requests > 0 && this.#wholeSeconds && isShort,
        "All times are whole seconds: requests of one second count as simultaneous, which matters for windows of seconds.",
      ],
      [
        this.#requests >= MANY_REQUESTS && share >= NEARLY_ALL,
        `${few} of ${this.#byAddress.size} addresses sent ${
          Math.floor(share * 100)
        } % of the requests: they may be those of a proxy ` +
        "in front, or of a school or company, with many people behind each.",
      ],
      [
        this.#withoutAddress > 0,
        `${this.#withoutAddress} requests have no address of a client.`,
      ],
      [
        this.#limited > 0,
        `${this.#limited} requests were answered with 429: another limit was at work, and clients may have slowed down for it.`,
      ],
      [
        this.#options > 0,
        `${this.#options} requests are OPTIONS: those that are CORS preflights, which logs do not tell, count under no rule in production.`,
      ],
      [
        needsEnds && this.#untimed > 0,
        `${this.#untimed} requests have no duration: a rule on running requests takes them as over at once.`,
      ],
      [
        this.failed > 0,
        `${this.failed} requests could not be decided and would be answered with an error, the first with: ${this.#firstError}`,
      ],
    ];
    return notes.filter(([applies]) => applies).map(([, text]) => text);
  }
}
