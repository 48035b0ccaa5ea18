/**
 * The fields of a response that is not made yet.
 *
 * @module
 */

import { type HeaderFields, setFields, type WritableFields } from "./format.ts";

/**
 * Fields as `Headers` has them. It would refuse the same, but not every server's Response looks. A flood is refused with the
 * same few fields, so the sum of these and others is kept for who adds the same ones next.
 */
export class InitFields implements WritableFields {
  /** By names in lower case. */
  declare readonly record: Record<string, string>;
  /** The name that was looked for last, and whether it was there. */
  declare private asked: string | null;
  declare private found: boolean;
  /** The fields that were added last, their number, and the sum. */
  declare private added: HeaderFields;
  declare private count: number;
  declare private sum: InitFields;

  /** @param record By names in lower case. */
  constructor(record: Record<string, string>) {
    this.record = record;
    this.asked = null;
    this.found = false;
    this.added = record;
    this.count = -1;
    this.sum = this;
  }

  has(name: string): boolean {
    if (name !== this.asked) {
      this.asked = name;
      // Not by `Object.hasOwn`, which takes longer; what an object inherits is no text.
      this.found = typeof this.record[name.toLowerCase()] === "string";
    }
    return this.found;
  }

  get(name: string): string | null {
    return this.has(name) ? this.record[name.toLowerCase()] : null;
  }

  set(name: string, value: string): void {
    const text = String(value);
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name) || !/^[\t\x20-\x7e\x80-\xff]*$/.test(text)) {
      new Headers().set(name, value);
    }
    this.asked = null;
    this.record[name.toLowerCase()] = text;
  }

  delete(name: string): void {
    this.asked = null;
    delete this.record[name.toLowerCase()];
  }

  /** Fields with others, set as {@link setFields} sets them. */
  static with(fields: InitFields, others: HeaderFields): InitFields {
    let count = 0;
    let same = 0;
    for (const name in others) {
      const text = others[name];
      count++;
      if (typeof text === "string" && text === fields.added[name]) same++;
    }
    if (count === same && count === fields.count) return fields.sum;
    const sum = count === 0 ? fields : new InitFields(Object.assign({}, fields.record));
    setFields(sum, others);
    if (count === 0) return fields;
    fields.added = Object.assign({}, others);
    fields.count = count;
    return fields.sum = sum;
  }
}
