/**
 * Texts by number.
 *
 * @module
 */

/**
 * A copy of a text: a slice keeps the text that it was cut from alive, which here is a part of the log. V8 makes no
 * slice of what it joins.
 */
export function copyOf(text: string): string {
  return [text.slice(0, 1), text.slice(1)].join("");
}

/** Texts by number, from 1. The number of null and of the empty text is 0. */
export class Texts {
  readonly values: (string | null)[] = [null];
  #numbers = new Map<string, number>();

  numberOf(text: string | null): number {
    if (text === null || text === "") return 0;
    return this.#numbers.get(text) ?? this.#add(copyOf(text));
  }

  /** Forgets the numbers of texts: from now on only the texts of numbers are asked for. */
  close(): void {
    this.#numbers = new Map();
  }

  #add(text: string): number {
    const number = this.values.push(text) - 1;
    this.#numbers.set(text, number);
    return number;
  }
}

/** A method, and the numbers of the URLs that it came with. */
interface Known {
  readonly method: string;
  readonly numbers: Map<string, number>;
}

/** Pairs of a method and a URL, by number from 0. */
export class Targets {
  readonly methods: string[] = [];
  readonly urls: string[] = [];
  #byMethod = new Map<string, Known>();

  numberOf(method: string, url: string): number {
    const known = this.#byMethod.get(method) ?? this.#addMethod(copyOf(method));
    return known.numbers.get(url) ?? this.#add(known, copyOf(url));
  }

  /** As {@link Texts.close}. */
  close(): void {
    this.#byMethod = new Map();
  }

  #addMethod(method: string): Known {
    const known = { method, numbers: new Map<string, number>() };
    this.#byMethod.set(method, known);
    return known;
  }

  #add({ method, numbers }: Known, url: string): number {
    this.methods.push(method);
    const number = this.urls.push(url) - 1;
    numbers.set(url, number);
    return number;
  }
}
