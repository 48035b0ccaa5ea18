/**
 * A second set of rules on the requests of a replay.
 *
 * @module
 */

import { type MaybePromise, then } from "../maybe.ts";
import type { Visit } from "./each_request.ts";
import { most } from "./counts.ts";
import { generalPaths } from "./general_path.ts";
import type { LoggedRequest, LogSummary } from "./logged_request.ts";
import { compileReplay, type Replayer, type RuleSet } from "./replayer.ts";
import type { ComparedRules } from "./replay_report.ts";

/** The requests of one address or route that each set refuses. */
interface Pair {
  rules: number;
  this: number;
  /** Requests that one set refuses and the other does not. */
  differing: number;
}

function pairOf(pairs: Map<string, Pair>, name: string): Pair {
  let pair = pairs.get(name);
  if (pair === undefined) pairs.set(name, pair = { rules: 0, this: 0, differing: 0 });
  return pair;
}

/** The pairs that differ most. */
const differingMost = (pairs: ReadonlyMap<string, Pair>) => most(pairs, ({ differing }) => differing);

/** Compares the verdicts of a set of rules with those of the first set. */
export class Comparison {
  readonly #name: string;
  readonly #replayer: Replayer;
  readonly #clients = new Map<string, Pair>();
  readonly #routes = new Map<string, Pair>();
  readonly #pathOf = generalPaths();
  #both = 0;
  #onlyRules = 0;
  #onlyThis = 0;

  constructor(name: string, rules: RuleSet) {
    this.#name = name;
    this.#replayer = compileReplay(rules);
  }

  /** Decides a request that the first set has decided. */
  decide([logged, client, target]: Parameters<Visit>, byRules: boolean): MaybePromise<void> {
    return then(
      this.#replayer.decide(logged, client, target),
      (byThis) => this.#add(logged, byRules, byThis),
    );
  }

  #add({ address, url }: LoggedRequest, byRules: boolean, byThis: boolean): void {
    if (!byRules && !byThis) return;
    if (byRules && byThis) this.#both++;
    else if (byRules) this.#onlyRules++;
    else this.#onlyThis++;
    const pairs = [pairOf(this.#routes, this.#pathOf(url))];
    if (address !== null) pairs.push(pairOf(this.#clients, address));
    for (const pair of pairs) {
      if (byRules) pair.rules++;
      if (byThis) pair.this++;
      if (byRules !== byThis) pair.differing++;
    }
  }

  report(summary: LogSummary | undefined): ComparedRules {
    let differing = 0;
    for (const pair of this.#clients.values()) if (pair.differing > 0) differing++;
    return {
      name: this.#name,
      report: this.#replayer.tally.report(summary),
      ...{ both: this.#both, onlyRules: this.#onlyRules, onlyThis: this.#onlyThis, differing },
      clients: differingMost(this.#clients).map(([key, pair]) => (
        { key, rules: pair.rules, this: pair.this }
      )),
      routes: differingMost(this.#routes).map(([route, pair]) => (
        { route, rules: pair.rules, this: pair.this }
      )),
    };
  }
}
