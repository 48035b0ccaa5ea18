/**
 * The error of one rule, on a store that works.
 *
 * @module
 */

/** One rule's step failed where the states are, and nothing was charged: no fault of the store, nor of the rules beside it. */
export class RuleError extends Error {
  override name = "RuleError";
  /** The rule's name. Seen by shape: a store may come from another copy of this package. */
  readonly rule: string;

  /**
   * @param rule The rule's name.
   * @param message The message that the step failed with.
   * @param options Its cause.
   */
  constructor(rule: string, message: string, options?: ErrorOptions) {
    super(`The step of rule "${rule}" failed: ${message}`, options);
    this.rule = rule;
  }
}

/** The rule that an error is about, if it is about one alone. */
export function ruleOf(error: unknown): string | null {
  if (!(error instanceof Error) || error.name !== "RuleError") return null;
  const { rule } = error as RuleError;
  return typeof rule === "string" ? rule : null;
}
