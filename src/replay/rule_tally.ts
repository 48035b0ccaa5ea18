/**
 * The counts of one rule in a replay.
 *
 * @module
 */

import type { Exchange } from "../exchange/exchange.ts";
import type { PreparedRule } from "../rules/rule.ts";
import { add, most } from "./counts.ts";
import { generalPaths } from "./general_path.ts";
import type { ReplayedRule } from "./replay_report.ts";

const HOUR_MS = 3_600_000;

/** Counts the requests that one rule is asked about. */
export class RuleTally {
  #asked = 0;
  #refused = 0;
  readonly #rule: PreparedRule;
  /** The refused requests of each key. */
  readonly #keys = new Map<string, number>();
  /** The last key of each client: it is mostly the next one, too. */
  readonly #lastOf: string[] = [];
  readonly #routes = new Map<string, number>();
  readonly #pathOf = generalPaths();
  readonly #hours = new Map<number, { asked: number; refused: number }>();
  #hour = { asked: 0, refused: 0 };
  #hourStart = NaN;

  constructor(rule: PreparedRule) {
    this.#rule = rule;
  }

  /** How many keys were asked about. */
  get keys(): number {
    return this.#keys.size;
  }

  /** @param client The number of the address. */
  add(at: number, client: number, partition: string, refused: boolean, exchange: Exchange): void {
    this.#asked++;
    const start = Math.floor(at / HOUR_MS) * HOUR_MS;
    if (start !== this.#hourStart) this.#beginHour(start);
    this.#hour.asked++;
    if (this.#lastOf[client] !== partition) {
      this.#lastOf[client] = partition;
      if (!this.#keys.has(partition)) this.#keys.set(partition, 0);
    }
    if (!refused) return;
    this.#refused++;
    this.#hour.refused++;
    add(this.#keys, partition);
    add(this.#routes, exchange.matched.pattern ?? this.#pathOf(exchange.request.url));
  }

  #beginHour(start: number): void {
    this.#hourStart = start;
    this.#hour = this.#hours.get(start) ?? { asked: 0, refused: 0 };
    this.#hours.set(start, this.#hour);
  }

  report(): ReplayedRule {
    const { name: rule, mode } = this.#rule;
    let refusedClients = 0;
    for (const refused of this.#keys.values()) if (refused > 0) refusedClients++;
    return {
      ...{ rule, mode, asked: this.#asked, refused: this.#refused },
      ...{ clients: this.keys, refusedClients },
      worst: most(this.#keys, (refused) => refused).map(([key, refused]) => ({ key, refused })),
      byRoute: most(this.#routes, (refused) => refused).map(([route, refused]) => ({ route, refused })),
      byHour: [...this.#hours].map(([at, counts]) => ({ at: new Date(at).toISOString(), ...counts })),
    };
  }
}
