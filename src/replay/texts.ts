/**
 * Texts by number.
 *
 * @module
 */

import { copyOf } from "./formats/scan.ts";

/** Texts by number, from 1. The number of null and of the empty text is 0. Texts that stand for the same have one number. */
export class Texts {
  readonly values: (string | null)[] = [null];
  #numbers = new Map<string, number>();
  readonly #meaning: ((text: string) => string | null) | null;

  /** @param meaning Which text another one stands for; null for none. Default: each for itself. */
  constructor(meaning: ((text: string) => string | null) | null = null) {
    this.#meaning = meaning;
  }

  numberOf(text: string | null): number {
    if (text === null || text === "") return 0;
    return this.#numbers.get(text) ?? this.#add(copyOf(text));
  }

  /** Forgets the numbers of texts: from now on only the texts of numbers are asked for. */
  close(): void {
    this.#numbers = new Map();
  }

  #add(text: string): number {
    const meant = this.#meaning === null ? text : this.#meaning(text);
    let number = meant === null ? 0 : this.#numbers.get(meant);
    if (number === undefined) {
      number = this.values.push(meant) - 1;
      this.#numbers.set(meant as string, number);
    }
    this.#numbers.set(text, number);
    return number;
  }
}

/** Pairs of a method and a URL, by number from 0. */
export class Targets {
  readonly methods: string[] = [];
  readonly urls: string[] = [];
  #byMethod = new Map<string, Map<string, number>>();

  numberOf(method: string, url: string): number {
    let numbers = this.#byMethod.get(method);
    if (numbers === undefined) this.#byMethod.set(copyOf(method), numbers = new Map());
    return numbers.get(url) ?? this.#add(method, copyOf(url), numbers);
  }

  /** As {@link Texts.close}. */
  close(): void {
    this.#byMethod = new Map();
  }

  #add(method: string, url: string, numbers: Map<string, number>): number {
    this.methods.push(method);
    const number = this.urls.push(url) - 1;
    numbers.set(url, number);
    return number;
  }
}
